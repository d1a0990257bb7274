package dynamoslog

import (
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/delivery"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/internal/timetable"
	"github.com/dynamoslog/dynamoslog/story"
)

// stories are those in the care of the handlers derived from one New: the open ones,
// and ended ones that have late lines. Its lock may be taken with a story's held, and
// never the other way round.
type stories struct {
	core *core

	since time.Time // when the handler was made

	mu        sync.Mutex
	closed    bool                     // no more lines are taken
	care      timetable.Table[*buffer] // those in care, by when they are to be looked at, since then
	keyed     map[story.Key]*buffer    // those that are found by their key
	abandoned []*buffer                // whose scopes were collected, and that are not sealed yet
}

var _ delivery.Stories = (*stories)(nil)

// register takes a story into care; false means that the handler is closed.
func (s *stories) register(b *buffer, due time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.care.Put(b, due.Sub(s.since))
	s.core.delivery.Start()
	s.wakeLocked(b, due)
	return true
}

// wakeLocked lets a story be looked at in time that became the first one.
func (s *stories) wakeLocked(b *buffer, due time.Time) {
	if first, _, _ := s.care.First(); first == b {
		s.core.delivery.WakeBy(due)
	}
}

func (s *stories) unregister(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.care.Remove(b)
}

// reschedule lets a story be looked at at another time, with its lock held; one that lingers
// behind those that do already.
func (s *stories) reschedule(b *buffer, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.care.Has(b):
		return
	case b.labels != nil:
		s.care.Queue(b, due.Sub(s.since))
	default:
		s.care.Put(b, due.Sub(s.since))
	}
	s.wakeLocked(b, due)
}

// ofKey returns the story that is open for a key, or a new one; nil where there is no
// memory for one.
func (s *stories) ofKey(key story.Key) (*buffer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if b := s.keyed[key]; b != nil {
		return b, nil
	}
	b := newBuffer(s.core, &scopeFacts{key: key.String(), begun: beginNow()}, 0)
	if b == nil {
		return nil, nil
	}
	b.endsBy = bySilenceKeyed
	s.keyed[key] = b
	return b, nil
}

// forget makes the next line of a story's key begin a new one.
func (s *stories) forget(b *buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := b.key(); s.keyed[key] == b {
		delete(s.keyed, key)
	}
}

// abandon takes note of a story whose scope was collected. It runs in a cleanup:
// it only leaves word, and the story is sealed when stories are looked at next.
func abandon(b *buffer) {
	s := &b.core.stories
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed { // else it is sealed as one that was open
		s.abandoned = append(s.abandoned, b)
	}
}

func (s *stories) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close lets no more lines come.
func (s *stories) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *stories) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.care.Len()
}

// some returns stories in care from a place on, at most so many, and the place behind them.
func (s *stories) some(from, most int) (some []*buffer, behind int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.care.Some(from, most)
}

func (s *stories) all() []*buffer {
	all, _ := s.some(0, math.MaxInt)
	return all
}

// sealAbandoned seals the stories whose scopes were collected.
func (s *stories) sealAbandoned() {
	s.mu.Lock()
	abandoned := s.abandoned
	s.abandoned = nil
	s.mu.Unlock()
	for _, b := range abandoned {
		b.seal(story.Abandoned)
	}
}

// Tend implements [delivery.Stories].
func (s *stories) Tend(now time.Time) (due time.Time) {
	s.sealAbandoned()
	for {
		s.mu.Lock()
		b, since, ok := s.care.First()
		s.mu.Unlock()
		if !ok {
			return time.Time{}
		}
		if due = s.since.Add(since); due.After(now) {
			return due
		}
		b.expire(now)
	}
}

// HandOver implements [delivery.Stories].
func (s *stories) HandOver(state story.State) {
	s.sealAbandoned()
	for _, b := range s.all() {
		switch {
		case b.lingering():
			b.seal(story.Sealed)
		case state == story.Open:
			b.cut()
		default:
			b.seal(state)
		}
	}
}

// Shed implements [delivery.Stories].
func (s *stories) Shed(drop bool, enough func() bool) {
	const most = 4096 // at a time, of what may be a million
	for from := 0; !enough(); {
		var some []*buffer
		if some, from = s.some(from, most); len(some) == 0 {
			return
		}
		for _, b := range some {
			if enough() {
				return
			}
			b.shed(drop)
		}
	}
}

// Repin implements [delivery.Stories].
func (s *stories) Repin(tail storylog.Position) {
	for _, b := range s.all() {
		b.repin(tail)
	}
}

// expire does what is due for the story at a time.
func (b *buffer) expire(now time.Time) {
	b.mu.Lock()
	silent := now.Sub(b.lastLocked()) >= b.core.opts.MaxIdle
	isOpen := b.phase.Load() == open
	var seal story.State
	switch {
	case !b.registered:
	case b.labels != nil:
		if now.Sub(b.start()) >= b.cutAfter {
			seal = story.Sealed
		}
	case !isOpen && silent, b.endsBy != byScope && silent:
		seal = story.Sealed
	case isOpen && now.Sub(b.start()) >= maxOpen:
		seal = story.Continued
	case isOpen && now.Sub(b.start()) >= b.cutAfter:
		if b.handedTo == nil || !b.core.delivery.Waits(b.handedTo) { // else a further chunk would only take memory
			b.cutLocked()
		}
		b.cutAfter = nextCut(now.Sub(b.start()), b.core.opts.MaxAge)
	}
	if seal == "" && b.registered && b.labels == nil { // one that lingers is in its place
		b.core.stories.reschedule(b, b.nextDueLocked())
	}
	keyed := b.endsBy == bySilenceKeyed
	b.mu.Unlock()
	switch {
	case seal == story.Sealed && keyed:
		b.retire(seal)
	case seal != "":
		b.seal(seal)
	}
}

// nextCut returns when a story is cut that is so old now, from its start on: the times between
// cuts double, up to maxAge.
func nextCut(age, first time.Duration) time.Duration {
	return age + min(age+first, max(maxAge, first))
}

// shed hands over what the story holds, or drops what of it is below Warn.
func (b *buffer) shed(drop bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case drop:
		before := b.held.Held
		b.keepTitleLocked()
		dropped := b.held.KeepFrom(b.core.delivery.Lines, slog.LevelWarn)
		b.gone += int32(dropped)
		b.dropLocked(dropped)
		b.lanes.skip(b.held.TakeLost())
		b.core.delivery.Counts.Drop(b.key().Kind, dropped)
		b.core.delivery.Budget.Add(int64(b.held.Held - before))
	case b.held.Held > sheds:
		b.cutLocked()
	}
}

// repin lets the story go on in the journal after a position.
func (b *buffer) repin(tail storylog.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.journal.entry.Within(tail) {
		return
	}
	if b.held.Count() > 0 {
		b.cutLocked()
	}
	if log, progress := b.core.delivery.Log, b.progressLocked(); log.Movable(&b.journal.entry, tail, progress) {
		b.asFarLocked(func(h story.Header) { log.Move(&b.journal.entry, h, b.phase.Load() != open, progress) })
	}
}

// seal ends the story, or stores the late lines of one that has ended.
func (b *buffer) seal(state story.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.takeLastLocked(state)
	if k == nil {
		b.unregisterLocked()
		return
	}
	if b.core.opts.Keep == nil || k.Place != compose.Whole {
		b.core.delivery.HandOver(k) // before Shutdown does not find the story among the open ones
		b.goOnLocked()
		return
	}
	b.askKeepLocked(k)
}

// askKeepLocked hands over the last chunk of a story when Options.Keep was asked, without
// the lock.
func (b *buffer) askKeepLocked(k *delivery.Chunk) {
	b.furtherLocked().withKeep = k
	b.core.delivery.Announce(k) // as above
	b.goOnLocked()
	b.mu.Unlock()
	kept := b.core.keep(*k.Header)
	b.mu.Lock()
	b.more.withKeep = nil
	if !kept {
		k.Place = compose.NotKept
	}
	b.core.delivery.HandOver(k)
	for _, k := range b.more.behind {
		b.core.delivery.HandOver(k)
	}
	b.more.behind = nil
	if !b.registered { // the handler was closed meanwhile
		b.cutLocked()
	}
}

func (b *buffer) waitsForKeepLocked() bool { return b.more != nil && b.more.withKeep != nil }

// goOnLocked lets the story, whose last chunk was taken, be looked at again if it goes on,
// perhaps in silence.
func (b *buffer) goOnLocked() {
	if b.phase.Load() != open {
		b.unregisterLocked()
	} else {
		b.core.stories.reschedule(b, b.nextDueLocked())
	}
}

// takeLastLocked takes the chunk with which the story ends, if it does now.
func (b *buffer) takeLastLocked(state story.State) *delivery.Chunk {
	switch {
	case b.waitsForKeepLocked() || b.phase.Load() == retired:
		return nil
	case b.phase.Load() == ended:
		b.cutLocked()
		return nil
	}
	b.uncountLocked() // a waiting story is counted for itself
	if b.countLocked() == 0 && b.droppedLocked() == 0 && b.handedTo == nil {
		b.endsBy = max(b.endsBy, bySilence) // the story begins with a late line, if it does
		b.forgetLabelsLocked()
		return nil
	}
	k := b.takeLocked(state)
	b.forgetLabelsLocked()
	if state == story.Continued {
		b.core.delivery.Budget.Add(budget.PerOpen)
		b.counted = true
		b.continueLocked()
	} else {
		b.cleanup.Stop()
		b.phase.Store(ended)
	}
	return k
}

// forgetLabelsLocked lets goroutines find the scope no more that has ended.
func (b *buffer) forgetLabelsLocked() {
	removeLabels(b.labels)
	b.labels = nil
}

// unregisterLocked takes the story out of the handler's care.
func (b *buffer) unregisterLocked() {
	if b.registered {
		b.core.stories.unregister(b)
		b.registered = false
	}
}

// continueLocked begins the story that goes on from this one.
func (b *buffer) continueLocked() {
	before, now := b.start(), beginNow()
	more := b.furtherLocked()
	more.continues, more.begun = b.idLocked(), now
	b.active -= now.start.Sub(before)
	b.cutAfter, b.handedTo = b.core.opts.MaxAge, nil
	b.lanes, b.gone, b.title, b.lastOffset = lanes{}, 0, "", 0
	if b.journal != nil {
		*b.journal = journalled{}
	}
}

// retire makes place for the next story of the same key, and seals this one.
func (b *buffer) retire(state story.State) {
	b.core.stories.forget(b)
	b.seal(state)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutLocked() // lines that came in between
	b.phase.Store(retired)
	b.unregisterLocked()
}

// A keyedStory leads from a key to the story that is open for it now.
type keyedStory struct {
	key     story.Key
	current atomic.Pointer[buffer]
}

// buffer returns the story's buffer, or nil where there is no memory for one.
func (k *keyedStory) buffer(c *core) (*buffer, error) {
	if b := k.current.Load(); b != nil && b.phase.Load() != retired {
		return b, nil
	}
	c.openLog()
	b, err := c.stories.ofKey(k.key)
	if b != nil {
		k.current.Store(b)
	}
	return b, err
}

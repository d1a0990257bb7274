package dynamoslog

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	maxAge   = time.Hour      // a story's age cut doubles up to this
	maxOpen  = 24 * time.Hour // then a story is continued by another
	farthest = 9e12           // milliseconds from the start that a line may be away, some 285 years: its time may be anything
	perStory = 1 << 10        // bytes that an open or a waiting story takes beside its lines, about
)

// A buffer holds the lines of one story that are not handed over yet.
type buffer struct {
	core    *core
	facts   *scopeFacts
	twins   int // handlers before it that write the same scope to the same store
	cleanup runtime.Cleanup
	attrs   []headerAttr // of the scope, as ReplaceAttr made them; guarded by facts.mu

	keyed   bool        // is found by its key, until it is retired
	retired atomic.Bool // has a successor under the same key

	mu         sync.Mutex
	id         string
	start      time.Time
	idle       bool     // is sealed by silence: it has no scope, or one that has ended
	ended      bool     // its last chunk was taken; lines are late ones
	handing    bool     // its last chunk is with Keep
	behind     []*chunk // that were taken meanwhile, and are handed over after it
	registered bool
	counted    bool // perStory is
	stored     bool // a part was handed over
	continues  string
	telling    *telling // nil before the first chunk
	lanes      lanes
	held       linebuf.Lines
	entry      entry
	refused    int // lines for which there was no memory
	count      int
	maxLevel   slog.Level
	title      string
	lastOffset int64
	active     time.Duration // from the start until the last line came
	interval   time.Duration
	cutAfter   time.Duration // from the start

	due   time.Time // guarded by core.mu, as is:
	index int       // in the heap of open stories
}

// newBuffer returns the buffer of a story, or nil where there is no memory for one.
func newBuffer(c *core, facts *scopeFacts, twins int) *buffer {
	facts.mu.Lock()
	defer facts.mu.Unlock()
	if !c.reserve(perStory) {
		facts.refused++
		c.counts.drop(facts.key.Kind, 1)
		return nil
	}
	b := &buffer{core: c, facts: facts, twins: twins, index: -1, refused: facts.refused, counted: true}
	facts.refused = 0
	b.begin(facts.id, facts.start)
	return b
}

func (b *buffer) begin(id string, start time.Time) {
	b.id, b.start = id, start
	if b.twins > 0 {
		b.id += "-" + strconv.Itoa(b.twins+1)
	}
	b.interval = b.core.opts.MaxAge
	b.cutAfter, b.telling, b.entry = b.interval, nil, entry{}
	b.lanes, b.count, b.title, b.stored, b.lastOffset = lanes{}, 0, "", false, 0
}

// A keyedStory leads from a key to the story that is open for it now.
type keyedStory struct {
	key     story.Key
	current atomic.Pointer[buffer]
}

// buffer returns the story's buffer, or nil where there is no memory for one.
func (k *keyedStory) buffer(c *core) (*buffer, error) {
	if b := k.current.Load(); b != nil && !b.retired.Load() {
		return b, nil
	}
	c.openJournal()
	b, err := c.keyedBuffer(k.key)
	if b != nil {
		k.current.Store(b)
	}
	return b, err
}

// add appends a line. It returns false where the story has been retired.
func (b *buffer) add(s *scratch) (added bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.retired.Load() {
		return false, nil
	}
	facts := b.factsOf(s)
	b.active = s.time().Sub(b.start)
	if !b.registered {
		if !b.core.register(b, b.nextDue()) {
			b.uncount()
			return false, ErrClosed
		}
		b.registered = true
	}
	room := b.held.Room(&facts)
	if room > 0 && !b.core.makeRoomAndReserve(int64(room)) {
		b.core.counts.drop(b.key().Kind, 1)
		b.refused++
		return true, nil
	}
	if b.count == 0 {
		b.title, b.maxLevel = strings.Clone(story.TitleOf(s.message)), s.level
	}
	lane, frames, shared := b.lanes.place(&b.core.stacks, s.site)
	facts.Lane, facts.Frames, facts.Shared = int32(lane), int32(frames), int32(shared)
	b.hold(facts, s.message, s.writer.Text, room)
	b.added(facts.Offset, facts.Level)
	return true, nil
}

// added takes note of a line. The caller holds b.mu.
func (b *buffer) added(offset int64, level slog.Level) {
	b.count++
	b.maxLevel = max(b.maxLevel, level)
	b.lastOffset = offset
	if b.held.Size >= b.core.opts.MaxStory {
		b.cut()
	}
}

// factsOf returns what is known of a line before its place is. The caller holds b.mu.
func (b *buffer) factsOf(s *scratch) linebuf.Meta {
	facts := linebuf.Meta{
		Offset: b.lastOffset, Level: s.level,
		Message: uint32(len(s.message)), Attrs: uint32(len(s.writer.Text)),
		// No less than what they will be, so that there is room for them.
		Lane: int32(len(b.lanes.all)), Frames: int32(len(s.site.stack.PCs)), Shared: int32(len(s.site.stack.PCs)),
	}
	if !s.offsetFrom.IsZero() {
		facts.Offset = min(max(s.offsetFrom.Sub(b.start).Milliseconds(), -farthest), farthest)
	}
	if b.count == 0 && facts.Offset < 0 && facts.Offset > -1000 { // made just before the story was
		facts.Offset = 0
	}
	return facts
}

// hold keeps a line, for which room was reserved. The caller holds b.mu.
func (b *buffer) hold(facts linebuf.Meta, message string, attrs []byte, room int) {
	before := b.held.Held
	b.held.Add(&b.core.blocks, &facts, message, attrs)
	b.journalLine(facts, message, attrs)
	if took := b.held.Held - before; took != room {
		b.core.buffered.Add(int64(took - room))
	}
	if room > 0 {
		b.grew()
	}
}

// grew offers what the story holds to be shed, where it is enough for that or the
// least is. The caller holds b.mu.
func (b *buffer) grew() {
	if b.held.Held > sheds || b.core.dropsOpen() {
		b.core.memory.offer()
	}
}

func (b *buffer) key() story.Key {
	b.facts.mu.Lock()
	defer b.facts.mu.Unlock()
	return b.facts.key
}

// uncount gives back what an open story takes. The caller holds b.mu.
func (b *buffer) uncount() {
	if b.counted {
		b.counted = false
		b.core.buffered.Add(-perStory)
	}
}

// last returns when the last line came. The caller holds b.mu.
func (b *buffer) last() time.Time { return b.start.Add(b.active) }

// nextDue returns when the story has to be looked at. The caller holds b.mu.
func (b *buffer) nextDue() time.Time {
	if b.ended {
		return b.last().Add(b.core.opts.MaxIdle)
	}
	due := b.start.Add(maxOpen)
	if cut := b.start.Add(b.cutAfter); cut.Before(due) {
		due = cut
	}
	if idle := b.last().Add(b.core.opts.MaxIdle); b.idle && idle.Before(due) {
		due = idle
	}
	return due
}

// cut hands over what the story has, as a part. The caller holds b.mu.
func (b *buffer) cut() {
	if b.held.Count == 0 && b.refused == 0 {
		return
	}
	k := b.take(story.Open)
	if b.handing {
		b.core.announce(k)
		b.behind = append(b.behind, k)
		return
	}
	b.core.handOver(k)
}

// take makes a chunk of what the story has. The caller holds b.mu.
func (b *buffer) take(state story.State) *chunk {
	header := b.header(state) // may add notes to the lines
	if b.telling == nil {
		b.telling = b.core.newTelling()
	}
	c := &chunk{
		telling: b.telling, lines: b.held, refused: b.refused,
		late: b.ended, whole: !b.stored && state != story.Open, header: header,
	}
	b.journalChunk(c)
	b.stored = true
	b.held, b.refused = linebuf.Lines{}, 0
	return c
}

// header returns the story's facts as they are now. The caller holds b.mu.
func (b *buffer) header(state story.State) story.Header {
	b.facts.mu.Lock()
	key, attrs, left := b.facts.key, b.facts.attrs, b.facts.leftOut
	if b.core.opts.ReplaceAttr != nil {
		attrs = b.attrs
	}
	b.facts.mu.Unlock()
	h := story.Header{
		Key: key, ID: b.id, State: state, MaxLevel: b.maxLevel, LineCount: b.count, Title: b.title,
		Start: b.start.UTC().Truncate(time.Microsecond).Round(0),
	}
	h.Duration = time.Duration(b.lastOffset) * time.Millisecond
	if state != story.Open && !b.idle {
		h.Duration = max(h.Duration, time.Since(b.start).Truncate(time.Millisecond))
	}
	h.Updated = h.Start.Add(h.Duration).Truncate(time.Millisecond)
	b.headerAttrs(&h, attrs, left)
	return h
}

// seal ends the story, or stores the late lines of one that has ended.
func (b *buffer) seal(state story.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.takeLast(state)
	if c == nil {
		b.unregister()
		return
	}
	b.handing = true
	b.core.announce(c) // before Shutdown does not find the story among the open ones
	if b.ended {
		b.unregister()
	} else {
		b.core.reschedule(b, b.nextDue()) // it goes on, perhaps in silence
	}
	b.mu.Unlock()
	kept := !c.whole || b.core.keep(c.header)
	b.mu.Lock()
	b.handing = false
	c.refusedByKeep = !kept
	b.core.handOver(c)
	for _, k := range b.behind {
		b.core.handOver(k)
	}
	b.behind = nil
	if !b.registered { // the handler was closed meanwhile
		b.cut()
	}
}

// takeLast takes the chunk with which the story ends, if it does now. The caller
// holds b.mu.
func (b *buffer) takeLast(state story.State) *chunk {
	switch {
	case b.handing || b.retired.Load():
		return nil
	case b.ended:
		b.cut()
		return nil
	}
	b.uncount() // a waiting story is counted for itself
	if b.count == 0 && b.refused == 0 && !b.stored {
		b.idle = true // the story begins with a late line, if it does
		return nil
	}
	c := b.take(state)
	if state == story.Continued {
		b.core.buffered.Add(perStory)
		b.counted = true
		b.continueStory()
	} else {
		b.cleanup.Stop()
		b.ended = true
	}
	return c
}

// unregister takes the story out of the handler's care. The caller holds b.mu.
func (b *buffer) unregister() {
	if b.registered {
		b.core.unregister(b)
		b.registered = false
	}
}

// continueStory begins the story that goes on from this one. The caller holds b.mu.
func (b *buffer) continueStory() {
	b.continues = b.id
	start := time.Now()
	id := story.NewID(start)
	b.facts.mu.Lock()
	b.facts.id = id
	b.facts.mu.Unlock()
	b.active -= start.Sub(b.start)
	b.begin(id, start)
}

// retire makes place for the next story of the same key, and seals this one.
func (b *buffer) retire(state story.State) {
	b.mu.Lock()
	b.core.forget(b)
	b.mu.Unlock()
	b.seal(state)
	b.mu.Lock()
	b.retired.Store(true)
	b.cut() // lines that came in between
	b.unregister()
	b.mu.Unlock()
}

// expire does what is due for the story at a time.
func (b *buffer) expire(now time.Time) {
	b.mu.Lock()
	silent := now.Sub(b.last()) >= b.core.opts.MaxIdle
	var seal story.State
	switch {
	case !b.registered:
	case b.ended && silent, b.idle && silent:
		seal = story.Sealed
	case !b.ended && now.Sub(b.start) >= maxOpen:
		seal = story.Continued
	case !b.ended && now.Sub(b.start) >= b.cutAfter:
		if !b.core.waits(b.telling) { // else a further chunk would only take memory
			b.cut()
		}
		b.interval = min(2*b.interval, max(maxAge, b.core.opts.MaxAge))
		b.cutAfter = now.Sub(b.start) + b.interval
	}
	if seal == "" {
		if b.registered {
			b.core.reschedule(b, b.nextDue())
		}
		b.mu.Unlock()
		return
	}
	b.mu.Unlock()
	if b.keyed && seal == story.Sealed {
		b.retire(seal)
		return
	}
	b.seal(seal)
}

package dynamoslog

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/delivery"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/lanenames"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/internal/timetable"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	maxAge   = time.Hour              // a story's age cut doubles up to this
	maxOpen  = 24 * time.Hour         // then a story is continued by another
	lingers  = 100 * time.Millisecond // a story waits so long, when its scope has ended, for lines of goroutines that it started
	farthest = 9e12                   // milliseconds from the start that a line may be away, some 285 years: its time may be anything
)

// A buffer is a story that is told with one handler: it holds the lines that are not
// handed over yet. There may be very many of them, of a line each.
type buffer struct {
	core    *core
	facts   *scopeFacts
	cleanup runtime.Cleanup
	phase   atomic.Uint32 // a phase, written with mu held

	gone int32          // lines that are held no more; guarded by mu
	slot timetable.Slot // in stories.care; guarded by stories.mu

	mu         sync.Mutex // guards what follows
	twins      uint16     // handlers before it that write the same scope to the same store
	endsBy     ending
	registered bool            // it is among the stories that are looked at when they are due
	counted    bool            // the budget counts what a story takes beside its lines
	handedTo   *delivery.Story // nil before the first chunk
	journal    *journalled     // nil without a journal
	more       *moreOfBuffer
	lanes      lanes
	held       linebuf.Lines
	maxLevel   slog.Level
	title      string // set when the first line leaves held
	lastOffset int64  // of the last line, in milliseconds
	// active is the time from the start until the last line came, where silence ends the story
	// or keeps its late lines; and until the scope ended, while there are labels.
	active   time.Duration
	cutAfter time.Duration           // from the start: when the next age cut is due; and until when it lingers, while there are labels
	labels   *proflabel.Owned[Scope] // of a scope that has ended, by which goroutines still find it; nil before, and when the story is sealed
}

// moreOfBuffer is what only some stories have; nil before there is any of it.
type moreOfBuffer struct {
	attrs     []headerAttr      // of the scope, as ReplaceAttr made them; guarded by facts.mu
	withKeep  *delivery.Chunk   // the last chunk, while Options.Keep is asked; else nil
	behind    []*delivery.Chunk // that were taken meanwhile, and are handed over after it
	dropped   int               // lines since the last chunk for which there was no memory
	continues string            // id of the story that it goes on from, if it does
	begun     beginning         // of a story that goes on from another
}

// journalled is what a story has that is written to a journal too.
type journalled struct {
	entry storylog.Entry
	id    string // of the story, once it was asked for: it is written again and again
}

// A phase is how far a story has come. A story of which nothing is to be stored stays
// open when it is sealed: if a line comes, it is told after all.
//
//	open ──seal──▶ ended ──(keyed)──▶ retired
type phase = uint32

const (
	open    phase = iota
	ended         // its last chunk was taken: lines are late ones
	retired       // it has a successor under the same key, and takes no line
)

// An ending says what ends a story, beside the handler's end.
type ending uint8

const (
	byScope        ending = iota // Scope.End, or the collection of the scope
	bySilence                    // it has no scope that will end it
	bySilenceKeyed               // the same, and it is found by its key until it is retired
)

// newBuffer returns the buffer of a story, or nil where there is no memory for one.
func newBuffer(c *core, facts *scopeFacts, twins int) *buffer {
	facts.mu.Lock()
	defer facts.mu.Unlock()
	if !c.delivery.Budget.Reserve(budget.PerOpen) {
		facts.dropped++
		c.delivery.Counts.Drop(facts.keyLocked().Kind, 1)
		return nil
	}
	b := allocate(c)
	b.core, b.facts, b.twins, b.counted = c, facts, uint16(twins), true
	if facts.dropped > 0 {
		b.dropLocked(int(facts.dropped))
		facts.dropped = 0
	}
	b.cutAfter = c.opts.MaxAge
	return b
}

// allocate returns a buffer with what the options need of it, in one piece.
func allocate(c *core) *buffer {
	var b *buffer
	if c.delivery.Log == nil {
		b = new(buffer)
	} else {
		both := new(struct {
			buffer
			journalled
		})
		b, both.journal = &both.buffer, &both.journalled
	}
	if c.opts.ReplaceAttr != nil {
		b.more = new(moreOfBuffer)
	}
	return b
}

// furtherLocked returns what only some stories have, for writing.
func (b *buffer) furtherLocked() *moreOfBuffer {
	if b.more == nil {
		b.more = new(moreOfBuffer)
	}
	return b.more
}

// Slot implements [timetable.Thing].
func (b *buffer) Slot() *timetable.Slot { return &b.slot }

func (b *buffer) begun() *beginning {
	if b.more != nil && b.more.continues != "" {
		return &b.more.begun
	}
	return &b.facts.begun
}

func (b *buffer) start() time.Time { return b.begun().start }

// idLocked returns the story's id.
func (b *buffer) idLocked() string {
	if b.journal != nil && b.journal.id != "" {
		return b.journal.id
	}
	id := b.begun().id()
	if b.twins > 0 {
		id += "-" + strconv.Itoa(int(b.twins)+1)
	}
	if b.journal != nil {
		b.journal.id = id
	}
	return id
}

func (b *buffer) currentID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.idLocked()
}

func (b *buffer) droppedLocked() int {
	if b.more == nil {
		return 0
	}
	return b.more.dropped
}

// dropLocked takes note of lines for which there is no memory.
func (b *buffer) dropLocked(lines int) {
	if lines > 0 {
		b.furtherLocked().dropped += lines
	}
}

// countLocked returns how many lines the story has.
func (b *buffer) countLocked() int { return int(b.gone) + b.held.Count() }

// add appends a line. It returns false where the story has been retired.
func (b *buffer) add(s *scratch) (added bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(s)
}

func (b *buffer) addLocked(s *scratch) (added bool, err error) {
	if b.phase.Load() == retired {
		return false, nil
	}
	m := b.metaLocked(s)
	if b.phase.Load() != open || b.endsBy != byScope {
		b.active = s.time().Sub(b.start())
	}
	if !b.registered {
		if !b.core.stories.register(b, b.nextDueLocked()) {
			b.uncountLocked()
			return false, ErrClosed
		}
		b.registered = true
	}
	if b.countLocked() == 0 && m.Place.Frames > 0 && !b.core.delivery.Budget.Short() {
		b.held.Kind = linebuf.KindOf(s.site.stack.PCs[0])
	}
	room, reserved := b.reserveLocked(&m)
	if !reserved {
		b.core.delivery.Counts.Drop(b.key().Kind, 1)
		b.dropLocked(1)
		b.lanes.pass(&b.core.stacks, s.site)
		return true, nil
	}
	if b.countLocked() == 0 {
		b.maxLevel = s.level
	}
	lane, place := b.lanes.place(&b.core.stacks, s.site)
	m.Lane, m.Place = int32(lane), place
	b.traceLocked(s, lane)
	m.Attrs = uint32(len(s.writer.Text))
	b.holdLocked(&m, s.message, s.writer.Text, room)
	b.addedLocked(m.Offset, m.Level)
	return true, nil
}

// reserveLocked takes memory for a line, as little as it can where there is little. It
// returns how much.
func (b *buffer) reserveLocked(m *linebuf.Meta) (room int, ok bool) {
	room = b.held.Room(b.core.delivery.Lines, m)
	ok = room == 0 || b.core.reserve(int64(room))
	if !ok && b.held.Count() == 0 && b.held.Kind != 0 {
		b.held.Kind = 0
		return b.reserveLocked(m)
	}
	return room, ok
}

// addedLocked takes note of a line.
func (b *buffer) addedLocked(offset int64, level slog.Level) {
	b.maxLevel = max(b.maxLevel, level)
	b.lastOffset = offset
	if b.held.Size >= b.core.opts.MaxStory {
		b.cutLocked()
	}
}

// metaLocked returns what is known of a line before its place is.
func (b *buffer) metaLocked(s *scratch) linebuf.Meta {
	frames := len(s.site.stack.PCs)
	m := linebuf.Meta{
		Offset: b.lastOffset, Level: s.level,
		Message: uint32(len(s.message)),
		// No less than what they will be, so that there is room for them.
		Attrs: uint32(len(s.writer.Text) + len(s.traceAttr) + len(s.spanAttr) + len("  ")),
		Lane:  b.lanes.count, Place: linebuf.Place{Frames: frames, Shared: frames, Turned: true},
	}
	if !s.recordTime.IsZero() {
		m.Offset = min(max(s.recordTime.Sub(b.start()).Milliseconds(), -farthest), farthest)
	}
	if b.countLocked() == 0 && m.Offset < 0 && m.Offset > -1000 { // made just before the story was
		m.Offset = 0
	}
	return m
}

// traceLocked adds to a line's attributes what of its trace differs from the line before in
// its lane.
func (b *buffer) traceLocked(s *scratch, lane int) {
	if s.trace == (ids.Trace{}) {
		return
	}
	more := b.lanes.at(lane).further()
	if more.trace == nil {
		more.trace = ids.NewLast(b.facts.headerTrace())
	}
	newTrace, newSpan := more.trace.Enter(s.trace)
	if newTrace {
		s.writer.Text = attrtext.AppendRendered(s.writer.Text, s.traceAttr)
	}
	if newSpan {
		s.writer.Text = attrtext.AppendRendered(s.writer.Text, s.spanAttr)
	}
}

// holdLocked keeps a line, for which room was reserved.
func (b *buffer) holdLocked(m *linebuf.Meta, message string, attrs []byte, room int) {
	before := b.held.Held
	b.held.Add(b.core.delivery.Lines, m, message, attrs)
	if b.core.delivery.Log != nil {
		b.logLocked(m, message, attrs)
	}
	if took := b.held.Held - before; took != room {
		b.core.delivery.Budget.Add(int64(took - room))
	}
	if room > 0 {
		b.grewLocked()
	}
}

// logLocked writes a line to the journal.
func (b *buffer) logLocked(m *linebuf.Meta, message string, attrs []byte) {
	log := b.core.delivery.Log
	if log.Stale(&b.journal.entry, b.versionLocked()) {
		b.logStoryLocked()
	}
	if !log.Line(&b.journal.entry, m, message, attrs) {
		b.core.delivery.Counts.Unprotected.Add(1)
	}
}

// versionLocked returns the version of what the story is about, which is written again when
// it changes, or when lanes come, whose names belong to that.
func (b *buffer) versionLocked() int64 {
	return int64(b.facts.version.Load())<<32 + lanenames.Version(int(b.lanes.count))
}

// progressLocked returns how far the journal tells that the story is written down.
func (b *buffer) progressLocked() *storylog.Progress {
	if b.handedTo == nil {
		return nil
	}
	return &b.handedTo.Progress
}

// sheds is how much an open story holds before it is worth handing over for want of
// memory: a chunk takes memory for itself.
const sheds = 4 * budget.PerStory

// grewLocked offers what the story holds to be shed, where it is enough for that or the
// least is.
func (b *buffer) grewLocked() {
	if b.held.Held > sheds || b.core.delivery.DropsOpen() {
		b.core.delivery.Budget.Offer()
	}
}

func (b *buffer) key() story.Key {
	b.facts.mu.Lock()
	defer b.facts.mu.Unlock()
	return b.facts.keyLocked()
}

// uncountLocked gives back what an open story takes.
func (b *buffer) uncountLocked() {
	if b.counted {
		b.counted = false
		b.core.delivery.Budget.Add(-budget.PerOpen)
	}
}

// lastLocked returns when the last line came.
func (b *buffer) lastLocked() time.Time { return b.start().Add(b.active) }

// nextDueLocked returns when the story has to be looked at.
func (b *buffer) nextDueLocked() time.Time {
	if b.phase.Load() != open {
		return b.lastLocked().Add(b.core.opts.MaxIdle)
	}
	due := b.start().Add(maxOpen)
	if cut := b.start().Add(b.cutAfter); cut.Before(due) {
		due = cut
	}
	if idle := b.lastLocked().Add(b.core.opts.MaxIdle); b.endsBy != byScope && idle.Before(due) {
		due = idle
	}
	return due
}

// cut hands over what the story has so far, as a chunk.
func (b *buffer) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutLocked()
}

func (b *buffer) cutLocked() {
	if b.held.Count() == 0 && b.droppedLocked() == 0 {
		return
	}
	k := b.takeLocked(story.Open)
	if b.waitsForKeepLocked() {
		b.core.delivery.Announce(k)
		b.more.behind = append(b.more.behind, k)
		return
	}
	b.core.delivery.HandOver(k)
}

// takeLocked makes a chunk of what the story has.
func (b *buffer) takeLocked(state story.State) *delivery.Chunk {
	k := b.core.delivery.NewChunk()
	b.keepTitleLocked()
	b.headerLocked(k.Header, state) // may add notes to the lines
	late, whole := b.phase.Load() != open, b.handedTo == nil && state != story.Open
	if b.handedTo == nil {
		b.handedTo = b.core.delivery.NewStory()
	}
	k.Story, k.Lines, k.Dropped = b.handedTo, b.held, b.droppedLocked()
	k.Place = compose.PlaceOf(late, whole, state)
	if log := b.core.delivery.Log; log != nil {
		k.Mark = log.Chunk(&b.journal.entry, &storylog.Handed{Header: *k.Header, Late: late, Whole: whole, Dropped: k.Dropped, Lines: b.held.Count()})
	}
	b.gone += int32(b.held.Count())
	b.held = linebuf.Lines{}
	if b.more != nil {
		b.more.dropped = 0
	}
	return k
}

// titleLocked returns the story's title, which is valid as long as the lines that are held.
func (b *buffer) titleLocked() string {
	if b.title == "" && b.gone == 0 { // the first line is among them
		return story.TitleOf(b.held.First())
	}
	return b.title
}

// keepTitleLocked keeps the title where lines are about to leave.
func (b *buffer) keepTitleLocked() {
	if b.title == "" {
		b.title = strings.Clone(b.titleLocked())
	}
}

// headerLocked fills in the story's facts as they are now. Its title is as titleLocked says.
func (b *buffer) headerLocked(h *story.Header, state story.State) {
	b.facts.mu.Lock()
	key := b.facts.keyLocked()
	attrs, left := b.facts.attrsLocked()
	if b.core.opts.ReplaceAttr != nil {
		attrs = b.more.attrs
	}
	b.facts.mu.Unlock()
	clear(h.Attrs) // of a header that is used again
	*h = story.Header{
		Attrs: h.Attrs,
		Key:   key, ID: b.idLocked(), State: state, MaxLevel: b.maxLevel, LineCount: b.countLocked(), Title: b.titleLocked(),
		Start: b.start().UTC().Truncate(time.Microsecond).Round(0),
	}
	h.Duration = time.Duration(b.lastOffset) * time.Millisecond
	switch {
	case b.labels != nil:
		h.Duration = b.active.Truncate(time.Millisecond)
	case state != story.Open && b.endsBy == byScope:
		h.Duration = max(h.Duration, time.Since(b.start()).Truncate(time.Millisecond))
	}
	h.Updated = h.Start.Add(h.Duration).Truncate(time.Millisecond)
	b.headerAttrsLocked(h, attrs, left)
}

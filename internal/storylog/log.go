package storylog

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/record"
	"github.com/dynamoslog/dynamoslog/story"
)

// DefaultLimit is how large a journal may become on disk by default, in bytes.
const DefaultLimit = 256 << 20

// Options say where a Log is and what it may take.
type Options struct {
	Dir     string
	Limit   int64                      // bytes on disk; DefaultLimit if zero
	Sync    time.Duration              // how often it is forced to the disk; never if zero
	Budget  *budget.Budget             // counts the done records that wait
	OnError func(err error, fine bool) // told why lines are in memory only, and when that is over
}

// A Log is the journal of one handler. Its methods may be called by several goroutines
// at once, and with locks held, but for Open and Close.
type Log struct {
	opts Options

	once    sync.Once                   // begins to open the journal
	opened  chan struct{}               // closed when that was tried
	late    atomic.Bool                 // set when nobody waits for it any more
	journal atomic.Pointer[journal.Log] // nil until it is open
	stories atomic.Uint64               // numbers that were given
	records sync.Pool                   // of *record.Writer

	mu      sync.Mutex // also keeps done records in order
	closed  bool
	pending []doneRecord // that could not be written yet
}

// New returns a Log. It does no I/O.
func New(opts Options) *Log {
	if opts.Limit <= 0 {
		opts.Limit = DefaultLimit
	}
	l := &Log{opts: opts, opened: make(chan struct{})}
	l.records.New = func() any { return new(record.Writer) }
	return l
}

// Open opens the journal, and waits for a second at most: on a disk that hangs, lines
// are in memory only until it is open. It is called without a lock before the first line
// of a story, and does nothing when it is or was called before.
func (l *Log) Open() {
	const patience = time.Second
	if l.journal.Load() != nil || l.late.Load() {
		return
	}
	l.once.Do(func() { go l.open() })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.opened:
	case <-timer.C:
	}
	l.late.Store(true)
}

func (l *Log) open() {
	defer close(l.opened)
	opened, err := journal.Open(l.opts.Dir, journal.Options{Limit: l.opts.Limit, Sync: l.opts.Sync, OnError: l.trouble})
	if err != nil {
		l.trouble(err)
		return
	}
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.journal.Store(opened)
	}
	l.mu.Unlock()
	if closed { // meanwhile
		_ = opened.Close()
	}
}

// trouble tells of a journal that cannot be written, and of one that can again.
func (l *Log) trouble(err error) {
	if err == nil {
		l.opts.OnError(fmt.Errorf("dynamoslog: the journal in %s works again", l.opts.Dir), true)
		return
	}
	l.opts.OnError(fmt.Errorf("dynamoslog: lines are kept in memory only: %w", err), false)
}

// Close leaves the journal as it is, with what is not done, to the next process.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	opened := l.journal.Load()
	if opened == nil {
		return nil
	}
	l.PayPending()
	l.forgetPending()
	return opened.Close()
}

// Stale reports whether Story has to be called before the next line of a story, as what
// it is about has another version now or is not in the journal.
func (l *Log) Stale(e *Entry, version int64) bool {
	return (e.pin == 0 || e.version != version) && l.journal.Load() != nil
}

// Story writes what a story is about: of which version, whether it has ended, and how
// far it is written down.
func (l *Log) Story(e *Entry, version int64, h story.Header, ended bool, p *Progress) {
	if l.writeStory(e, e.pin == 0, h, ended, p) {
		e.version = version
	}
}

// writeStory writes a story record, which pins the chunk if pin is set. It returns false
// where there is no room.
func (l *Log) writeStory(e *Entry, pin bool, h story.Header, ended bool, p *Progress) (written bool) {
	memory := l.records.Get().(*record.Writer)
	defer l.records.Put(memory)
	w := begin(*memory, kindStory, l.number(e))
	w.Uint(e.ordinal)
	flags := uint64(0)
	if ended {
		flags |= flagLate
	}
	last := p.load()
	if last != nil {
		flags |= flagResume
	}
	w.Uint(flags | alsoFlag(h))
	writeHeader(&w, h)
	if last != nil {
		w.Uint(last.ordinal)
		w = append(w, last.text...)
	}
	*memory = w
	at, err := l.journal.Load().Append(e.number, pin, w, "", nil)
	if err == nil && pin {
		e.pin, e.last = at, 0
	}
	return err == nil
}

// number returns the number that a story has in the journal.
func (l *Log) number(e *Entry) uint64 {
	if e.number == 0 {
		e.number = l.stories.Add(1)
	}
	return e.number
}

// Line writes a line, and returns false where it is in memory only.
func (l *Log) Line(e *Entry, m *linebuf.Meta, message string, attrs []byte) (protected bool) {
	opened := l.journal.Load()
	if opened == nil || e.pin == 0 {
		e.missing = true
		return false
	}
	var space [96]byte
	head := m.AppendTo(beginLine(space[:0], e.number, e.pin, e.last))
	at, err := opened.Append(e.number, false, head, message, attrs)
	if err != nil {
		e.missing = true
		return false
	}
	e.last = at
	return true
}

// beginLine begins the record of a line: that of the line before is found by its
// distance from the chunk's pin.
func beginLine(out []byte, number uint64, pin, last Position) []byte {
	out = binary.AppendUvarint(append(out, kindLine), number)
	return binary.AppendUvarint(out, uint64(max(last, pin)-pin))
}

// Chunk writes that the lines so far were handed over, and returns where they are.
func (l *Log) Chunk(e *Entry, h *Handed) Mark {
	m := Mark{number: l.number(e), ordinal: e.ordinal, pin: e.pin, last: e.last, owed: true}
	complete := !e.missing
	e.ordinal++
	e.last, e.missing = 0, false
	if e.pin == 0 {
		return m // nothing of it is there
	}
	memory := l.records.Get().(*record.Writer)
	defer l.records.Put(memory)
	w := chunkRecord(*memory, &m, h)
	*memory = w
	at, err := l.journal.Load().Append(m.number, h.goesOn(), w, "", nil)
	m.at, m.complete = at, err == nil && complete
	if e.pin = 0; h.goesOn() && err == nil {
		e.pin = at
	}
	return m
}

// HalfFull returns where the oldest of the newer segments begins, and whether half of
// the journal is in use, so that open stories should go on there.
func (l *Log) HalfFull() (tail Position, half bool) {
	opened := l.journal.Load()
	if opened == nil || opened.Size() < l.opts.Limit/2 {
		return 0, false
	}
	return opened.Tail(), true
}

// Movable reports whether Move can pin a story of which no line waits elsewhere.
func (l *Log) Movable(e *Entry, tail Position, p *Progress) bool {
	last := p.load()
	return e.Within(tail) && last != nil && last.ordinal+1 == e.ordinal
}

// Move pins an open story where the journal ends now.
func (l *Log) Move(e *Entry, h story.Header, ended bool, p *Progress) {
	before := e.pin
	if l.writeStory(e, true, h, ended, p); e.pin != before {
		l.journal.Load().Unpin(before)
	}
}

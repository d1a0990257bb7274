package delivery

import (
	"context"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Config says where stories go.
type Config struct {
	Store story.Store
	// Context is that of calls to the store. It is marked, so that what the store logs
	// does not come back.
	Context context.Context

	MaxBuffered  int64 // bytes of memory
	Journal      string
	JournalLimit int64
	JournalSync  time.Duration

	Index    *alias.Index       // attributes of lines whose values are keys
	ByCaller bool               // depths are steps for each caller that logged
	Quiet    func() *slog.Level // below which calm stories have no lines; nil for none
	Fallback io.Writer
	OnError  func(error) // nil to write errors to Fallback
}

// Stories are the open stories, as far as delivery needs them. Its methods are called
// without a lock.
type Stories interface {
	// Tend ends and hands over what is due at a time, and returns when the next story is
	// due; the zero time if none is open.
	Tend(now time.Time) (due time.Time)
	// HandOver hands over what all open stories have: as far as they go where state is
	// story.Open, else it ends them.
	HandOver(state story.State)
	// Shed hands over what larger stories hold, until it is enough; or drops what of it is
	// below Warn.
	Shed(drop bool, enough func() bool)
	// Repin lets stories that the journal holds before a position go on after it.
	Repin(tail storylog.Position)
}

// A Delivery brings chunks to a store. Its methods may be called by several goroutines
// at once. Its goroutine begins with the first chunk, and ends with Shutdown.
type Delivery struct {
	Budget *budget.Budget
	Log    *storylog.Log // nil without a journal
	Lines  *linebuf.Pool
	Counts Counters

	cfg      Config
	store    containedStore
	stories  Stories
	roots    []uintptr       // entries of the functions that its goroutines begin with, the fallback's first
	scratch  compose.Scratch // of the writer
	report   reporter
	fallback fallback
	chunks   sync.Pool // of *Chunk that are complete

	shedding chan struct{} // holds one while a goroutine sheds, and when none may any more
	down     atomic.Bool   // set while the store takes nothing

	running atomic.Pointer[writer] // the same as writer, for those without the lock

	mu           sync.Mutex
	writer       *writer       // nil before the first chunk or open story
	ended        chan struct{} // made by the first Shutdown, closed when all has ended
	stopped      bool          // set when the writer has ended: what is handed over is left
	queue        queue
	heldBack     map[story.Key]*queue // of keys that take no more at the moment
	spilled      []spilledChunk       // that left memory, oldest first
	pending      int                  // chunks of this process that were announced and are not complete
	incomplete   chunkList            // of chunks in memory, oldest first
	sequence     uint64               // of the last chunk that was announced
	unseen       int                  // chunks that were queued since the writer took one, or found none, and
	unseenMemory int64                // what they take, in bytes
	barriers     []*barrier
	atEnd        atEnd // what Shutdown tells
}

// New returns a Delivery. It does no I/O and starts nothing.
func New(cfg Config, stories Stories) *Delivery {
	d := &Delivery{
		cfg: cfg, store: containedStore{cfg.Store}, stories: stories, Lines: &linebuf.Pool{},
		fallback: fallback{out: cfg.Fallback}, shedding: make(chan struct{}, 1), heldBack: make(map[story.Key]*queue),
	}
	d.scratch.Pool, d.scratch.Index = d.Lines, cfg.Index
	d.Budget = budget.New(cfg.MaxBuffered, d.beginShedding)
	if cfg.Journal != "" {
		d.Log = storylog.New(storylog.Options{
			Dir: cfg.Journal, Limit: cfg.JournalLimit, Sync: cfg.JournalSync, Budget: d.Budget, OnError: d.journalTrouble,
		})
	}
	for _, root := range []any{(*fallback).run, (*Delivery).deliverReports, (*writer).run, (*writer).request, (*writer).read} {
		d.roots = append(d.roots, reflect.ValueOf(root).Pointer())
	}
	return d
}

// Owns reports whether a goroutine that began with a function is one of a delivery's:
// what the store's client logs there, even without the context, must not come back.
func (d *Delivery) Owns(root uintptr) bool { return slices.Contains(d.roots, root) }

// WritesFallback reports whether a goroutine is the one that writes to the fallback.
func (d *Delivery) WritesFallback(root uintptr) bool { return root == d.roots[0] }

// Start starts the goroutine, if that has not begun.
func (d *Delivery) Start() {
	if d.running.Load() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.startLocked()
}

func (d *Delivery) startLocked() {
	if d.writer == nil {
		d.writer = newWriter(d)
		d.running.Store(d.writer)
		go d.writer.run()
	}
}

// Wake lets the goroutine look at what there is to do.
func (d *Delivery) Wake() {
	if w := d.running.Load(); w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// WakeBy lets the goroutine look at what there is to do by a time: it is not woken where
// it will do so.
func (d *Delivery) WakeBy(due time.Time) {
	if w := d.running.Load(); w != nil && due.Sub(w.began) < time.Duration(w.looks.Load()) {
		d.Wake()
	}
}

// A Story is one that chunks are handed over of: the same for all of them.
type Story struct {
	// Progress is how far the journal tells that the story is written down.
	Progress storylog.Progress

	composer compose.Composer
	held     int32  // chunks that are held back; guarded by Delivery.mu, as are:
	waiting  int32  // chunks that are not complete
	heldIn   *queue // where those are that are held back

	// What is left to be stored of what the writer has taken, in order; nil where nothing is.
	// The writer's.
	parts              []*part
	backoff            *backoff // nil where none has failed
	inFlight           bool     // a request has some of the parts
	ordered            bool     // it stands in writer.order
	hasText, hasHeader bool     // a part of text, and a header, were stored
}

// release takes note, with Delivery.mu held, that a chunk of the story is held back no more.
func (s *Story) release() {
	if s.held--; s.held == 0 {
		s.heldIn = nil
	}
}

// NewStory returns a story of which nothing was handed over.
func (d *Delivery) NewStory() *Story {
	return &Story{composer: *compose.New(d.cfg.ByCaller)}
}

// nextKey returns the key of the story's next part: of an alias, that under which it stands.
func (s *Story) nextKey() story.Key {
	if len(s.parts) > 0 {
		return s.parts[0].Key
	}
	return s.composer.Key()
}

// Waits reports whether a chunk of the story waits for the store.
func (d *Delivery) Waits(s *Story) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.waiting > 0
}

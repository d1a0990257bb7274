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

	shedding chan struct{} // holds one while a goroutine sheds, and when none may any more
	down     atomic.Bool   // set while the store takes nothing

	running atomic.Pointer[writer] // the same as writer, for those without the lock

	mu         sync.Mutex
	writer     *writer       // nil before the first chunk or open story
	ended      chan struct{} // made by the first Shutdown, closed when all has ended
	stopped    bool          // set when the writer has ended: what is handed over is left
	queue      queue
	heldBack   map[story.Key]*queue // of keys that take no more at the moment
	spilled    []spilledChunk       // that left memory, oldest first
	pending    int                  // chunks of this process that were announced and are not complete
	incomplete chunkList            // of chunks in memory, oldest first
	sequence   uint64               // of the last chunk that was announced
	lookedAt   uint64               // sequence of the last chunk that MakeRoom looked at
	barriers   []*barrier
	atEnd      atEnd // what Shutdown tells
}

// New returns a Delivery. It does no I/O and starts nothing.
func New(cfg Config, stories Stories) *Delivery {
	d := &Delivery{
		cfg: cfg, store: containedStore{cfg.Store}, stories: stories, Lines: &linebuf.Pool{},
		fallback: fallback{out: cfg.Fallback}, shedding: make(chan struct{}, 1), heldBack: make(map[story.Key]*queue),
	}
	d.scratch.Pool = d.Lines
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

// A Story is one that chunks are handed over of: the same for all of them.
type Story struct {
	// Progress is how far the journal tells that the story is written down.
	Progress storylog.Progress

	composer compose.Composer
	held     int       // chunks that are held back; guarded by Delivery.mu, as are:
	heldKey  story.Key // of those
	waiting  int       // chunks that are not complete

	// What is left to be stored of what the writer has taken, in order. The writer's.
	parts              []*part
	backoff            backoff
	inFlight           bool // a request has some of the parts
	ordered            bool // it stands in writer.order
	hasText, hasHeader bool // a part of text, and a header, were stored

	onePart [1]*part // room for parts, while there is one of them
}

// partsFor returns room for the parts of a chunk.
func (s *Story) partsFor(n int) []*part {
	if n <= len(s.onePart) && len(s.parts) == 0 {
		return s.onePart[:n]
	}
	return make([]*part, n)
}

// NewStory returns a story of which nothing was handed over.
func (d *Delivery) NewStory() *Story {
	return &Story{composer: *compose.NewIndexed(d.cfg.ByCaller, d.cfg.Index)}
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

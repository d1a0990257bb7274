package dynamoslog

import (
	"container/heap"
	"container/list"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// A core is what the handlers derived from one New share: the open stories, what
// waits for the store, and the writer. A buffer's lock may be held when the
// core's is taken, never the other way round.
type core struct {
	store    story.Store
	calls    containedStore // the same
	opts     Options
	stacks   callstack.Stacks
	own      []uintptr // entries of the functions that its goroutines begin with
	scratch  sync.Pool
	process  *keyedStory
	attrs    []headerAttr // of Options.Attrs, as ReplaceAttr made them
	buffered atomic.Int64 // bytes held for what is not stored yet
	blocks   linebuf.Pool
	memory   memory
	sheet    sheet // of the writer

	journalOnce   sync.Once
	journalOpened chan struct{}               // closed when it was tried; made by the first line
	journalLate   atomic.Bool                 // nobody waits for it any more
	journal       atomic.Pointer[journal.Log] // nil without Options.Journal, and until it is open
	journaled     atomic.Uint64               // stories in the journal
	records       sync.Pool                   // of *recordWriter
	owed          owed
	news          news
	counts        counters

	mu        sync.Mutex
	closed    bool          // takes no more lines
	ended     chan struct{} // closed when the handler has ended; made by the first Shutdown
	stopped   bool          // the writer has ended
	open      openStories
	keyed     map[story.Key]*buffer
	abandoned []*buffer
	queue     chunks
	aside     map[story.Key]*chunks // of keys that take no more at the moment
	filed     []filedChunk          // that left memory
	left      int                   // chunks that were announced and are not settled
	unsettled list.List             // of chunks, queued or being written, oldest first
	ticket    uint64
	waiters   []*waiter
	atEnd     atEnd
	writer    *writer // nil before the first line

	running  atomic.Pointer[writer] // the same as writer, for those without the lock
	fallback fallback
}

// A chunk is a piece of a story that was handed over to be stored.
type chunk struct {
	telling       *telling
	lines         linebuf.Lines
	refused       int  // lines that were dropped for want of memory
	thinned       bool // of its lines below the level least
	least         slog.Level
	late          bool // of lines that came after the story's end
	whole         bool // all of the story
	refusedByKeep bool
	header        story.Header
	ticket        uint64
	size          int64         // of the memory that it holds
	unsettled     *list.Element // nil once it is settled
	since         time.Time     // when it was handed over
	count         int           // lines of which it is not decided what becomes
	lost          losses        // lines that are not stored
	left          int           // parts that are not settled, once it is formatted
	unstored      bool          // a part of it is not, and never will be
	unreadable    bool          // it left memory, and the journal does not give it back

	entry   chunkEntry
	resume  []byte      // how far the story is written down after it
	remains *remains    // the journal that it was recovered from; nil if it was not, as are:
	from    *telling    // how far its story was written down before it, where the journal tells that
	after   *chunk      // the one of its story that was recovered before it
	keys    []story.Key // that its story had, as far as the journal tells
	doubt   bool        // it may be stored already, with more lines: see reconcile
	found   *found      // what is stored of its story, once the store has told; nil without a doubt
}

// ends reports whether the chunk is the one with which its story ends.
func (k *chunk) ends() bool { return k.header.State != story.Open && !k.late }

// chunks wait, in their order.
type chunks struct{ all []*chunk }

func (q *chunks) add(k *chunk) { q.all = append(q.all, k) }

// take returns the first chunk, or nil.
func (q *chunks) take() *chunk {
	if len(q.all) == 0 {
		return nil
	}
	k := q.all[0]
	q.all[0] = nil
	q.all = q.all[1:]
	return k
}

func newCore(store story.Store, opts Options) *core {
	c := &core{
		store: store, calls: containedStore{store}, opts: opts,
		fallback: fallback{out: opts.Fallback},
		process:  &keyedStory{key: opts.Process},
		keyed:    make(map[story.Key]*buffer),
		aside:    make(map[story.Key]*chunks),
	}
	if replace := opts.ReplaceAttr; replace != nil {
		c.opts.ReplaceAttr = c.contained(replace)
	}
	for _, a := range opts.Attrs {
		c.attrs = appendLeaves(c.attrs, nil, a)
	}
	c.attrs = c.replaceAttrs(c.attrs)
	c.own = ownGoroutines()
	c.stacks.Within = loggers()
	c.memory.shedding = make(chan struct{}, 1)
	c.relax()
	c.records.New = func() any { return new(recordWriter) }
	c.scratch.New = func() any { return new(scratch) }
	return c
}

// release gives a scratch back, unless it has grown large.
func (c *core) release(s *scratch) {
	const largest = 64 << 10
	if cap(s.writer.Text) > largest {
		return
	}
	s.message, s.site = "", callSite{}
	c.scratch.Put(s)
}

func (c *core) keyedBuffer(key story.Key) (*buffer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if b := c.keyed[key]; b != nil {
		return b, nil
	}
	start := time.Now()
	b := newBuffer(c, &scopeFacts{key: key, id: story.NewID(start), start: start}, 0)
	if b == nil {
		return nil, nil
	}
	b.idle, b.keyed = true, true
	c.keyed[key] = b
	return b, nil
}

// forget makes the next line of the buffer's key begin a new story.
func (c *core) forget(b *buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := b.facts.key; c.keyed[key] == b {
		delete(c.keyed, key)
	}
}

// register takes an open story into care; false means that the handler is closed.
func (c *core) register(b *buffer, due time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	b.due = due
	heap.Push(&c.open, b)
	c.start()
	if b.index == 0 {
		c.signal()
	}
	return true
}

func (c *core) unregister(b *buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.index >= 0 {
		heap.Remove(&c.open, b.index)
	}
}

func (c *core) reschedule(b *buffer, due time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.index >= 0 {
		b.due = due
		heap.Fix(&c.open, b.index)
	}
}

// abandon takes note of a story whose scope was collected. It runs in a cleanup:
// it only leaves word, and the writer seals the story when it next wakes.
func (c *core) abandon(b *buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.abandoned = append(c.abandoned, b)
	}
}

func (c *core) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// isOwn reports whether a stack is that of a handler's own goroutines: what the
// store's client logs there, even without the context, must not come back.
func (c *core) isOwn(stack *callstack.Stack) bool { return slices.Contains(c.own, stack.Root) }

// isFallback reports whether a stack is that of writing to the fallback.
func (c *core) isFallback(stack *callstack.Stack) bool { return stack.Root == c.own[0] }

// ownGoroutines returns the functions that a handler's own goroutines begin with, the
// one that writes to the fallback first.
func ownGoroutines() (entries []uintptr) {
	for _, root := range []any{(*fallback).run, (*core).deliverNews, (*writer).run, (*writer).put, (*writer).read} {
		entries = append(entries, reflect.ValueOf(root).Pointer())
	}
	return entries
}

// start starts the writer. The caller holds c.mu.
func (c *core) start() {
	if c.writer == nil {
		c.writer = newWriter(c)
		c.running.Store(c.writer)
		go c.writer.run()
	}
}

func (c *core) signal() {
	if w := c.running.Load(); w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// announce makes all who wait from now on wait for a chunk that is not handed over
// yet: its story is with Options.Keep. The caller holds a buffer's lock.
func (c *core) announce(k *chunk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.announceLocked(k)
}

func (c *core) announceLocked(k *chunk) {
	k.count, k.since = k.lines.Count, time.Now()
	k.lost.dropped += k.refused
	c.ticket++
	k.ticket = c.ticket
	k.unsettled = c.unsettled.PushBack(k)
	k.telling.waiting++
	c.left++
	for _, w := range c.waiters {
		if k.ticket <= w.ticket {
			w.left++
		}
	}
}

// handOver queues a chunk for the writer.
func (c *core) handOver(k *chunk) {
	c.mu.Lock()
	if k.unsettled == nil {
		c.announceLocked(k)
	}
	k.size = int64(k.lines.Held) + perStory
	c.buffered.Add(perStory)
	if c.stopped {
		c.mu.Unlock()
		c.leave(k, "ended after the handler was closed")
		return
	}
	defer c.mu.Unlock()
	c.queue.add(k)
	c.memory.sheddable.Store(true)
	c.start()
	c.signal()
}

// resize accounts for a chunk that now holds so much memory.
func (c *core) resize(k *chunk, size int64) {
	c.buffered.Add(size - k.size)
	k.size = size
}

// settle counts a chunk as done. Nobody waits for it any more.
func (c *core) settle(k *chunk) {
	c.mu.Lock()
	settled := c.settleLocked(k)
	c.mu.Unlock()
	if settled {
		c.journalDone(k)
	}
}

// settleLocked does so as well, but for the journal, which is not to be written to
// while a lock is held. It returns whether that is left to do.
func (c *core) settleLocked(k *chunk) bool {
	if k.unsettled == nil {
		return false
	}
	c.unsettled.Remove(k.unsettled)
	k.unsettled = nil
	k.lines.Release(&c.blocks)
	c.resize(k, 0)
	if k.remains != nil {
		k.remains.left--
		return false
	}
	c.left--
	k.telling.waiting--
	for _, w := range c.waiters {
		w.settled(k)
	}
	return true
}

// waits reports whether a chunk of the story waits for the store.
func (c *core) waits(t *telling) bool {
	if t == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.waiting > 0
}

// openStories is a heap by due time.
type openStories []*buffer

func (s openStories) Len() int           { return len(s) }
func (s openStories) Less(i, j int) bool { return s[i].due.Before(s[j].due) }
func (s openStories) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

func (s *openStories) Push(x any) {
	b := x.(*buffer)
	b.index = len(*s)
	*s = append(*s, b)
}

func (s *openStories) Pop() any {
	last := len(*s) - 1
	b := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	b.index = -1
	return b
}

// openNow returns open stories from a place on, at most so many.
func (c *core) openNow(from, most int) []*buffer {
	c.mu.Lock()
	defer c.mu.Unlock()
	from = min(from, len(c.open))
	return slices.Clone(c.open[from:min(from+min(most, len(c.open)), len(c.open))])
}

// takeAbandoned seals the stories whose scopes were collected.
func (c *core) takeAbandoned() {
	c.mu.Lock()
	abandoned := c.abandoned
	c.abandoned = nil
	c.mu.Unlock()
	for _, b := range abandoned {
		b.seal(story.Abandoned)
	}
}

package dynamoslog

import (
	"container/heap"
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/story"
)

// A core is what the handlers derived from one New share: the open stories, what
// waits for the store, and the writer. A buffer's lock may be held when the
// core's is taken, never the other way round.
type core struct {
	store    story.Store
	opts     Options
	stacks   callstack.Stacks
	scratch  sync.Pool
	process  *keyedStory
	buffered atomic.Int64 // bytes held for what is not stored yet
	blocks   blocks
	memory   memory
	sheet    sheet // of the writer

	journalOnce sync.Once
	journal     *journal.Log  // nil without Options.Journal
	journaled   atomic.Uint64 // stories in the journal
	recovered   chan struct{} // closed when nothing is left to be recovered
	counts      counters

	mu        sync.Mutex
	closed    bool // takes no more lines
	stopped   bool // the writer has ended
	open      openStories
	keyed     map[story.Key]*buffer
	abandoned []*buffer
	queue     []*chunk
	filed     []filedChunk // that left memory
	left      int          // chunks that were handed over and are not settled
	unsettled list.List    // of chunks, queued or being written, oldest first
	ticket    uint64
	waiters   []*waiter
	writer    *writer // nil before the first line

	wake     chan struct{} // to the writer: there is something to do
	fallback sync.Mutex
}

// A chunk is a piece of a story that was handed over to be stored.
type chunk struct {
	telling       *telling
	lines         lines
	refused       int  // lines that were dropped for want of memory
	late          bool // of lines that came after the story's end
	whole         bool // all of the story
	refusedByKeep bool
	header        story.Header
	ticket        uint64
	size          int64         // of the memory that it holds
	unsettled     *list.Element // nil once it is settled
	since         time.Time     // when it was handed over
	count         int           // lines handed over
	left          int           // parts that are not settled, once it is formatted
	lost          int           // lines that were not stored

	entry   chunkEntry
	resume  []byte   // how far the story is written down after it
	remains *remains // the journal that it was recovered from
}

func newCore(store story.Store, opts Options) *core {
	c := &core{
		store: store, opts: opts,
		process: &keyedStory{key: opts.Process},
		keyed:   make(map[story.Key]*buffer),
		wake:    make(chan struct{}, 1),

		recovered: make(chan struct{}),
	}
	c.stacks.Within = loggers()
	c.scratch.New = func() any { return new(scratch) }
	return c
}

// release gives a scratch back, unless it has grown large.
func (c *core) release(s *scratch) {
	const largest = 64 << 10
	if cap(s.writer.text) > largest {
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
	b := newBuffer(c, &scopeFacts{key: key, id: story.NewID(start), start: start})
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
	c.abandoned = append(c.abandoned, b)
}

// isOwn reports whether a stack is that of a handler's own goroutine: what the
// store's client logs there, even without the context, must not come back.
func (c *core) isOwn(stack *callstack.Stack) bool {
	return stack.Root == reflect.ValueOf((*writer).run).Pointer()
}

// start starts the writer. The caller holds c.mu.
func (c *core) start() {
	if c.writer == nil {
		c.writer = newWriter(c)
		go c.writer.run()
	}
}

func (c *core) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// handOver queues a chunk for the writer.
func (c *core) handOver(k *chunk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		text, _ := k.telling.format(&k.lines, &sheet{})
		c.buffered.Add(-int64(k.lines.held))
		c.writeFallback(fmt.Sprintf("%s %s ended after the handler was closed", k.header.Key, k.header.ID), text)
		return
	}
	k.size, k.count, k.since = int64(k.lines.held)+perStory, k.lines.count, time.Now()
	c.buffered.Add(perStory)
	c.ticket++
	k.ticket = c.ticket
	c.queue = append(c.queue, k)
	k.unsettled = c.unsettled.PushBack(k)
	c.left++
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
	defer c.mu.Unlock()
	c.settleLocked(k)
}

func (c *core) settleLocked(k *chunk) {
	if k.unsettled == nil {
		return
	}
	c.unsettled.Remove(k.unsettled)
	k.unsettled = nil
	k.lines.release(&c.blocks)
	c.resize(k, 0)
	if k.remains != nil {
		k.remains.left--
		return
	}
	c.journalDone(k)
	c.left--
	for _, w := range c.waiters {
		w.settled(k)
	}
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

// A waiter waits until all chunks up to a ticket are settled.
type waiter struct {
	ticket uint64
	left   int
	lost   int // lines that were not stored
	done   chan struct{}
}

func (w *waiter) settled(k *chunk) {
	if k.ticket > w.ticket {
		return
	}
	w.lost += k.lost
	if w.left--; w.left == 0 {
		close(w.done)
	}
}

// UnwrittenError is returned by Flush, Shutdown and Close when not everything is
// stored.
type UnwrittenError struct {
	Lines, Stories int
	Where          string // where they are now
	err            error
}

func (e *UnwrittenError) Error() string {
	return fmt.Sprintf("dynamoslog: %d lines of %d stories are not stored; they are %s: %v", e.Lines, e.Stories, e.Where, e.err)
}

// Unwrap returns the reason: the context's error, or the store's.
func (e *UnwrittenError) Unwrap() error { return e.err }

var errRejected = errors.New("the store rejected them, or memory was full")

// Flush stores everything that was logged before the call, open stories included
// as far as they go, and waits for it. Where the context ends before, or the
// store rejects something, the error is an *[UnwrittenError].
func (h *Handler) Flush(ctx context.Context) error {
	h.core.takeAbandoned()
	for _, b := range h.core.openNow(math.MaxInt) {
		b.mu.Lock()
		b.cut()
		b.mu.Unlock()
	}
	return h.core.wait(ctx, "in memory, and will be tried again")
}

// openNow returns open stories, at most so many.
func (c *core) openNow(most int) []*buffer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.open[:min(most, len(c.open))])
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

func (c *core) wait(ctx context.Context, where string) error {
	c.mu.Lock()
	w := &waiter{ticket: c.ticket, left: c.left, done: make(chan struct{})}
	if w.left == 0 {
		c.mu.Unlock()
		return nil
	}
	c.waiters = append(c.waiters, w)
	c.writer.hurry = true
	c.signal()
	c.mu.Unlock()

	var err error
	select {
	case <-w.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.waiters {
		if other == w {
			c.waiters = append(c.waiters[:i], c.waiters[i+1:]...)
			break
		}
	}
	unwritten := &UnwrittenError{Lines: w.lost, Where: where, err: err}
	stories := make(map[*telling]bool)
	for e := c.unsettled.Front(); e != nil; e = e.Next() {
		if k := e.Value.(*chunk); k.ticket <= w.ticket && k.remains == nil {
			unwritten.Lines += k.count
			stories[k.telling] = true
		}
	}
	unwritten.Stories = len(stories)
	for _, f := range c.filed {
		if f.ticket <= w.ticket {
			unwritten.Lines += f.count
			unwritten.Stories++
		}
	}
	unwritten.Stories = max(unwritten.Stories, 1)
	switch {
	case unwritten.Lines == 0:
		return nil
	case err == nil:
		unwritten.err, unwritten.Where = errRejected, "in Options.Fallback, or counted as dropped"
	}
	return unwritten
}

// Close is Shutdown with five seconds.
func (h *Handler) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return h.Shutdown(ctx)
}

// Shutdown seals every open story, as Closed, stores what is left and ends the
// handler's goroutine. What cannot be stored before the context ends stays in the
// journal, for the next handler that uses it, or goes to Options.Fallback, and the
// error, an *[UnwrittenError], counts it. So does what an earlier process left in
// the journal. What is logged later goes to the fallback. Shutting down again waits
// for the first.
func (h *Handler) Shutdown(ctx context.Context) error {
	c := h.core
	c.takeAbandoned()
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		for _, b := range c.openNow(math.MaxInt) {
			b.seal(story.Closed)
		}
	}
	where := "in Options.Fallback"
	if c.journal != nil {
		where = fmt.Sprintf("in the journal in %s, or in Options.Fallback if it could not hold them", c.opts.Journal)
	}
	err := c.wait(ctx, where)
	c.mu.Lock()
	w := c.writer
	c.mu.Unlock()
	if w != nil {
		if err == nil {
			err = c.waitForRecovery(ctx)
		}
		w.stop()
		<-w.done
	}
	c.memory.shedding.Wait()
	if c.journal != nil {
		err = errors.Join(err, c.journal.Close())
	}
	return err
}

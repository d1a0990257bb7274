package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	batchParts   = 25      // of one Put: a batch of DynamoDB holds as many items
	batchText    = 1 << 20 // bytes of one Put, about
	linger       = 50 * time.Millisecond
	attemptLimit = 10 * time.Second // of one Put
)

// A writer brings chunks to the store. It runs on a goroutine of its own, which
// alone calls the store. This is the way of a part:
//
//	open ──End, age, size──▶ queued ──▶ in flight ──▶ acknowledged
//	                 ▲           │
//	                 ├─ backing off (Retry): after a delay, the same bytes again
//	                 ├─ paced (Retry, the store is busy): slower, for all or for one key
//	                 ├─ parked (Wait): one part now and then probes the store
//	                 └─ rejected (Reject) ──▶ Options.Fallback
//
// The parts of one story are stored in order: text first, the final header last.
type writer struct {
	core    *core
	ctx     context.Context // ends when Shutdown's patience does
	cancel  context.CancelFunc
	done    chan struct{}
	hurry   bool // guarded by core.mu: somebody waits
	stories map[*telling]*outgoing
	order   []*outgoing // those of stories, oldest first
	since   time.Time   // when the oldest unsent chunk was taken

	parked bool
	store  delay               // of everything
	keys   map[story.Key]*pace // of keys that take no more at the moment
	pace   pace
	told   map[trouble]time.Time // when OnError last heard of it

	remains []*remains // of processes that are gone
}

// outgoing is what is left to be stored of one story, in order.
type outgoing struct {
	telling *telling
	parcels []*parcel
	delay   delay
}

func newWriter(c *core) *writer {
	w := &writer{core: c, done: make(chan struct{}), stories: make(map[*telling]*outgoing),
		keys: make(map[story.Key]*pace), told: make(map[trouble]time.Time)}
	ctx := context.WithValue(context.Background(), contextKey{}, &contextValue{internal: true})
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w
}

func (w *writer) stop() {
	w.cancel()
	w.core.signal()
}

func (w *writer) run() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	w.adopt()
	for w.ctx.Err() == nil {
		now := time.Now()
		w.core.takeAbandoned()
		w.expire(now)
		w.core.freeJournal()
		hurry := w.takeHurry()
		w.fetch(now)
		batch, wait := w.next(now, hurry)
		if len(batch) > 0 {
			w.send(batch)
			continue
		}
		timer.Reset(w.sleep(now, wait))
		select {
		case <-w.core.wake:
		case <-timer.C:
		case <-w.ctx.Done():
		}
	}
	w.giveUp()
}

// sleep returns how long nothing is due.
func (w *writer) sleep(now time.Time, wait time.Duration) time.Duration {
	w.core.mu.Lock()
	defer w.core.mu.Unlock()
	if len(w.core.open) > 0 {
		wait = min(wait, w.core.open[0].due.Sub(now))
	}
	return max(wait, 0)
}

// expire looks at the stories that are due.
func (w *writer) expire(now time.Time) {
	for {
		w.core.mu.Lock()
		if len(w.core.open) == 0 || w.core.open[0].due.After(now) {
			w.core.mu.Unlock()
			return
		}
		b := w.core.open[0]
		w.core.mu.Unlock()
		b.expire(now)
	}
}

func (w *writer) takeHurry() bool {
	w.core.mu.Lock()
	defer w.core.mu.Unlock()
	if w.core.writer.hurry {
		w.core.writer.hurry = false
		w.store.until = time.Time{}
		for _, out := range w.order {
			out.delay.until = time.Time{}
		}
	}
	return len(w.core.waiters) > 0
}

// fetch makes parts of queued chunks, as many as a few batches hold that need not
// wait: the others are smaller as they are.
func (w *writer) fetch(now time.Time) {
	ready, all := 0, 0
	for _, out := range w.order {
		all += len(out.parcels)
		if w.delayed(now, out) == 0 {
			ready += len(out.parcels)
		}
	}
	for ready < 4*batchParts && all < 64*batchParts {
		k := w.dequeue()
		if k == nil {
			return
		}
		parcels := w.parcels(k)
		if k.left = len(parcels); k.left == 0 {
			w.core.settle(k)
			continue
		}
		if len(w.order) == 0 {
			w.since = now
		}
		ready += len(parcels)
		all += len(parcels)
		out := w.stories[k.telling]
		if out == nil {
			out = &outgoing{telling: k.telling}
			w.stories[k.telling] = out
			w.order = append(w.order, out)
		}
		out.parcels = append(out.parcels, parcels...)
	}
}

// parcels makes the parts of a chunk, which hold its lines from then on.
func (w *writer) parcels(k *chunk) []*parcel {
	w.core.load(k)
	parcels := k.telling.tell(k, w.core)
	k.lines.release(&w.core.blocks)
	size := int64(perStory)
	for _, p := range parcels {
		size += int64(len(p.Text))
	}
	w.core.resize(k, size)
	if k.entry.number != 0 {
		resume := make(recordWriter, 0, 64)
		resume.resume(k.telling)
		k.resume = resume
	}
	return parcels
}

// dequeue takes the oldest chunk that waits, or else one of an earlier process.
func (w *writer) dequeue() *chunk {
	c := w.core
	c.mu.Lock()
	defer c.mu.Unlock()
	var k *chunk
	switch {
	case len(c.filed) > 0 && (len(c.queue) == 0 || c.filed[0].ticket < c.queue[0].ticket):
		k = c.unfile(c.filed[0])
		c.filed = c.filed[1:]
	case len(c.queue) > 0:
		k = c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		return k
	default:
		c.mu.Unlock()
		k = w.recover()
		c.mu.Lock()
		if k == nil {
			return nil
		}
		k.size = int64(k.lines.held) + perStory
		c.buffered.Add(k.size)
	}
	k.since = time.Now()
	k.unsettled = c.unsettled.PushFront(k)
	return k
}

// next returns the parts to put now, or how long to wait for them.
func (w *writer) next(now time.Time, hurry bool) (batch []*parcel, wait time.Duration) {
	if wait = max(w.store.left(now), w.pace.wait(now)); wait > 0 {
		return nil, wait
	}
	wait = time.Hour
	most := batchParts
	if w.store.failures > 1 {
		most = 1 // a probe
	}
	size := 0
	for _, out := range w.order {
		if len(batch) == most || size >= batchText {
			break
		}
		if left := w.delayed(now, out); left > 0 {
			wait = min(wait, left)
			continue
		}
		for i, p := range out.parcels {
			final := p.Header != nil && p.Header.State != story.Open
			if len(batch) == most || size >= batchText || final && i > 0 {
				break // a final header waits until all before it is acknowledged
			}
			batch = append(batch, p)
			size += len(p.Text)
			if final {
				break // what comes after it waits too
			}
		}
	}
	full := len(batch) == most || size >= batchText
	if left := w.since.Add(linger).Sub(now); len(batch) > 0 && !full && !hurry && left > 0 {
		return nil, min(wait, left)
	}
	return batch, wait
}

// send puts a batch and acts on the outcome of each part.
func (w *writer) send(batch []*parcel) {
	parts := make([]story.Part, len(batch))
	for i, p := range batch {
		parts[i] = p.Part
	}
	ctx, cancel := context.WithTimeout(w.ctx, attemptLimit)
	err := w.core.store.Put(ctx, parts)
	cancel()
	if w.ctx.Err() != nil && err != nil {
		return // giveUp tells what is left
	}
	failures := failuresOf(err, len(batch))
	for i, p := range batch {
		failure, failed := failures[i]
		switch {
		case !failed:
			w.acknowledge(p)
		case failure.Outcome == story.Reject:
			w.reject(p, failure.Err)
		}
	}
	w.setBack(batch, failures)
	w.compact()
	w.since = time.Time{} // what is left lingered long enough
}

// failuresOf returns the failures of a Put by index. An error that names no parts
// means that none is stored.
func failuresOf(err error, parts int) map[int]story.PutFailure {
	if err == nil {
		return nil
	}
	failures := make(map[int]story.PutFailure)
	if putErr := (*story.PutError)(nil); errors.As(err, &putErr) {
		for _, f := range putErr.Failures {
			failures[f.Index] = f
		}
		if len(failures) > 0 {
			return failures
		}
	}
	for i := range parts {
		failures[i] = story.PutFailure{Index: i, Outcome: story.Retry, Err: err}
	}
	return failures
}

func (w *writer) acknowledge(p *parcel) {
	counts := &w.core.counts
	counts.parts.Add(1)
	counts.lines.Add(int64(p.lines))
	if p.Header != nil && p.Header.State != story.Open {
		counts.stories.Add(1)
	}
	counts.bytes.Add(int64(len(p.Text)))
	w.stories[p.chunk.telling].delay = delay{}
	w.remove(p)
}

func (w *writer) reject(p *parcel, err error) {
	w.core.counts.rejected.Add(1)
	p.chunk.lost += p.lines
	w.core.writeFallback(fmt.Sprintf("%s %s part %d not stored: %v", p.Key, p.ID, p.Number, err), p.Text)
	w.remove(p)
}

// remove takes a settled part out of its story.
func (w *writer) remove(p *parcel) {
	out := w.stories[p.chunk.telling]
	for i, other := range out.parcels {
		if other == p {
			out.parcels = append(out.parcels[:i], out.parcels[i+1:]...)
			break
		}
	}
	if p.chunk.left--; p.chunk.left == 0 {
		w.core.settle(p.chunk)
	}
}

// compact forgets the stories of which nothing is left.
func (w *writer) compact() {
	kept := w.order[:0]
	for _, out := range w.order {
		if len(out.parcels) > 0 {
			kept = append(kept, out)
		} else {
			delete(w.stories, out.telling)
		}
	}
	clear(w.order[len(kept):])
	if w.order = kept; len(kept) == 0 {
		clear(w.keys)
	}
}

// stopped ends the writer, unless there is more to do.
func (w *writer) stopped() bool {
	w.core.mu.Lock()
	defer w.core.mu.Unlock()
	w.core.stopped = len(w.core.queue) == 0
	return w.core.stopped
}

// giveUp leaves what is not stored to the journal, or else writes it to the fallback.
func (w *writer) giveUp() {
	c := w.core
	for _, r := range w.remains { // somebody else's again
		if err := r.journal.Close(); err != nil {
			c.journalTrouble(err)
		}
	}
	w.remains = nil
	c.mu.Lock()
	c.filed = nil
	c.mu.Unlock()
	for {
		w.fetch(time.Now())
		if len(w.order) == 0 && w.stopped() {
			return
		}
		for _, out := range w.order {
			for len(out.parcels) > 0 {
				p := out.parcels[0]
				if kept := p.chunk.remains != nil || p.chunk.entry.complete; !kept && p.Text != "" {
					c.writeFallback(fmt.Sprintf("%s %s part %d not stored before the handler was closed", p.Key, p.ID, p.Number), p.Text)
				} else if kept {
					p.chunk.entry.number = 0 // not done: it stays there
				}
				p.chunk.lost += p.lines
				w.remove(p)
			}
		}
		w.compact()
	}
}

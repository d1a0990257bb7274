package dynamoslog

import (
	"context"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	batchParts = 25      // of one Put: a batch of DynamoDB holds as many items
	batchText  = 1 << 20 // bytes of one Put, about
	linger     = 500 * time.Millisecond
)

// A writer brings chunks to the store. It runs on a goroutine of its own, which
// starts the calls to the store and hears how they ended. This is the way of a part:
//
//	open ──End──▶ sealed ──Keep──▶ queued ──▶ in flight ──▶ acknowledged
//	  └─── age, size, Flush ─────────▲ ▲          │
//	                                   ├─ backing off (Retry): after a delay, the same bytes again
//	                                   ├─ paced (Busy): slower, for all or for one key
//	                                   └─ parked (Wait): one part now and then probes the store
//	                                              └─ rejected (Reject) ──▶ Options.Fallback
//
// Where memory is short, what is queued waits in the journal, or is dropped and counted.
// The parts of one story are stored in order: text first, the final header last, and
// one call at a time has parts of it.
// Where Shutdown's time is up, what is not acknowledged stays in the journal, or goes
// to the fallback.
type writer struct {
	core    *core
	ctx     context.Context // ends when Shutdown's patience does
	cancel  context.CancelFunc
	done    chan struct{}
	wake    chan struct{} // there is something to do
	hurry   bool          // guarded by core.mu: somebody waits
	stories map[*telling]*outgoing
	order   []*outgoing // those of stories, oldest first
	since   time.Time   // when the oldest unsent chunk was taken

	flights int         // calls under way
	landed  chan flight // those that have ended

	parked bool
	store  delay               // of everything
	keys   map[story.Key]*pace // of keys that take no more at the moment
	slow   map[story.Key]int   // parts that wait for them
	pace   pace
	down   bool // OnError heard of trouble, and not that it was over

	freed   journal.Position // the end of the oldest segment when freeJournal looked at open stories
	freedAt time.Time        // when that was

	recovered chan struct{}    // closed when nothing is left to be recovered
	remains   []*remains       // of processes that are gone
	doubtful  *chunk           // one of theirs, about which the store is to be asked
	asked     *chunk           // one about which it is asked now
	answers   chan storedStory // about asked
	adopted   chan adoption    // what processes that are gone have left
	asking    delay            // until the store is asked again
	ready     *chunk           // one about which it was asked, to be stored next
}

// outgoing is what is left to be stored of one story, in order.
type outgoing struct {
	telling *telling
	parcels []*parcel
	delay   delay
	flying  bool // a call has some of them
}

func newWriter(c *core) *writer {
	w := &writer{core: c, done: make(chan struct{}), stories: make(map[*telling]*outgoing),
		keys: make(map[story.Key]*pace), slow: make(map[story.Key]int), landed: make(chan flight, mostFlights), answers: make(chan storedStory, 1),
		wake: make(chan struct{}, 1), adopted: make(chan adoption), recovered: make(chan struct{})}
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
	if w.core.opts.Journal == "" {
		close(w.recovered)
	} else {
		go w.adopt()
	}
	for w.ctx.Err() == nil {
		now := time.Now()
		w.core.takeAbandoned()
		w.expire(now)
		w.freeJournal(now)
		w.core.payOwed()
		w.core.relax()
		hurry := w.takeHurry()
		w.fetch(now)
		batch, wait := w.next(now, hurry)
		if len(batch) > 0 {
			w.launch(batch)
			continue
		}
		timer.Reset(w.sleep(now, wait))
		select {
		case f := <-w.landed:
			w.land(f)
		case a := <-w.answers:
			w.reconcile(a)
		case a := <-w.adopted:
			w.takeRemains(a)
		case <-w.wake:
		case <-timer.C:
		case <-w.ctx.Done():
		}
	}
	for w.flights > 0 {
		w.land(<-w.landed)
	}
	if w.asked != nil {
		w.reconcile(<-w.answers)
	}
	w.giveUp()
}

// sleep returns how long nothing is due.
func (w *writer) sleep(now time.Time, wait time.Duration) time.Duration {
	if w.core.owed.some() {
		wait = min(wait, time.Second)
	}
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
	clear(w.slow)
	for _, out := range w.order {
		all += len(out.parcels)
		if w.delayed(now, out) == 0 {
			ready += len(out.parcels)
		}
		if w.keys[out.telling.key] != nil {
			w.slow[out.telling.key] += len(out.parcels)
		}
	}
	healthy := w.flightsAllowed() > 1
	for ready < 4*batchParts && all < 64*batchParts && (ready < batchParts || !w.core.short()) {
		k := w.dequeue()
		if k == nil {
			return
		}
		n := w.take(k, now, healthy && all < batchParts)
		all += n
		if w.keys[k.telling.key] == nil {
			ready += n
		} else {
			w.slow[k.telling.key] += n
		}
	}
}

// take makes parts of a chunk and returns how many. It may have them prepared as they come:
// all of a batch at once holds up those who log, where processors are few (on two of
// them, the 99.9th percentile of a service's requests was 2.7 ms so, and 2.1 ms not).
func (w *writer) take(k *chunk, now time.Time, prepare bool) int {
	parcels := w.parcels(k, prepare)
	if k.left = len(parcels); k.left == 0 {
		w.core.settle(k)
		return 0
	}
	if len(w.order) == 0 {
		w.since = now
	}
	out := w.stories[k.telling]
	if out == nil {
		out = &outgoing{telling: k.telling}
		w.stories[k.telling] = out
		w.order = append(w.order, out)
	}
	out.parcels = append(out.parcels, parcels...)
	return len(parcels)
}

// parcels makes the parts of a chunk, which hold its lines from then on.
func (w *writer) parcels(k *chunk, prepare bool) []*parcel {
	w.core.load(k)
	parcels := k.telling.tell(k, w.core)
	k.lines.release(&w.core.blocks)
	size, lines := int64(perStory), 0
	for _, p := range parcels {
		size += int64(len(p.Text))
		lines += p.lines
		if prepare {
			prepared, more := w.core.prepare(p.Part)
			p.Prepared, size = prepared, size+int64(more)
		}
	}
	w.core.mu.Lock()
	k.count = lines
	w.core.mu.Unlock()
	w.core.resize(k, size)
	if k.entry.number != 0 {
		k.resume = k.telling.appendResume()
	}
	return parcels
}

// dequeue takes the oldest chunk that waits, but for those of keys that take no more
// at the moment and of which enough are here; or else one of an earlier process.
func (w *writer) dequeue() *chunk {
	c := w.core
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, aside := range c.aside {
		if len(aside.all) == 0 { // all of it left memory
			delete(c.aside, key)
			continue
		}
		if w.slow[key] < batchParts {
			k := aside.take()
			if k.telling.aside--; len(aside.all) == 0 {
				delete(c.aside, key)
			}
			return k
		}
	}
	for {
		k := c.dequeue(len(c.aside) == 0)
		if k == nil {
			break
		}
		if !w.putAside(k) {
			return k
		}
		c.mu.Unlock() // there may be many: others get their turn
		c.mu.Lock()
	}
	if len(c.aside) > 0 {
		return nil
	}
	c.mu.Unlock()
	k := w.recover()
	c.mu.Lock()
	if k == nil {
		return nil
	}
	k.size = int64(k.lines.held) + perStory
	c.buffered.Add(k.size)
	c.takenIn(k)
	if w.putAside(k) {
		return nil
	}
	return k
}

// putAside puts a chunk aside where enough of its key are here that take no more,
// or one of its story is there already. The caller holds c.mu.
func (w *writer) putAside(k *chunk) bool {
	c, t := w.core, k.telling
	if t.aside == 0 {
		t.asideKey = k.header.Key
	}
	waiting := c.aside[t.asideKey]
	if waiting == nil {
		if w.keys[t.asideKey] == nil || w.slow[t.asideKey] < batchParts {
			return false
		}
		waiting = &chunks{}
		c.aside[t.asideKey] = waiting
	}
	t.aside++
	waiting.add(k)
	return true
}

// takenIn notes a chunk that comes from the disk as one that is being written.
func (c *core) takenIn(k *chunk) {
	k.since = time.Now()
	k.unsettled = c.unsettled.PushFront(k)
}

// dequeue takes the oldest chunk, of those that left memory only if they may be
// taken or there is room for them. The caller holds c.mu, which is released meanwhile.
func (c *core) dequeue(filed bool) *chunk {
	if len(c.filed) == 0 || len(c.queue.all) > 0 && c.queue.all[0].ticket < c.filed[0].ticket || !filed && c.short() {
		return c.queue.take()
	}
	f := c.filed[0]
	c.mu.Unlock()
	k := c.unfile(f)
	c.mu.Lock()
	c.filed = c.filed[1:] // others are added at the end only
	c.takenIn(k)
	return k
}

// next returns the parts to put now, or how long to wait for them.
func (w *writer) next(now time.Time, hurry bool) (batch []*parcel, wait time.Duration) {
	if wait = max(w.store.left(now), w.pace.wait(now)); wait > 0 {
		return nil, wait
	}
	wait = time.Hour
	if w.flights >= w.flightsAllowed() {
		return nil, wait
	}
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
		if out.flying {
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
	if w.flights > 0 && !full && !hurry {
		return nil, wait // until one lands: fewer calls, of more parts
	}
	if left := w.since.Add(linger).Sub(now); len(batch) > 0 && !full && !hurry && left > 0 {
		return nil, min(wait, left)
	}
	return batch, wait
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

// giveUp leaves what is not stored to the journal, or else writes it to the fallback.
func (w *writer) giveUp() {
	c := w.core
	c.checkJournal()
	w.drop(w.doubtful)
	w.drop(w.ready)
	for _, r := range w.remains { // somebody else's again
		c.buffered.Add(-r.index)
		if err := r.journal.Close(); err != nil {
			c.leftTrouble(err)
		}
	}
	w.remains = nil
	for _, out := range w.order {
		for len(out.parcels) > 0 {
			w.leave(out.parcels[0])
		}
	}
	c.leaveFiled()
	for k := c.last(); k != nil; k = c.last() {
		if k.entry.complete || k.remains != nil {
			c.leave(k, "")
		} else if w.take(k, time.Now(), false) > 0 {
			for out := w.stories[k.telling]; len(out.parcels) > 0; {
				w.leave(out.parcels[0])
			}
		}
	}
	c.leaveFiled() // what left memory meanwhile
}

// leave gives up a part.
func (w *writer) leave(p *parcel) {
	kept := p.chunk.remains != nil || p.chunk.entry.complete
	if !kept && p.Text != "" {
		w.core.writeFallback(fmt.Sprintf("%s part %d not stored before the handler was closed", nameOf(p.chunk.header), p.Number), p.Text)
	}
	w.core.lose(p.chunk, p.lines, kept)
	w.remove(p)
}

// last takes what still waits, and ends the writer where nothing does.
func (c *core) last() *chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, aside := range c.aside {
		if k := aside.take(); k != nil {
			return k
		}
		delete(c.aside, key)
	}
	k := c.queue.take()
	c.stopped = k == nil
	return k
}

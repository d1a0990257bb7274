package delivery

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A writer brings chunks to the store. It runs on a goroutine of its own, which
// starts the requests to the store and hears how they ended.
type writer struct {
	d      *Delivery
	ctx    context.Context // ends when Shutdown's patience does
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
	wake   chan struct{} // holds one when there is something to do
	began  time.Time
	looks  atomic.Int64 // since began, when it looks at what there is to do; awake while it does

	flushRequested bool // set by those who wait; guarded by Delivery.mu

	order       []*Story  // those that have parts, oldest first
	lingerSince time.Time // since when a batch that is not full waits for more; zero if it does not

	batch    []*part      // room for one that may be sent
	requests int          // that are under way
	answered chan request // those that have ended
	finished []*Chunk     // that are complete by the answer that is looked at
	unused   []*part      // that were removed, for new ones
	resume   []byte       // memory for one that is being made

	all      backoff             // of all stories
	parked   bool                // the last answer was that the store cannot be used
	keys     map[story.Key]*pace // of keys that take no more at the moment
	slow     map[story.Key]int   // parts that wait for them; made anew by fetch
	pace     pace
	troubled bool // OnError heard of trouble, and not that it was over

	freed   storylog.Position // the end of the oldest segment when open stories were repinned
	freedAt time.Time         // when that was

	recovery recovering
	problems problems
}

// tendsEvery is how long the writer lets stories be due that end one after the other: to
// wake for each takes longer than to seal it.
const tendsEvery = 5 * time.Millisecond

// awake is the time at which a writer looks that may have looked already: it has to be woken.
const awake = math.MaxInt64

func newWriter(d *Delivery) *writer {
	w := &writer{
		d: d, began: time.Now(), done: make(chan struct{}), wake: make(chan struct{}, 1), answered: make(chan request, mostRequests),
		batch: make([]*part, 0, batchParts), keys: make(map[story.Key]*pace), slow: make(map[story.Key]int), recovery: newRecovering(), problems: problems{},
	}
	w.looks.Store(awake)
	w.ctx, w.cancel = context.WithCancel(d.cfg.Context)
	return w
}

func (w *writer) stop() {
	w.cancel()
	w.d.Wake()
}

func (w *writer) run() {
	proflabel.Clear()
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	if w.d.Log == nil {
		close(w.recovery.ended)
	} else {
		go w.claim()
	}
	for w.ctx.Err() == nil {
		w.looks.Store(awake)
		now := time.Now()
		due := w.d.stories.Tend(now)
		w.repin(now)
		if w.d.Log != nil {
			w.d.Log.PayPending()
		}
		w.d.Budget.Relax()
		flush := w.takeFlush()
		w.fetch(now)
		w.releaseProblems(now, flush)
		batch, wait := w.next(now, flush)
		if len(batch) > 0 {
			w.send(batch)
			continue
		}
		wait = w.sleep(now, wait, due)
		timer.Reset(wait)
		w.looks.Store(int64(now.Add(wait).Sub(w.began)))
		select {
		case r := <-w.answered:
			w.answer(r)
		case a := <-w.recovery.answers:
			w.reconcile(a)
		case c := <-w.recovery.claimed:
			w.takeOrphans(c)
		case <-w.wake:
		case <-timer.C:
		case <-w.ctx.Done():
		}
	}
	for w.requests > 0 {
		w.answer(<-w.answered)
	}
	if w.recovery.phase == inquiryAsking {
		w.reconcile(<-w.recovery.answers)
	}
	w.giveUp()
}

// sleep returns how long nothing is due.
func (w *writer) sleep(now time.Time, wait time.Duration, due time.Time) time.Duration {
	if w.d.Log != nil && w.d.Log.Pending() {
		wait = min(wait, time.Second)
	}
	if w.requests > 0 { // what was handed over meanwhile is composed
		wait = min(wait, linger)
	}
	if !due.IsZero() {
		wait = min(wait, max(due.Sub(now), tendsEvery))
	}
	return max(min(wait, w.problems.wait(now)), 0)
}

// takeFlush lets what waits for its next try be put at once where somebody has begun to
// wait for it, and returns whether anybody waits.
func (w *writer) takeFlush() bool {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if w.flushRequested {
		w.flushRequested = false
		w.all.until = time.Time{}
		for _, s := range w.order {
			if s.backoff != nil {
				s.backoff.until = time.Time{}
			}
		}
	}
	return len(w.d.barriers) > 0
}

// repin lets open stories go on in newer segments when half of the journal
// is in use: what they have is handed over, or what they are about is written again. It
// looks at them once for each segment, or again after a second.
func (w *writer) repin(now time.Time) {
	if w.d.Log == nil {
		return
	}
	tail, half := w.d.Log.HalfFull()
	if !half || tail == w.freed && now.Sub(w.freedAt) < time.Second {
		return
	}
	w.freed, w.freedAt = tail, now
	w.d.stories.Repin(tail)
}

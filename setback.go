package dynamoslog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	firstDelay   = 50 * time.Millisecond
	longestDelay = 20 * time.Second
	longestProbe = 2 * time.Second        // while parked
	hurriedDelay = 200 * time.Millisecond // while somebody waits for Flush or Shutdown
	tellAgain    = time.Minute            // how often OnError hears of the same trouble
)

// A delay grows with each failure in a row. How long it is, is drawn between
// nothing and that (full jitter), so that many writers do not come back at once.
type delay struct {
	failures int
	until    time.Time
}

func (d *delay) fail(now time.Time, longest time.Duration) {
	most := min(firstDelay<<min(d.failures, 16), longest)
	d.failures++
	d.until = now.Add(rand.N(most + 1))
}

func (d *delay) left(now time.Time) time.Duration { return max(d.until.Sub(now), 0) }

// A trouble is a class of failures.
type trouble string

const (
	none          trouble = ""
	busy          trouble = "busy"          // the store takes no more at the moment
	fault         trouble = "fault"         // a passing one
	misconfigured trouble = "misconfigured" // somebody has to mend it
	rejected      trouble = "rejected"      // parts that can never be stored

	panicked   trouble = "panic of something that is not the handler's"
	unwritable trouble = "unwritable journal"
	writable   trouble = "journal works again"
	unreadable trouble = "unreadable journal" // one that an earlier process left
)

func troubleOf(f story.PutFailure) trouble {
	switch {
	case f.Outcome == story.Reject:
		return rejected
	case f.Outcome == story.Wait:
		return misconfigured
	case f.Outcome == story.Busy:
		return busy
	}
	return fault
}

// delayed returns how long a story has to wait for itself or for its key.
func (w *writer) delayed(now time.Time, out *outgoing) time.Duration {
	left := out.delay.left(now)
	if own := w.keys[out.telling.key]; own != nil {
		left = max(left, own.wait(now))
		if own.rate == 0 {
			delete(w.keys, out.telling.key)
		}
	}
	return left
}

// setBack decides when what was not stored is put again.
func (w *writer) setBack(f flight, failures map[int]story.PutFailure) {
	now, batch := time.Now(), f.batch
	kinds := make(map[trouble]error)
	for i := range batch {
		if failure, failed := failures[i]; failed {
			kind := troubleOf(failure)
			if _, known := kinds[kind]; !known {
				kinds[kind] = failure.Err
			}
			if kind != rejected {
				w.core.counts.retry(kind)
			}
		}
	}
	stored := len(failures) < len(batch)
	if w.park(now, kinds[misconfigured] != nil); w.parked {
		w.core.failWaiters(f.began, now)
	}
	switch {
	case w.parked:
		w.fail(f, now, min(w.longest(), longestProbe))
	case !stored && kinds[fault] != nil && kinds[busy] == nil && kinds[rejected] == nil:
		w.fail(f, now, w.longest())
	default:
		w.store = delay{}
		w.delayStories(now, batch, failures)
	}
	w.core.memory.down.Store(w.store.failures > 0)
	w.adapt(now, batch, failures)
	for kind, err := range kinds {
		w.tell(kind, err)
	}
	if stored && kinds[fault] == nil && kinds[misconfigured] == nil {
		if kinds[busy] == nil {
			w.core.setTrouble(nil)
		}
		w.tellMended()
	}
}

// fail delays everything. What was sent before the last failure was known is no
// further one.
func (w *writer) fail(f flight, now time.Time, longest time.Duration) {
	if f.failures == w.store.failures || w.store.failures == 0 {
		w.store.fail(now, longest)
	}
	w.rotate(f.batch)
}

func (w *writer) park(now time.Time, parked bool) {
	if parked != w.parked {
		since := time.Time{}
		if parked {
			since = now
		}
		w.core.counts.setParked(since)
	}
	w.parked = parked
}

// longest returns the longest delay: a short one while somebody waits.
func (w *writer) longest() time.Duration {
	w.core.mu.Lock()
	defer w.core.mu.Unlock()
	if len(w.core.waiters) > 0 {
		return hurriedDelay
	}
	return longestDelay
}

// rotate lets other stories probe the store next.
func (w *writer) rotate(batch []*parcel) {
	tried := make(map[*telling]bool)
	for _, p := range batch {
		tried[p.chunk.telling] = true
	}
	slices.SortStableFunc(w.order, func(a, b *outgoing) int {
		switch at, bt := tried[a.telling], tried[b.telling]; {
		case at == bt:
			return 0
		case bt:
			return -1
		}
		return 1
	})
}

// delayStories delays those of which a part was not stored, while others were.
func (w *writer) delayStories(now time.Time, batch []*parcel, failures map[int]story.PutFailure) {
	longest := w.longest()
	for i, p := range batch {
		f, failed := failures[i]
		out := w.stories[p.chunk.telling]
		if !failed || f.Outcome == story.Reject || out == nil || out.delay.left(now) > 0 {
			continue
		}
		out.delay.fail(now, longest)
	}
}

// adapt slows down where the store is busy: for a key if several parts of it were
// refused, and of no other, else for all. A single part, or one that is refused
// again and again, says nothing about the others: it has its own delay.
func (w *writer) adapt(now time.Time, batch []*parcel, failures map[int]story.PutFailure) {
	type sum struct {
		put, took float64
		refused   int
		anew      bool
	}
	var all sum
	byKey := make(map[story.Key]*sum)
	refused := 0 // keys
	for i, p := range batch {
		of := byKey[p.Key]
		if of == nil {
			of = &sum{}
			byKey[p.Key] = of
		}
		all.put, of.put = all.put+cost(p), of.put+cost(p)
		f, failed := failures[i]
		if !failed {
			all.took, of.took = all.took+cost(p), of.took+cost(p)
		} else if troubleOf(f) == busy {
			if of.refused++; of.refused == 1 {
				refused++
			}
			of.anew = of.anew || !p.refused
			all.anew = all.anew || !p.refused
			p.refused = true
		}
	}
	w.pace.sent(now, all.put, all.took, refused > 1 && all.anew)
	for key, of := range byKey {
		own := w.keys[key]
		if own == nil && refused == 1 && of.refused > 1 && of.anew {
			own = &pace{at: now, counted: now}
			w.keys[key] = own
		}
		if own != nil {
			own.sent(now, of.put, of.took, refused == 1 && of.anew)
		}
	}
}

// tell lets OnError know of trouble.
func (w *writer) tell(kind trouble, err error) {
	if kind != rejected {
		w.core.setTrouble(err)
	}
	if w.core.hasNews(kind, fmt.Errorf("dynamoslog: storing: %w", unnamed{err})) {
		w.down = w.down || kind == fault || kind == misconfigured
	}
}

// tellMended lets OnError know that trouble that it heard of is over.
func (w *writer) tellMended() {
	if w.down && w.core.hasNews(none, errMended) {
		w.down = false
	}
}

var errMended = errors.New("dynamoslog: storing works again")

// An unnamed error is one without the library's name at its beginning, to stand within
// another.
type unnamed struct{ error }

func (e unnamed) Error() string { return strings.TrimPrefix(e.error.Error(), "dynamoslog: ") }
func (e unnamed) Unwrap() error { return e.error }

// news are what OnError has to hear.
type news struct {
	mu      sync.Mutex
	list    []error
	done    chan struct{}         // closed when the goroutine that tells them has ended; nil while there is none
	told    map[trouble]time.Time // when it last heard of it
	trouble error                 // why storing fails at the moment, if it does
}

func (c *core) setTrouble(err error) {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	c.news.trouble = err
}

// because adds to the reason for which something is not stored what the store said.
func (c *core) because(err error) error {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	if c.news.trouble == nil {
		return err
	}
	return fmt.Errorf("%w; storing: %w", err, unnamed{c.news.trouble})
}

// hasNews leaves word for OnError, unless it has heard of the same a short time ago. It
// may be called anywhere: it calls nothing of the user's.
func (c *core) hasNews(kind trouble, err error) bool {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	now := time.Now()
	if last, told := c.news.told[kind]; told && now.Sub(last) < tellAgain {
		return false
	}
	if c.news.told == nil {
		c.news.told = make(map[trouble]time.Time)
	}
	c.news.told[kind] = now
	if kind == none { // the same again is news
		for _, over := range []trouble{busy, fault, misconfigured} {
			delete(c.news.told, over)
		}
	}
	c.news.list = append(c.news.list, err)
	if c.news.done == nil {
		c.news.done = make(chan struct{})
		go c.deliverNews()
	}
	return true
}

// deliverNews tells OnError what there is to be told. It runs on a goroutine of its own
// as long as there is something: OnError may take its time, and call the handler.
func (c *core) deliverNews() {
	for {
		c.news.mu.Lock()
		list := c.news.list
		c.news.list = nil
		if len(list) == 0 {
			close(c.news.done)
			c.news.done = nil
			c.news.mu.Unlock()
			return
		}
		c.news.mu.Unlock()
		for _, err := range list {
			c.deliver(err)
		}
	}
}

func (c *core) deliver(err error) {
	if c.opts.OnError == nil {
		c.writeFallback(unnamed{err}.Error(), "")
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.writeFallback(fmt.Sprintf("Options.OnError panicked: %v; what it was told: %v", p, unnamed{err}), "")
		}
	}()
	c.opts.OnError(err)
}

// awaitNews waits a little until what was to be told is.
func (c *core) awaitNews() {
	const patience = time.Second
	c.news.mu.Lock()
	done := c.news.done
	c.news.mu.Unlock()
	if done == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

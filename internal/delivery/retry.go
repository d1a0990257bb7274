package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	firstDelay   = 50 * time.Millisecond
	longestDelay = 20 * time.Second
	longestProbe = 2 * time.Second        // while parked
	hurriedDelay = 200 * time.Millisecond // while somebody waits for Flush or Shutdown
)

// A backoff grows with each failure in a row. How long it is, is drawn between
// nothing and that (full jitter), so that many writers do not come back at once.
type backoff struct {
	failures int
	until    time.Time
}

func (b *backoff) fail(now time.Time, longest time.Duration) {
	most := min(firstDelay<<min(b.failures, 16), longest)
	b.failures++
	b.until = now.Add(rand.N(most + 1))
}

func (b *backoff) left(now time.Time) time.Duration {
	if b == nil || b.until.IsZero() { // as nearly always
		return 0
	}
	return max(b.until.Sub(now), 0)
}

// waits returns how long a story has to wait for itself or for its key.
func (w *writer) waits(now time.Time, s *Story) time.Duration {
	left := s.backoff.left(now)
	if own := w.keys[s.nextKey()]; own != nil {
		left = max(left, own.wait(now))
	}
	return left
}

// freeKeys forgets the paces of keys that take everything again.
func (w *writer) freeKeys(now time.Time) {
	for key, own := range w.keys {
		if own.wait(now); own.rate == 0 {
			delete(w.keys, key)
		}
	}
}

// A verdict is what the answer to a request says about the store.
type verdict struct {
	stored bool            // it took some part
	errs   map[class]error // the first of each class
}

func verdictOn(parts int, failures map[int]story.PutFailure) verdict {
	v := verdict{stored: len(failures) < parts, errs: make(map[class]error)}
	for i := range parts {
		if failure, failed := failures[i]; failed {
			if of := classOf(failure); v.errs[of] == nil {
				v.errs[of] = failure.Err
			}
		}
	}
	return v
}

// delaysAll reports whether everything has to wait before it is put again, and not only
// the stories of the parts that were not stored.
func (v verdict) delaysAll() bool {
	return v.errs[misconfigured] != nil || !v.stored && v.errs[fault] != nil && v.errs[busy] == nil && v.errs[rejected] == nil
}

// setBack decides when what was not stored is put again.
func (w *writer) setBack(r request, failures map[int]story.PutFailure) {
	now, batch := time.Now(), r.batch
	for i := range batch {
		if failure, failed := failures[i]; failed && failure.Outcome != story.Reject {
			w.d.Counts.retry(classOf(failure))
		}
	}
	v := verdictOn(len(batch), failures)
	if w.park(now, v.errs[misconfigured] != nil); w.parked {
		w.d.refuse(r.began, now)
	}
	switch {
	case w.parked:
		w.fail(r, now, min(w.longest(), longestProbe))
	case v.delaysAll():
		w.fail(r, now, w.longest())
	default:
		w.all = backoff{}
		w.delayStories(now, batch, failures)
	}
	w.d.down.Store(w.all.failures > 0)
	w.adapt(now, batch, failures)
	for of, err := range v.errs {
		w.tell(of, err)
	}
	if v.stored && v.errs[fault] == nil && v.errs[misconfigured] == nil {
		if v.errs[busy] == nil {
			w.d.report.setTrouble(nil)
		}
		w.tellMended()
	}
}

// fail delays everything. What was sent before the last failure was known is no
// further one.
func (w *writer) fail(r request, now time.Time, longest time.Duration) {
	if r.failures == w.all.failures || w.all.failures == 0 {
		w.all.fail(now, longest)
	}
	w.rotate(r.batch)
}

func (w *writer) park(now time.Time, parked bool) {
	if parked != w.parked {
		since := time.Time{}
		if parked {
			since = now
		}
		w.d.Counts.setParked(since)
	}
	w.parked = parked
}

// longest returns the longest delay: a short one while somebody waits.
func (w *writer) longest() time.Duration {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if len(w.d.barriers) > 0 {
		return hurriedDelay
	}
	return longestDelay
}

// rotate lets other stories probe the store next.
func (w *writer) rotate(batch []*part) {
	tried := make(map[*Story]bool)
	for _, p := range batch {
		tried[p.chunk.Story] = true
	}
	slices.SortStableFunc(w.order, func(a, b *Story) int {
		switch at, bt := tried[a], tried[b]; {
		case at == bt:
			return 0
		case bt:
			return -1
		}
		return 1
	})
}

// delayStories delays those of which a part was not stored, while others were.
func (w *writer) delayStories(now time.Time, batch []*part, failures map[int]story.PutFailure) {
	longest := w.longest()
	for i, p := range batch {
		f, failed := failures[i]
		s := p.chunk.Story
		if !failed || f.Outcome == story.Reject || len(s.parts) == 0 || s.backoff.left(now) > 0 {
			continue
		}
		if s.backoff == nil {
			s.backoff = &backoff{}
		}
		s.backoff.fail(now, longest)
	}
}

// tell lets OnError know of trouble.
func (w *writer) tell(of class, err error) {
	if of != rejected {
		w.d.report.setTrouble(err)
	}
	if w.d.tell(of, fmt.Errorf("dynamoslog: storing: %w", unnamed{err})) {
		w.troubled = w.troubled || of == fault || of == misconfigured
	}
}

// tellMended lets OnError know that trouble that it heard of is over.
func (w *writer) tellMended() {
	if w.troubled && w.d.tell(fine, errMended) {
		w.troubled = false
	}
}

var errMended = errors.New("dynamoslog: storing works again")

package delivery

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

func TestFlushWaitsForWhatWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{}, func([]story.Part) error { time.Sleep(3 * time.Second); return nil })
		b.tell("a")
		var later atomic.Bool
		time.AfterFunc(time.Second, func() { b.tell("b") })
		time.AfterFunc(2*time.Second, func() { later.Store(true) })
		start := time.Now()
		if left := b.Flush(t.Context()); left != nil || !later.Load() {
			t.Errorf("Flush: %+v, after %v", left, time.Since(start))
		}
		b.end()
	})
}

// A chunk that is with Keep was told before Flush was called: it is waited for.
func TestFlushWaitsForWhatIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		k := b.chunk("a", slog.LevelInfo, "of a")
		b.Announce(k)
		time.AfterFunc(7*time.Second, func() { b.HandOver(k) })
		start := time.Now()
		if left := b.Flush(t.Context()); left != nil || time.Since(start) < 7*time.Second {
			t.Errorf("Flush: %+v, after %v", left, time.Since(start))
		}
		b.end()
	})
}

func TestFlushTellsWhatIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		answer         answer
		lines, stories int
		where          string
		err            error
		within         time.Duration
	}{
		"it fails":            {says(errReset), 3, 3, "in memory", context.DeadlineExceeded, time.Minute},
		"it cannot be used":   {fails(story.Wait, errNoTable), 3, 3, "in memory", story.ErrUnusable, 2 * time.Second},
		"one can not be put":  {fails(story.Reject, errBad, "b"), 1, 1, "in Options.Fallback", errRejected, time.Second},
		"one fails":           {fails(story.Retry, errReset, "b"), 1, 1, "in memory", context.DeadlineExceeded, time.Minute},
		"all but one are put": {fails(story.Retry, errReset, "a", "c"), 2, 2, "in memory", context.DeadlineExceeded, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := make([]answer, 10_000)
				for i := range answers {
					answers[i] = test.answer
				}
				b := newBench(t, Config{}, answers...)
				b.tell("a", "b", "c")
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				left := b.Flush(ctx)
				if left == nil || left.Lines != test.lines || left.Stories != test.stories || !strings.Contains(left.Where, test.where) || !errors.Is(left.Err, test.err) {
					t.Errorf("got %+v", left)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("it took %v", took)
				}
				b.store.mu.Lock()
				b.store.answers = nil
				b.store.mu.Unlock()
				b.end()
			})
		})
	}
}

// One answer that the store cannot be used may come of credentials that are being
// replaced.
func TestFlushBelievesNoSingleRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{}, fails(story.Wait, errNoTable))
		b.tell("a")
		if left := b.Flush(t.Context()); left != nil {
			t.Errorf("got %+v", left)
		}
		b.end()
	})
}

func TestShutdownReturnsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		b := newBench(t, Config{}, func([]story.Part) error { <-hangs; return errReset })
		b.tell("a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		left, _ := b.Shutdown(ctx)
		if left == nil || left.Lines != 2 || !strings.Contains(left.Where, "still in memory") {
			t.Errorf("Shutdown: %+v", left)
		}
		if took := time.Since(start); took > time.Second+grace {
			t.Errorf("it took %v", took)
		}
		close(hangs)
		if left, err := b.Shutdown(t.Context()); left == nil || left.Lines != 2 || left.Where != "in Options.Fallback" || err != nil {
			t.Errorf("again: %+v, %v", left, err)
		}
		for _, text := range []string{"of a", "of b"} {
			if !strings.Contains(b.fallback.String(), text) {
				t.Errorf("%q is not in the fallback:\n%s", text, &b.fallback)
			}
		}
	})
}

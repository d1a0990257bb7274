package acceptance_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

const soakEnv = "DYNAMOSLOG_SOAK_MILLIONS" // lines, for a run by hand

// A weather store counts lines and keeps nothing; faults come and go.
type weather struct {
	story.Store
	lines atomic.Int64
}

func (w *weather) Put(_ context.Context, parts []story.Part) error {
	if time.Now().UnixMilli()/2000%3 == 1 { // two seconds of six
		return errors.New("no connection")
	}
	failed := &story.PutError{}
	for i, part := range parts {
		if rand.IntN(50) == 0 {
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: story.ErrBusy})
			continue
		}
		w.lines.Add(int64(strings.Count(part.Text, "\n")))
	}
	if len(failed.Failures) > 0 {
		return failed
	}
	return nil
}

// resident returns the bytes of memory that the process has.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Skip("no VmRSS")
	return 0
}

// TestSoak logs millions of lines while faults come and go, and shows the memory.
func TestSoak(t *testing.T) {
	millions, err := strconv.Atoi(os.Getenv(soakEnv))
	if err != nil {
		t.Skip("set " + soakEnv)
	}
	store := &weather{}
	h := dynamoslog.New(store, &dynamoslog.Options{Journal: t.TempDir()})
	logger := slog.New(h)
	first := 0
	const goroutines, line = 4, "No exercises available for current filter"
	for tenth := range 10 {
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() {
				for range millions * 100_000 / goroutines / 50 {
					for h.Stats().Buffered > 48<<20 { // as fast as is kept, and no faster
						time.Sleep(time.Millisecond)
					}
					ctx, scope := dynamoslog.Begin(t.Context(), "user", rand.IntN(1000))
					for i := range 50 {
						logger.InfoContext(ctx, line, "component", "flexibility", "i", i)
					}
					scope.End()
				}
			})
		}
		all.Wait()
		s := h.Stats()
		t.Logf("%3d %%: resident %d MB, buffered %d MB, %d lines stored, %d dropped, %d retries",
			(tenth+1)*10, resident(t)>>20, s.Buffered>>20, s.Lines, s.Dropped, s.Retries)
		if now := resident(t); tenth == 0 {
			first = now
		} else if now > first+64<<20 {
			t.Errorf("resident memory grew from %d MB to %d", first>>20, now>>20)
		}
	}
	if err := h.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if s := h.Stats(); s.Lines+s.Dropped != int64(millions)*1_000_000 || store.lines.Load() != s.Lines || s.Dropped > 0 {
		t.Errorf("%d lines stored, %d in the store, %d dropped, of %d millions", s.Lines, store.lines.Load(), s.Dropped, millions)
	}
}

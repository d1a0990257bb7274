package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A faulty store asks fault before each Put; where it returns nil the parts are
// stored, all but those of a PutError.
type faulty struct {
	*story.Memory
	mu    sync.Mutex
	fault func(ctx context.Context, parts []story.Part) error
	puts  [][]story.Part
}

func (f *faulty) set(fault func(context.Context, []story.Part) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faulty) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.puts)
}

func (f *faulty) Put(ctx context.Context, parts []story.Part) error {
	f.mu.Lock()
	f.puts = append(f.puts, parts)
	fault := f.fault
	f.mu.Unlock()
	var err error
	if fault != nil {
		err = fault(ctx, parts)
	}
	failed := map[int]bool{}
	if putErr := (*story.PutError)(nil); errors.As(err, &putErr) {
		for _, failure := range putErr.Failures {
			failed[failure.Index] = true
		}
	} else if err != nil {
		return err
	}
	for i, part := range parts {
		if !failed[i] {
			if err := f.Memory.Put(ctx, []story.Part{part}); err != nil {
				return err
			}
		}
	}
	return err
}

// failing is a fault of the parts that which names.
func failing(outcome story.Outcome, which func(story.Part) bool) func(context.Context, []story.Part) error {
	return func(_ context.Context, parts []story.Part) error {
		failed := &story.PutError{}
		for i, part := range parts {
			if which(part) {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: outcome, Err: errors.New("as told")})
			}
		}
		if len(failed.Failures) == 0 {
			return nil
		}
		return failed
	}
}

// all is every part, for failing.
func all(story.Part) bool { return true }

// A store that takes nothing, and holds nothing.
type downStore struct{ story.Store }

func (downStore) Put(ctx context.Context, _ []story.Part) error { return story.ErrUnusable }

// putSome stores parts but those for which the store is busy.
func putSome(ctx context.Context, store story.Store, parts []story.Part, busy func(story.Part) bool) error {
	var taken []story.Part
	var places []int
	failed := &story.PutError{}
	for i, part := range parts {
		if busy(part) {
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: story.ErrBusy})
		} else {
			taken, places = append(taken, part), append(places, i)
		}
	}
	err := store.Put(ctx, taken)
	if inner := (*story.PutError)(nil); errors.As(err, &inner) {
		for _, f := range inner.Failures {
			f.Index = places[f.Index]
			failed.Failures = append(failed.Failures, f)
		}
	} else if err != nil {
		return err
	}
	if len(failed.Failures) > 0 {
		return failed
	}
	return nil
}

// output is a buffer to which several goroutines write.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// A hanging writer takes nothing until it is let go.
type hanging chan struct{}

func (h hanging) Write(p []byte) (int, error) {
	<-h
	return len(p), nil
}

// tell tells a story of a job: "line 0", "line 1" and so on.
func tell(t *testing.T, h *dynamoslog.Handler, id string, lines int) {
	t.Helper()
	ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
	for i := range lines {
		slog.New(h).InfoContext(ctx, fmt.Sprintf("line %d", i))
	}
	scope.End()
}

// stored returns all stories.
func stored(t *testing.T, store story.Store) (all []story.Story) {
	t.Helper()
	for h, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), h.Key, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// storedLines returns how many lines of all stories there are.
func storedLines(t *testing.T, store story.Store) (lines int) {
	t.Helper()
	for _, s := range stored(t, store) {
		lines += len(s.Lines)
	}
	return lines
}

// wantLines checks that a story has its lines, once and in order.
func wantLines(t *testing.T, store story.Store, id string, count int, state story.State) {
	t.Helper()
	s, err := store.Read(t.Context(), story.NewKey("job", id), "")
	if err != nil || s.State != state || len(s.Lines) != count {
		t.Errorf("%s: %d lines, want %d; state %s, want %s; %v", id, len(s.Lines), count, s.State, state, err)
		return
	}
	for i, line := range s.Lines {
		if want := fmt.Sprintf("line %d", i); line.Message != want {
			t.Errorf("%s: line %d is %q", id, i, line.Message)
			return
		}
	}
}

// entries returns what is in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// crashed returns a handler on what a kill of the one before would leave now. It is
// called in a bubble, in which nothing moves meanwhile.
func crashed(t *testing.T, store story.Store, opts dynamoslog.Options) *dynamoslog.Handler {
	t.Helper()
	synctest.Wait()
	after := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(after, os.DirFS(opts.Journal)); err != nil {
		t.Fatal(err)
	}
	opts.Journal = after
	next := dynamoslog.New(store, &opts)
	slog.New(next).Info("begins")
	return next
}

// reused returns strings over memory that is overwritten by the second function, as a
// server does that reuses its buffers.
func reused() (made func(string) string, overwrite func()) {
	var all [][]byte
	return func(s string) string {
			b := []byte(s)
			all = append(all, b)
			return unsafe.String(&b[0], len(b))
		}, func() {
			for _, b := range all {
				for i := range b {
					b[i] = '?'
				}
			}
		}
}

// timed returns how long f takes.
func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// quantile returns the time that a part of all times do not exceed.
func quantile(times []time.Duration, part float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// overtime is how long after its context Shutdown may return.
const overtime = 50 * time.Millisecond

// Shutdown is bounded by its context, whatever the store and the fallback do, and
// reports exactly what is not stored.
func TestShutdownIsBounded(t *testing.T) {
	letGo := func(release chan struct{}) func(context.Context, []story.Part) error {
		return func(context.Context, []story.Part) error { <-release; return errors.New("too late") }
	}
	for _, patience := range []time.Duration{0, 2 * time.Second, 30 * time.Second} {
		for _, row := range []struct {
			name    string
			store   func(release chan struct{}) func(context.Context, []story.Part) error
			hangs   bool // the fallback
			journal bool
			where   string
		}{
			{name: "store down", store: nil, where: "in Options.Fallback"},
			{name: "store down, journal", store: nil, journal: true, where: "in the journal"},
			{name: "store ignores its context", store: letGo, where: "still in memory"},
			{name: "store ignores its context, journal", store: letGo, journal: true, where: "still in memory"},
			{name: "fallback hangs", store: nil, hangs: true, where: "still in memory"},
		} {
			t.Run(fmt.Sprintf("%s, %v", row.name, patience), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
					if row.store != nil {
						store.fault = row.store(release)
					}
					opts := &dynamoslog.Options{Fallback: &bytes.Buffer{}}
					if row.hangs {
						opts.Fallback = hanging(release)
					}
					if row.journal {
						opts.Journal = dir
					}
					h := dynamoslog.New(store, opts)
					for i := range 40 {
						tell(t, h, fmt.Sprint(i), 2)
					}
					synctest.Wait() // until the store has been called
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					start := time.Now()
					err := h.Shutdown(ctx)
					if took := time.Since(start); took > patience+overtime {
						t.Errorf("took %v", took)
					}
					var unwritten *dynamoslog.UnwrittenError
					if !errors.As(err, &unwritten) || unwritten.Lines != 80 || unwritten.Stories != 40 || !strings.Contains(unwritten.Where, row.where) {
						t.Errorf("got %v, want 80 lines of 40 stories %s", err, row.where)
					}
					close(release)
					if err := h.Shutdown(t.Context()); !errors.As(err, &unwritten) || unwritten.Lines != 80 || strings.Contains(unwritten.Where, "memory") {
						t.Errorf("a second time, with patience: got %v, want 80 lines that are not in memory", err)
					}
				})
			})
		}
	}
}

// What is stored of a story is not reported.
func TestReportsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, func(p story.Part) bool { return p.Number > 1 })}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		for i := range 3 {
			slog.New(h).InfoContext(ctx, fmt.Sprint("line ", i, strings.Repeat(" long", 70_000)))
		}
		scope.End()
		tell(t, h, "stored", 5)
		for _, report := range []func(context.Context) error{h.Flush, h.Shutdown} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var unwritten *dynamoslog.UnwrittenError
			if err := report(ctx); !errors.As(err, &unwritten) || unwritten.Lines != 2 || unwritten.Stories != 1 {
				t.Errorf("got %v, want two lines of one story", err)
			}
		}
		if got := strings.Count(fallback.String(), "I line "); got != 2 {
			t.Errorf("%d lines in the fallback, want 2", got)
		}
	})
}

// The end of a story is something to be stored as well.
func TestUnwrittenEndIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, func(p story.Part) bool {
			return p.Header != nil && p.Header.State != story.Open
		})}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &bytes.Buffer{}})
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		slog.New(h).InfoContext(ctx, strings.Repeat("long ", 10_000))
		scope.End()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var unwritten *dynamoslog.UnwrittenError
		if err := h.Shutdown(ctx); !errors.As(err, &unwritten) || unwritten.Lines != 0 || unwritten.Stories != 1 {
			t.Errorf("got %v, want no line of one story", err)
		}
	})
}

// All that close at once wait until everything is stored, also what is still with Keep.
func TestShutdownByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{
			Keep:     func(story.Header) bool { time.Sleep(time.Second); return true },
			Fallback: &bytes.Buffer{},
		})
		var all sync.WaitGroup
		all.Go(func() { tell(t, h, "ends by itself", 3) })
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "open")
		slog.New(h).InfoContext(ctx, "line 0")
		synctest.Wait() // one is with Keep, the other open
		for range 5 {
			all.Go(func() {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				if got := h.Stats().Lines; got != 4 {
					t.Errorf("when Close returned %d lines were stored, want 4", got)
				}
			})
		}
		all.Wait()
		scope.End()
	})
}

// No journal is opened for what is logged after Close.
func TestLogAfterCloseOpensNothing(t *testing.T) {
	dir := t.TempDir()
	var fallback bytes.Buffer
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Journal: dir, Fallback: &fallback})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	tell(t, h, "late", 2)
	if left := entries(t, dir); len(left) > 0 || strings.Count(fallback.String(), "I line ") != 2 {
		t.Errorf("left %v, fallback %q", left, fallback.String())
	}
}

// Who sets no OnError hears of trouble all the same, and Close says what it was.
func TestTroubleIsToldByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, store := range map[string]story.Store{
			"as told":                        &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)},
			"New was called without a store": nil,
		} {
			var fallback bytes.Buffer
			h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
			ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
			slog.New(h).InfoContext(ctx, "hello")
			scope.End()
			time.Sleep(time.Second) // of the fake clock
			synctest.Wait()
			if got := fallback.String(); got != "dynamoslog: storing: "+want+"\n" {
				t.Errorf("the fallback got %q", got)
			}
			err := h.Close()
			if err == nil || !strings.Contains(err.Error(), "1 line of 1 story is not stored; it is in Options.Fallback: ") || !strings.HasSuffix(err.Error(), "; storing: "+want) {
				t.Errorf("Close: %v", err)
			}
			if !strings.HasSuffix(fallback.String(), "\n+0.000 I hello\n") {
				t.Errorf("in the end the fallback got %q", fallback.String())
			}
		}
	})
}

// Scopes that log after Close cost nothing.
func TestScopesAfterClose(t *testing.T) {
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: io.Discard})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, "after Close")
	scope.End()
	if got := h.Stats(); got.Buffered != 0 || got.Open != 0 {
		t.Errorf("got %+v", got)
	}
}

// Flush and Close do not wait for a store that says that it cannot be used.
func TestNobodyWaitsForAMissingTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback output
		missing := fmt.Errorf("no table: %w", story.ErrUnusable)
		store := &faulty{Memory: story.NewMemory(), fault: func(_ context.Context, parts []story.Part) error {
			failed := &story.PutError{}
			for i := range parts {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Wait, Err: missing})
			}
			return failed
		}}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		tell(t, h, "1", 3)
		for _, wait := range []func() error{func() error { return h.Flush(context.Background()) }, h.Close} {
			start := time.Now()
			err := wait()
			var unwritten *dynamoslog.UnwrittenError
			if took := time.Since(start); took > time.Second || !errors.Is(err, story.ErrUnusable) || !errors.As(err, &unwritten) || unwritten.Lines != 3 {
				t.Errorf("took %v: %v", took, err)
			}
		}
		if !strings.Contains(fallback.String(), "line 2") {
			t.Errorf("the fallback has %q", fallback.String())
		}
	})
}

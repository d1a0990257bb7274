package acceptance_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// A wrapped table masks what it is told to, by a Put of its own.
type wrapped struct {
	*dynamoslog.Table
	mask string
	mu   sync.Mutex
	puts []story.Part // as they came
}

func (w *wrapped) Put(ctx context.Context, parts []story.Part) error {
	w.mu.Lock()
	w.puts = append(w.puts, parts...)
	w.mu.Unlock()
	masked := slices.Clone(parts)
	for i := range masked {
		if w.mask != "" {
			masked[i].Text = strings.ReplaceAll(masked[i].Text, w.mask, strings.Repeat("*", len(w.mask)))
		}
	}
	return w.Table.Put(ctx, masked)
}

// A table that another type embeds encodes ahead as a bare one does, and that type's Put
// is called.
func TestWrappedTableEncodesAhead(t *testing.T) {
	for _, mask := range []string{"", "secret"} {
		store := &wrapped{Table: handlertest.NewTable(t, &dynamoslog.Table{}), mask: mask}
		h := dynamoslog.New(store, nil)
		t.Cleanup(func() { _ = h.Close() })
		for i := range 3 {
			ctx, scope := dynamoslog.Begin(t.Context(), "user", i)
			slog.New(h).InfoContext(ctx, "the password is secret")
			scope.End()
			if err := h.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := store.Read(t.Context(), story.NewKey("user", string(rune('0'+i))), "")
			want := "the password is secret"
			if mask != "" {
				want = "the password is ******"
			}
			if err != nil || len(got.Lines) != 1 || got.Lines[0].Message != want {
				t.Errorf("got %v, %v, want the line %q", got.Lines, err, want)
			}
		}
		if len(store.puts) != 3 {
			t.Fatalf("the wrapper was handed %d parts, want 3", len(store.puts))
		}
		for i, part := range store.puts {
			if part.Prepared == nil {
				t.Errorf("part %d was not encoded ahead", i)
			}
		}
		if units := h.Stats().WriteUnits; units < 3 {
			t.Errorf("got %v write units of a wrapped table, want what it counts", units)
		}
	}
}

// A bad preparer panics where it is asked for more than to store.
type badPreparer struct{ *story.Memory }

func (badPreparer) Prepare(story.Part) (any, int)             { panic("cannot prepare") }
func (badPreparer) Consumed() (writeUnits, readUnits float64) { panic("cannot count") }

func TestStoreThatPanicsBesidePut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		store := badPreparer{story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err.Error())
		}})
		ctx, scope := dynamoslog.Begin(t.Context(), "user", "1")
		slog.New(h).InfoContext(ctx, "hello")
		scope.End()
		time.Sleep(2 * time.Minute) // it is told once a minute
		if s := h.Stats(); s.Stories != 1 || s.WriteUnits != 0 {
			t.Errorf("%d stories are stored for %v units, want 1 for 0", s.Stories, s.WriteUnits)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"dynamoslog: the store panicked in Prepare: cannot prepare", "dynamoslog: the store panicked in Consumed: cannot count"}
		if !slices.Equal(told, want) {
			t.Errorf("got %q told, want %q", told, want)
		}
	})
}

// What is prepared counts as memory until its story is stored, and is made again for
// another try only as far as the store is asked to.
type countingPreparer struct {
	*faulty
	prepared int
}

func (c *countingPreparer) Prepare(story.Part) (any, int) {
	c.prepared++
	return "prepared", 1 << 20
}

func TestPreparedIsHeldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingPreparer{faulty: &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}}
		h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(error) {}})
		ctx, scope := dynamoslog.Begin(t.Context(), "user", "1")
		slog.New(h).InfoContext(ctx, "hello")
		scope.End()
		time.Sleep(time.Minute)
		if held := h.Stats().Buffered; store.prepared != 1 || held < 1<<20 || held > 2<<20 {
			t.Errorf("prepared %d times, %d bytes are held, want once, and the megabyte that it takes", store.prepared, held)
		}
		store.set(nil)
		if err := h.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if held := h.Stats().Buffered; held > 1<<20 {
			t.Errorf("%d bytes are held once all is stored", held)
		}
		for i, parts := range store.puts {
			if prepared := parts[0].Prepared != nil; prepared != (i == 0) {
				t.Errorf("try %d has what was prepared: %v, want it for the first alone", i, prepared)
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

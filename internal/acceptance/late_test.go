package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// Lines that come while their story ends are stored.
func TestLinesBesideEnd(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	logger := slog.New(h)
	const stories = 3000
	for i := range stories {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
		logger.InfoContext(ctx, "first")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { logger.InfoContext(ctx, "more") })
		}
		scope.End()
		all.Wait()
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if got, held := storedLines(t, store), h.Stats().Buffered; got != 5*stories || held != 0 {
		t.Errorf("%d lines of %d are stored; %d bytes are held", got, 5*stories, held)
	}
}

// A Keep that panics loses nothing, and is told.
func TestKeepPanics(t *testing.T) {
	var fallback bytes.Buffer
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback, Keep: func(story.Header) bool { panic("of Keep") }})
	tell(t, h, "1", 2)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if got := storedLines(t, store); got != 2 || !strings.Contains(fallback.String(), "Options.Keep panicked, and the story is kept: of Keep\n") {
		t.Errorf("%d lines are stored; the fallback got %q", got, fallback.String())
	}
}

// A late line of a story that was too quiet to be stored is found in a list.
func TestLateLineOfAQuietStory(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Level: slog.LevelDebug, QuietLevel: slog.LevelInfo})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).DebugContext(ctx, "calm")
	scope.End()
	slog.New(h).ErrorContext(ctx, "late")
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if got := storedLines(t, store); got != 1 {
		t.Errorf("lists lead to %d lines", got)
	}
}

// The attributes of a scope may change while a header is made of them.
func TestSetBesideFlush(t *testing.T) {
	h, _ := handlertest.Open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	scope.Set(slog.String("status", "begun"))
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 2000 {
			scope.Set(slog.Any("status", []any{"going on", i, true}[i%3]))
		}
	})
	for i := range 500 {
		slog.New(h).InfoContext(ctx, fmt.Sprint(i))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	scope.End()
}

// Stories that left memory for the journal are stored as they would have been:
// those that Keep refused are not, and late lines take no other's place.
func TestSpilledStoriesAreTheSame(t *testing.T) {
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
	h := dynamoslog.New(store, &dynamoslog.Options{
		MaxBuffered: 256 << 10, Journal: t.TempDir(), Fallback: &bytes.Buffer{},
		Keep: func(h story.Header) bool { return h.Key.ID[0] != 'n' },
	})
	logger := slog.New(h)
	trace := "panic:\n" + strings.Repeat("at x\n", 900)
	var contexts []context.Context
	for i := range 200 {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
		logger.InfoContext(ctx, trace)
		scope.End()
		contexts = append(contexts, ctx)
		tell(t, h, fmt.Sprint("no", i), 2)
	}
	store.set(nil)
	_ = h.Flush(t.Context()) // it tells of what was dropped, as memory is small
	for _, ctx := range contexts {
		logger.InfoContext(ctx, "late")
	}
	_ = h.Close()
	for _, s := range stored(t, store) {
		if s.Key.ID[0] == 'n' {
			t.Fatalf("%v is stored, although Keep refused it", s.Key)
		}
		told := strings.Contains(story.Format(s.Lines), "dropped: memory was full")
		if len(s.Lines) == 0 || s.Lines[0].Message != trace && !told {
			t.Fatalf("%v begins with %.60v", s.Key, s.Lines)
		}
	}
}

// A call that hangs does not keep Close from storing the others.
func TestCloseBesideAHangingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := make(chan struct{}, 1)
		store := &faulty{Memory: story.NewMemory(), fault: func(ctx context.Context, _ []story.Part) error {
			select {
			case first <- struct{}{}:
				<-ctx.Done()
				return ctx.Err()
			default:
				return nil
			}
		}}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &bytes.Buffer{}})
		tell(t, h, "0", 1)
		time.Sleep(time.Second) // of the fake clock: the call is under way
		for i := range 20 {
			tell(t, h, fmt.Sprint(i+1), 1)
		}
		if err := h.Close(); err == nil {
			t.Error("Close: nil, although a call hangs")
		}
		if got := storedLines(t, store); got != 20 {
			t.Errorf("%d lines are stored, want 20", got)
		}
	})
}

// A key that takes no more, of which all that was put aside left memory, is as
// others are when it takes parts again.
func TestAsideLeavesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory(), fault: func(_ context.Context, parts []story.Part) error {
			failed := &story.PutError{}
			for i, p := range parts {
				if p.Key.ID == "hot" {
					failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: story.ErrBusy})
				}
			}
			if len(failed.Failures) == 0 {
				return nil
			}
			return failed
		}}
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: 1984 << 10, MaxAge: time.Hour, Fallback: &bytes.Buffer{}})
		logger := slog.New(h)
		one := func(id string, size int, level slog.Level) {
			ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
			logger.Log(ctx, level, strings.Repeat("x", size))
			scope.End()
		}
		for range 28 { // the writer has these
			one("hot", 60_000, slog.LevelWarn)
		}
		time.Sleep(time.Second)
		for i := range 60 { // these are put aside, and calm
			one("hot", 10, slog.LevelInfo)
			one(fmt.Sprint("cool", i), 10, slog.LevelInfo)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "other")
		for range 3 { // memory is short
			logger.WarnContext(ctx, strings.Repeat("x", 20_000))
		}
		synctest.Wait()
		if h.Stats().Dropped == 0 {
			t.Error("nothing was dropped")
		}
		store.set(nil)
		scope.End()
		_ = h.Close() // tells what was dropped
		if got := h.Stats().Buffered; got != 0 {
			t.Errorf("%d bytes are held", got)
		}
	})
}

// An Error after the story's end is found in lists, on every store, and after a crash.
func TestLateErrorIsInLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		logger := slog.New(h)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
		logger.InfoContext(ctx, "line 0")
		scope.End()
		levels := func() (n int) {
			page, err := store.List(t.Context(), story.Query{MinLevel: slog.LevelError})
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Headers)
		}
		logger.InfoContext(ctx, "line 1")
		if err := h.Flush(t.Context()); err != nil || levels() != 0 {
			t.Errorf("%d at level Error, %v", levels(), err)
		}
		store.set(failing(story.Retry, all))
		logger.ErrorContext(ctx, "line 2")
		next := crashed(t, store, opts)
		store.set(nil)
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		if levels() != 1 {
			t.Errorf("%d at level Error after a crash, want 1", levels())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		wantLines(t, store, "1", 3, story.Sealed)
		if s := h.Stats(); s.Stories != 1 {
			t.Errorf("%d stories are counted, want 1", s.Stories)
		}
	})
}

package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million scopes are open while the store takes nothing: what the handler holds
// stays under MaxBuffered, and each line is there or counted.
func TestMillionOpenScopes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a gigabyte for the scopes themselves")
	}
	const scopes, limit = 1_000_000, 16 << 20
	var fallback output
	contexts := make([]context.Context, scopes)
	open := make([]*dynamoslog.Scope, scopes)
	for i := range contexts {
		contexts[i], open[i] = dynamoslog.Begin(t.Context(), "user", i)
	}
	before := heapInUse()
	h := dynamoslog.New(downStore{}, &dynamoslog.Options{MaxBuffered: limit, Fallback: &fallback})
	logger := slog.New(h)
	for round := range 2 {
		for i, ctx := range contexts {
			logger.InfoContext(ctx, "Starting workout generation", "user", i, "round", round)
		}
	}
	held := heapInUse() - before
	t.Logf("%d bytes of heap for %d lines in %d scopes; MaxBuffered is %d", held, 2*scopes, scopes, limit)
	if held > 2*limit {
		t.Errorf("the handler holds %d bytes, MaxBuffered is %d", held, limit)
	}
	if got := h.Stats().Buffered; got > limit+limit/16 {
		t.Errorf("%d bytes are counted, MaxBuffered is %d", got, limit)
	}
	for _, scope := range open {
		scope.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); err == nil {
		t.Error("Shutdown: want an error, as nothing is stored")
	}
	// Again, now with time for the fallback.
	if err := h.Shutdown(t.Context()); err == nil {
		t.Error("Shutdown: want an error, as nothing is stored")
	}
	kept := strings.Count(fallback.String(), "Starting workout")
	dropped := h.Stats().Dropped
	if int64(kept)+dropped != 2*scopes || h.Stats().DroppedBy["user"] != dropped {
		t.Errorf("%d lines in the fallback and %d dropped, %v, want %d in all", kept, dropped, h.Stats().DroppedBy, 2*scopes)
	}
	runtime.KeepAlive(contexts)
}

// Past MaxBuffered what is in the journal leaves memory; nothing is dropped, and
// all of it is stored when the store takes it again.
func TestSpilledToJournal(t *testing.T) {
	const stories, limit = 3000, 4 << 20
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
	h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: limit, Journal: t.TempDir()})
	for i := range stories {
		lines := 40
		if i%10 == 0 {
			lines = 400 // too many for a header
		}
		tell(t, h, fmt.Sprint(i), lines)
	}
	if s := h.Stats(); s.Dropped > 0 || s.Unprotected > 0 || s.Buffered > limit {
		t.Errorf("%d lines dropped, %d unprotected; %d bytes held, MaxBuffered is %d", s.Dropped, s.Unprotected, s.Buffered, limit)
	}
	store.set(nil)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range stories {
		lines := 40
		if i%10 == 0 {
			lines = 400
		}
		wantLines(t, store, fmt.Sprint(i), lines, story.Sealed)
	}
}

// Where open stories hold the memory, it is they that are handed over.
func TestOpenStoriesAreHandedOver(t *testing.T) {
	const stories, limit = 2000, 16 << 20
	h, store := handlertest.Open(t, dynamoslog.Options{MaxBuffered: limit, MaxAge: time.Hour})
	contexts := make([]context.Context, stories)
	scopes := make([]*dynamoslog.Scope, stories)
	for i := range contexts {
		contexts[i], scopes[i] = dynamoslog.Begin(t.Context(), "job", i)
	}
	logger := slog.New(h)
	const lines = 100
	patience := time.Now().Add(time.Minute)
	for n := range lines {
		for i, ctx := range contexts {
			logger.InfoContext(ctx, fmt.Sprintf("line %d", n), "of", "a hundred bytes or so, that are held until the story ends")
			for i%100 == 0 && h.Stats().Buffered > limit*13/16 { // no faster than they are stored
				if time.Now().After(patience) {
					t.Fatal("open stories hand over nothing, although memory is short")
				}
				runtime.Gosched()
			}
		}
	}
	if got := h.Stats().Dropped; got != 0 {
		t.Errorf("%d lines were dropped, although the store takes all", got)
	}
	for _, scope := range scopes {
		scope.End()
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range scopes {
		wantLines(t, store, fmt.Sprint(i), lines, story.Sealed)
	}
}

// Lines that come when their story was dropped are dropped as well, and counted.
func TestLateLinesOfADroppedStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: 64 << 10, Fallback: &bytes.Buffer{}})
		logger := slog.New(h)
		contexts := make([]context.Context, 300)
		for i := range contexts {
			ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
			logger.InfoContext(ctx, "line 0")
			scope.End()
			contexts[i] = ctx
			synctest.Wait() // for what is shed
		}
		if h.Stats().Dropped == 0 {
			t.Fatal("nothing was dropped")
		}
		store.set(nil)
		time.Sleep(time.Minute) // of the fake clock: all that is left is stored
		for _, ctx := range contexts {
			logger.InfoContext(ctx, "late")
		}
		if err := h.Close(); err == nil {
			t.Error("Close: nil, although lines that it waited for were dropped")
		}
		if s := h.Stats(); s.Lines+s.Dropped < 600 || s.DroppedBy["job"] != s.Dropped {
			t.Errorf("of 600 lines %d are stored and %d dropped", s.Lines, s.Dropped)
		}
	})
}

// Those who log do not wait while memory is freed.
func TestSheddingHoldsUpNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("measures times")
	}
	h := dynamoslog.New(downStore{}, &dynamoslog.Options{Fallback: &bytes.Buffer{}})
	logger := slog.New(h)
	var times []time.Duration
	for i := 0; h.Stats().Dropped < 2_000_000; i++ {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
		level := []slog.Level{slog.LevelInfo, slog.LevelError}[i%2]
		times = append(times, timed(func() {
			for range 50 {
				logger.Log(ctx, level, "No exercises available for current filter", "component", "flexibility", "i", i)
			}
			scope.End()
		}))
	}
	t.Logf("a story of 50 lines: median %v, 99th percentile %v, most %v", quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1))
	if got := quantile(times, 0.99); got > 20*time.Millisecond {
		t.Errorf("the 99th percentile of a story is %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var unwritten *dynamoslog.UnwrittenError
	if err := errors.Join(h.Shutdown(ctx), h.Shutdown(t.Context())); !errors.As(err, &unwritten) {
		t.Errorf("Shutdown: %v", err)
	}
}

// In an outage of a day open stories stay within the memory, and an Error still finds
// room.
func TestOutageOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback output
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}
		const scopes, most = 1000, 4 << 20
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: most, Fallback: &fallback, OnError: func(error) {}})
		logger := slog.New(h)
		var contexts []context.Context
		for i := range scopes {
			ctx, _ := dynamoslog.Begin(t.Context(), "socket", i)
			contexts = append(contexts, ctx)
		}
		largest := int64(0)
		for range 23 * 6 { // hours
			for _, ctx := range contexts {
				logger.InfoContext(ctx, "still here", "name", "value")
			}
			time.Sleep(10 * time.Minute) // of the fake clock
			largest = max(largest, h.Stats().Buffered)
		}
		if largest > most {
			t.Errorf("%d bytes are held, of %d", largest, most)
		}
		before := h.Stats().Dropped
		for _, ctx := range contexts {
			logger.ErrorContext(ctx, "failed")
		}
		synctest.Wait()
		store.set(nil)
		_ = h.Close() // tells what was dropped
		errors := 0
		for _, s := range stored(t, store) {
			errors += strings.Count(story.Format(s.Lines), " E ")
		}
		if errors != scopes {
			t.Errorf("%d of %d errors are stored; %d lines were dropped before them, %d in all", errors, scopes, before, h.Stats().Dropped)
		}
	})
}

// A keyed story for which there was no memory gives back what it takes.
func TestKeyedStoryWithoutMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := handlertest.Open(t, dynamoslog.Options{MaxBuffered: 4 << 10})
		slog.New(h).With(dynamoslog.Key("job", 1)).Info(strings.Repeat("x", 8<<10))
		time.Sleep(time.Minute) // of the fake clock
		if got := h.Stats(); got.Dropped != 1 || got.Buffered != 0 || got.Open != 0 {
			t.Errorf("got %+v", got)
		}
		_ = h.Close()
	})
}

// A story of which only the loss of its lines is stored ends as others do.
func TestStoryOfWhichNothingIsLeftEnds(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{MaxBuffered: 4 << 10})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	slog.New(h).InfoContext(ctx, strings.Repeat("x", 8<<10))
	if err := h.Flush(t.Context()); err == nil {
		t.Error("Flush: nil, although a line was dropped")
	}
	scope.End()
	_ = h.Flush(t.Context())
	if got := handlertest.State(t, store, "job_1", ""); got != story.Sealed {
		t.Errorf("the story is %q", got)
	}
}

// The title is what the first line said, also where that was dropped when memory was short.
func TestTitleOfADroppedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: 64 << 10, Fallback: &bytes.Buffer{}})
		tell(t, h, "ended", 1)
		time.Sleep(time.Minute) // of the fake clock: the store is known to take nothing
		logger := slog.New(h)
		scopes := make([]*dynamoslog.Scope, 150)
		for i := range scopes {
			var ctx context.Context
			ctx, scopes[i] = dynamoslog.Begin(t.Context(), "job", i)
			logger.InfoContext(ctx, "first", "large", strings.Repeat("x", 1<<10))
			synctest.Wait() // for what is shed
			logger.WarnContext(ctx, "second")
		}
		store.set(nil)
		for _, scope := range scopes {
			scope.End()
		}
		_ = h.Close()                  // says that lines were dropped
		titles := make(map[string]int) // of those whose first line was dropped
		for i := range scopes {
			s, err := store.Read(t.Context(), story.NewKey("job", fmt.Sprint(i)), "")
			if err == nil && len(s.Lines) > 0 && s.Lines[0].Message != "first" {
				titles[s.Title]++
			}
		}
		if titles["first"] == 0 {
			t.Errorf("stories whose first line was dropped have the titles %v", titles)
		}
	})
}

func TestLanesAreBounded(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal")})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	for i := range 5000 {
		slog.New(h).InfoContext(dynamoslog.Lane(ctx, fmt.Sprint("lane ", i)), "hello")
	}
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || len(s.Lines) != 5000 || s.Attrs["lane_0"] != "lane 0" {
		t.Fatalf("%d lines, %v, %v", len(s.Lines), s.Attrs, err)
	}
	for _, line := range s.Lines {
		if line.Lane > 1024 {
			t.Fatalf("lane %d", line.Lane)
		}
	}
}

func TestSetIsBounded(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, "hello")
	for i := range 20_000 {
		scope.Set(slog.Int(fmt.Sprint("name", i), i))
	}
	scope.Set(slog.Int("name0", -1))
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || s.Attrs["name0"] != "-1" || len(s.Lines) > 258 || !strings.Contains(s.Lines[len(s.Lines)-1].Message, "19744 further attributes") {
		t.Errorf("%d lines, the last %+v, %v", len(s.Lines), s.Lines[len(s.Lines)-1], err)
	}
}

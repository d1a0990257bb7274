package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
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

func TestStoriesAreStoredInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := handlertest.Open(t, dynamoslog.Options{})
		tell(t, h, "1", 3)
		time.Sleep(time.Second) // of the fake clock
		if got := handlertest.State(t, store, "job_1", ""); got != story.Sealed {
			t.Errorf("a second after End: %q", got)
		}
	})
}

// What an open story has is stored after a minute; the times until it is again double, up to
// an hour.
func TestTimesBetweenCutsDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := handlertest.Open(t, dynamoslog.Options{})
		ctx, scope := dynamoslog.Begin(t.Context(), "ws", 1)
		defer scope.End()
		var cuts []int // minutes
		stored := h.Stats().Lines
		for minute := range 4 * 60 {
			slog.New(h).InfoContext(ctx, "hello")
			time.Sleep(30 * time.Second)
			if now := h.Stats().Lines; now != stored {
				cuts, stored = append(cuts, minute), now
			}
			time.Sleep(30 * time.Second)
		}
		if want := []int{1, 3, 7, 15, 31, 63, 123, 183}; !slices.Equal(cuts, want) {
			t.Errorf("stored after %v minutes, want %v", cuts, want)
		}
	})
}

func TestSilenceAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store := handlertest.Open(t, dynamoslog.Options{Process: story.NewKey("app", "test")})
		logger := slog.New(h)
		logger.Info("process")
		bound := logger.With(dynamoslog.Key("user", 1))
		bound.Info("one")
		ctx, scope := dynamoslog.Begin(t.Context(), "ws", 1)
		firstDay := scope.ID()
		logger.InfoContext(ctx, "connected")
		time.Sleep(9 * time.Second)
		bound.Info("two")
		time.Sleep(2 * time.Second)
		if got := handlertest.State(t, store, "app_test", ""); got != story.Sealed {
			t.Errorf("the process's story after 11 s of silence: %q", got)
		}
		if got := handlertest.State(t, store, "user_1", ""); got != "" {
			t.Errorf("the key's story after 2 s of silence: %q", got)
		}
		time.Sleep(9 * time.Second)
		if got := handlertest.State(t, store, "user_1", ""); got != story.Sealed {
			t.Errorf("the key's story after 11 s of silence: %q", got)
		}
		bound.Info("a new story")
		if got := handlertest.State(t, store, "ws_1", ""); got != "" {
			t.Errorf("an open story after 20 s: %q", got)
		}
		time.Sleep(time.Minute)
		if got := handlertest.State(t, store, "ws_1", ""); got != story.Open {
			t.Errorf("an open story after a minute: %q", got)
		}
		logger.InfoContext(ctx, "still here")
		time.Sleep(24 * time.Hour)
		if got := handlertest.State(t, store, "ws_1", ""); got != story.Continued {
			t.Errorf("after a day: %q", got)
		}
		logger.InfoContext(ctx, "the second day")
		scope.End()
		logger.InfoContext(ctx, "late")
		time.Sleep(time.Minute)
		s := handlertest.Read(t, h, store, "ws_1", "")
		if s.State != story.Sealed || s.Attrs[story.AttrContinues] != firstDay || s.ID != scope.ID() || len(s.Lines) != 2 || s.Title != "the second day" {
			t.Errorf("got %+v, want it to go on from %s as %s", s, firstDay, scope.ID())
		}
		page, err := store.List(t.Context(), story.Query{Key: story.NewKey("user", "1")})
		if err != nil || len(page.Headers) != 2 {
			t.Errorf("got %+v, %v; want two stories of the key", page, err)
		}
	})
}

func TestAgeCutsDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, nil)
		ctx, scope := dynamoslog.Begin(t.Context(), "ws", 1)
		for range 16 * 60 {
			slog.New(h).InfoContext(ctx, "tick")
			time.Sleep(time.Second)
		}
		if got := store.calls(); got > 5 { // after 1, 3, 7 and 15 minutes
			t.Errorf("%d writes in 16 minutes", got)
		}
		scope.End()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("ws", "1"), "")
		if err != nil || len(s.Lines) != 16*60 || s.LineCount != 16*60 {
			t.Errorf("got %+v, %v", s.Header, err)
		}
	})
}

func TestPassingFaultsAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		var told []error
		h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(err error) { told = append(told, err) }})
		store.set(failing(story.Retry, all))
		for i := range 60 {
			tell(t, h, fmt.Sprint(i), 2)
		}
		time.Sleep(30 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var unwritten *dynamoslog.UnwrittenError
		if err := h.Flush(ctx); !errors.As(err, &unwritten) || unwritten.Lines != 120 || unwritten.Stories != 60 {
			t.Errorf("Flush with the store down: %v", err)
		}
		if !errors.Is(unwritten, context.DeadlineExceeded) {
			t.Errorf("the reason is missing: %v", unwritten)
		}
		store.set(nil)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if stats := h.Stats(); stats.Lines != 120 || stats.Stories != 60 || stats.Retries == 0 || stats.Buffered != 0 {
			t.Errorf("got %+v", stats)
		}
		if len(told) != 2 || !strings.Contains(told[0].Error(), "as told") || !strings.Contains(told[1].Error(), "works again") {
			t.Errorf("OnError heard %v, want the trouble once and its end", told)
		}
	})
}

func TestOnlyUnstoredPartsAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, nil)
		once := true
		store.set(func(ctx context.Context, parts []story.Part) error {
			if !once {
				return nil
			}
			once = false
			return failing(story.Retry, func(p story.Part) bool { return p.Key.ID == "1" })(ctx, parts)
		})
		for i := range 3 {
			tell(t, h, fmt.Sprint(i), 1)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if len(store.puts) != 2 || len(store.puts[0]) != 3 || len(store.puts[1]) != 1 || store.puts[1][0].Key.ID != "1" {
			t.Errorf("got %v", store.puts)
		}
	})
}

func TestRejectedPartsReachTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		store.set(failing(story.Reject, func(p story.Part) bool { return p.Key.ID == "1" }))
		for i := range 3 {
			tell(t, h, fmt.Sprint(i), 2)
		}
		var unwritten *dynamoslog.UnwrittenError
		if err := h.Close(); !errors.As(err, &unwritten) || unwritten.Lines != 2 {
			t.Errorf("got %v, want two lines unwritten", err)
		}
		if got := fallback.String(); !strings.Contains(got, "job_1") || strings.Count(got, "line ") != 2 {
			t.Errorf("got fallback\n%s", got)
		}
		if stats := h.Stats(); stats.Stories != 2 || stats.Rejected != 1 {
			t.Errorf("got %+v", stats)
		}
	})
}

func TestParkedUntilMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, nil)
		store.set(failing(story.Wait, all))
		for i := range 30 {
			tell(t, h, fmt.Sprint(i), 1)
		}
		time.Sleep(10 * time.Second)
		if h.Stats().Parked.IsZero() {
			t.Error("not parked")
		}
		if got := store.calls(); got < 5 || got > 30 {
			t.Errorf("%d probes in ten seconds", got)
		}
		if got := len(store.puts[len(store.puts)-1]); got != 1 {
			t.Errorf("a probe of %d parts", got)
		}
		store.set(nil)
		time.Sleep(5 * time.Second)
		if stats := h.Stats(); stats.Stories != 30 || !stats.Parked.IsZero() {
			t.Errorf("after it was mended: %+v", stats)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		store.set(func(ctx context.Context, _ []story.Part) error { // a black hole
			<-ctx.Done()
			return ctx.Err()
		})
		for i := range 40 {
			tell(t, h, fmt.Sprint(i), 2)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		before := time.Now()
		var unwritten *dynamoslog.UnwrittenError
		if err := h.Shutdown(ctx); !errors.As(err, &unwritten) || unwritten.Lines != 80 || unwritten.Stories != 40 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(before); took > 2050*time.Millisecond {
			t.Errorf("Shutdown with 2 s took %v", took)
		}
		if got := strings.Count(fallback.String(), " I line "); got != 80 {
			t.Errorf("the fallback has %d lines of 80", got)
		}
	})
}

func TestTextBeforeTheFinalHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, nil)
		lost := map[int]bool{}
		store.set(func(ctx context.Context, parts []story.Part) error {
			return failing(story.Retry, func(p story.Part) bool { // each part fails once
				failed := lost[p.Number]
				lost[p.Number] = true
				return !failed
			})(ctx, parts)
		})
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		slog.New(h).InfoContext(ctx, strings.Repeat("long ", 100_000))
		scope.End()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		final := len(store.puts)
		for i, parts := range store.puts {
			for _, part := range parts {
				if part.Header != nil && part.Header.State != story.Open {
					final = min(final, i)
				} else if i >= final {
					t.Errorf("part %d was put after the final header", part.Number)
				}
			}
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: 100_000, Fallback: &bytes.Buffer{}})
		store.set(failing(story.Wait, all))
		logger := slog.New(h)
		for i := range 2000 {
			ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
			logger.InfoContext(ctx, strings.Repeat("x", 100))
			if i%10 == 0 {
				logger.WarnContext(ctx, "matters")
			}
			scope.End()
			if got := h.Stats().Buffered; got > 100_000 {
				t.Fatalf("%d bytes are held", got)
			}
		}
		store.set(nil)
		var unwritten *dynamoslog.UnwrittenError
		if err := h.Close(); err != nil && !errors.As(err, &unwritten) {
			t.Error(err)
		}
		stats := h.Stats()
		if stats.Dropped == 0 || stats.DroppedBy["job"] == 0 || stats.Lines+stats.Dropped < 2200 {
			t.Errorf("2,200 lines were logged: %+v", stats)
		}
	})
}

func TestTheStoresOwnRecordsDoNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback bytes.Buffer
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		store.set(func(ctx context.Context, _ []story.Part) error {
			slog.New(h).WarnContext(ctx, "retrying")
			return nil
		})
		tell(t, h, "1", 1)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if got := store.calls(); got != 1 || !strings.Contains(fallback.String(), "W retrying") {
			t.Errorf("%d calls, fallback %q; want one, and the client's record in the fallback", got, fallback.String())
		}
	})
}

func TestAbandonedScope(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{})
	func() {
		ctx, _ := dynamoslog.Begin(t.Context(), "job", 1)
		slog.New(h).InfoContext(ctx, "and then nobody ended it")
	}()
	for range 1000 { // until the collector has run the scope's cleanup
		runtime.GC()
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if handlertest.State(t, store, "job_1", "") == story.Abandoned {
			return
		}
	}
	t.Errorf("got state %q", handlertest.State(t, store, "job_1", ""))
}

func TestManyGoroutines(t *testing.T) {
	h, store := handlertest.Open(t, dynamoslog.Options{MaxStory: 4096})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			lane := dynamoslog.Lane(ctx, "worker")
			for j := range 500 {
				slog.New(h).InfoContext(lane, "line", "i", i, "j", j)
				if j%100 == 0 {
					_ = h.Flush(t.Context())
				}
			}
		})
	}
	wg.Wait()
	scope.End()
	s := handlertest.Read(t, h, store, "job_1", "")
	next := map[string]int{}
	for _, line := range s.Lines {
		i, _ := line.Attr("i")
		if j, _ := line.Attr("j"); j != fmt.Sprint(next[i]) {
			t.Fatalf("goroutine %s: line %s after %d", i, j, next[i]-1)
		}
		next[i]++
	}
	if len(s.Lines) != 4000 || s.LineCount != 4000 {
		t.Errorf("%d lines, header says %d; want 4000", len(s.Lines), s.LineCount)
	}
}

// Flush covers lines that were logged while Keep was asked.
func TestFlushBesideKeep(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Keep: func(story.Header) bool {
		close(asked)
		<-answer
		return true
	}})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	logger := slog.New(h)
	logger.InfoContext(ctx, "line 0")
	var ended sync.WaitGroup
	ended.Go(scope.End)
	<-asked
	logger.InfoContext(ctx, "line 1")
	flushed := make(chan error)
	go func() { flushed <- h.Flush(context.Background()) }()
	select {
	case err := <-flushed:
		t.Fatalf("Flush returned %v while Keep was asked", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(answer)
	ended.Wait()
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	wantLines(t, store, "1", 2, story.Sealed)
	_ = h.Close()
}

// A handler made outside a bubble works in it.
func TestHandlerFromOutsideABubble(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &bytes.Buffer{}})
	synctest.Test(t, func(t *testing.T) {
		tell(t, h, "1", 1)
		time.Sleep(time.Second) // of the fake clock
		if handlertest.State(t, store, "job_1", "") != story.Sealed {
			t.Error("not stored")
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

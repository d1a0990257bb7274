package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// What panics of the user's ends nothing, and is told.
func TestPanicsOfTheUsersAreContained(t *testing.T) {
	var told output
	onError := func(err error) { fmt.Fprintln(&told, err) }
	for _, c := range []struct {
		name string
		opts dynamoslog.Options
		put  bool
		want string
		text string // of the line that is stored
	}{
		{"ReplaceAttr", dynamoslog.Options{OnError: onError, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			return slog.Int(a.Key, int(a.Value.Int64()))
		}}, false, "Options.ReplaceAttr panicked", `hello name="!PANIC in ReplaceAttr"`},
		{"OnError", dynamoslog.Options{Keep: func(story.Header) bool { panic("keep") }, OnError: func(error) { panic("onerror") }, Fallback: &told}, false, "Options.OnError panicked: onerror", "hello name=value"},
		{"Fallback", dynamoslog.Options{OnError: onError, Fallback: panicWriter{}, QuietLevel: panicLevel{}}, false, "Options.QuietLevel panicked", "hello name=value"},
		{"Put", dynamoslog.Options{OnError: onError}, true, "the store panicked", "hello name=value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed atomic.Bool
				store := &faulty{Memory: story.NewMemory(), fault: func(context.Context, []story.Part) error {
					if c.put && !failed.Swap(true) {
						panic("put")
					}
					return nil
				}}
				h := dynamoslog.New(store, &c.opts)
				ctx, scope := dynamoslog.Begin(t.Context(), "job", c.name)
				scope.Set(slog.String("name", "value"))
				slog.New(h).InfoContext(ctx, "hello", "name", "value")
				scope.End()
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				_ = slog.New(h).Handler().Handle(t.Context(), slog.Record{Message: "after Close"}) // goes to the fallback
				s, err := store.Read(t.Context(), story.NewKey("job", c.name), "")
				if err != nil || len(s.Lines) != 1 || !strings.Contains(story.Format(s.Lines), strings.Replace(c.text, " ", "\t", 1)) {
					t.Errorf("got %+v, %v", s, err)
				}
				synctest.Wait()
				if !strings.Contains(told.String(), c.want) {
					t.Errorf("told %q, want %q", told.String(), c.want)
				}
			})
		})
	}
}

type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic("write") }

type panicLevel struct{}

func (panicLevel) Level() slog.Level { panic("level") }

// ReplaceAttr, OnError and Fallback may log, flush and take their time.
func TestCallbacksMayUseTheHandler(t *testing.T) {
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}
	var h *dynamoslog.Handler
	var inside atomic.Bool
	flushed := make(chan error, 1)
	opts := &dynamoslog.Options{
		Fallback: io.Discard,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "name" && !inside.Swap(true) {
				slog.New(h).Info("from ReplaceAttr")
				inside.Store(false)
			}
			return a
		},
		OnError: func(error) {
			slog.New(h).Info("from OnError")
			store.set(nil)
			select {
			case flushed <- h.Flush(context.Background()):
			default:
			}
		},
	}
	h = dynamoslog.New(store, opts)
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	scope.Set(slog.String("name", "x"))
	slog.New(h).InfoContext(ctx, "line 0", "name", "y")
	scope.Set(slog.String("name", "z"))
	scope.End()
	if err := h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-flushed; err != nil {
		t.Errorf("Flush from OnError: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	wantLines(t, store, "1", 1, story.Sealed)
}

// loggingWriter logs what it is to write, through the default logger.
type loggingWriter struct{ writes atomic.Int64 }

func (w *loggingWriter) Write(text []byte) (int, error) {
	w.writes.Add(1)
	log.Print(string(text))
	slog.Info(string(text))
	return len(text), nil
}

func TestFallbackThatLogs(t *testing.T) {
	before, flags := slog.Default(), log.Flags()
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(io.Discard); log.SetFlags(flags) })
	w := &loggingWriter{}
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: w})
	slog.SetDefault(slog.New(h))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	slog.Info("after Close")
	if got := w.writes.Load(); got != 1 {
		t.Errorf("%d writes, want 1", got)
	}
}

func TestFallbackThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := make(hanging)
		h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: w})
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 10 {
			slog.New(h).Info("after Close")
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("ten lines took %v", took)
		}
		close(w)
	})
}

// What OnError hears last is how it is.
func TestLastWordOfOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told output
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(err error) { fmt.Fprintln(&told, err) }})
		for i, fault := range []func(context.Context, []story.Part) error{failing(story.Retry, all), nil, failing(story.Retry, all)} {
			store.set(fault)
			tell(t, h, fmt.Sprint(i), 1)
			soon, cancel := context.WithTimeout(t.Context(), 5*time.Second) // of the fake clock
			_ = h.Flush(soon)                                               // as far as it goes, and at once
			cancel()
			synctest.Wait()
		}
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[2], "as told") {
			t.Errorf("told %q", lines)
		}
		store.set(nil)
		_ = h.Close()
	})
}

// The fallback says what a story is about, as its header does.
func TestFallbackNamesTheStory(t *testing.T) {
	var fallback output
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, all)}
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback, OnError: func(error) {}})
	ctx, scope := dynamoslog.Begin(t.Context(), "http", "GET /users/{id}")
	scope.Set(slog.String("path", "/users/7"), slog.String("request_id", "a b"))
	slog.New(h).InfoContext(ctx, "hello")
	scope.End()
	_ = h.Close()
	want := "dynamoslog: http_GET /users/{id} " + scope.ID() + ` (path=/users/7 request_id="a b") part 0 not stored: as told` + "\n+0.000 I hello\n"
	if got := fallback.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Flush and Close wait for a fallback that is slow: the program may end after them.
func TestFallbackIsWaitedFor(t *testing.T) {
	for name, call := range map[string]func(*dynamoslog.Handler) error{
		"Flush": func(h *dynamoslog.Handler) error { return h.Flush(context.Background()) },
		"Close": (*dynamoslog.Handler).Close,
	} {
		synctest.Test(t, func(t *testing.T) {
			var fallback output
			store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, all)}
			h := dynamoslog.New(store, &dynamoslog.Options{Fallback: slowWriter{&fallback}, OnError: func(error) {}})
			tell(t, h, "rejected", 1)
			if err := call(h); err == nil || !strings.Contains(err.Error(), "in Options.Fallback") {
				t.Errorf("%s: %v", name, err)
			}
			if got := fallback.String(); !strings.Contains(got, "job_rejected") {
				t.Errorf("after %s there is %q", name, got)
			}
			_ = h.Close()
		})
	}
}

// A fallback that hangs does not end storing.
func TestFallbackThatHangsBesideAReject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := make(hanging)
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, func(p story.Part) bool { return p.Key.ID == "rejected" })}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: w})
		tell(t, h, "rejected", 1)
		time.Sleep(time.Minute) // of the fake clock
		tell(t, h, "other", 1)
		time.Sleep(time.Minute)
		if handlertest.State(t, store, "job_other", "") != story.Sealed {
			t.Error("the other story is not stored")
		}
		close(w)
		_ = h.Close()
	})
}

package dynamoslog_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

//go:noinline
func originOfPanic(deep int) {
	if deep == 0 {
		panic(errOrigin)
	}
	originOfPanic(deep - 1)
}

var errOrigin = errors.New("boom")

// recovered calls f and returns its panic and the stack that one who recovers prints.
func recovered(f func()) (value any, stack string) {
	defer func() {
		value = recover()
		stack = string(debug.Stack())
	}()
	f()
	return nil, ""
}

// A panic goes on from where it was, through stories in stories, each of which places
// its line where the call was made.
func TestPanicGoesOnFromItsOrigin(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	for name, logger := range map[string]*slog.Logger{
		"as itself": slog.New(h), "among others": slog.New(slog.NewMultiHandler(slog.DiscardHandler, h)),
	} {
		middleware := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{
			Logger: logger, Key: func(r *http.Request) (string, string) { return "http", r.Header.Get("Level") },
		})
		inner := middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			logger.InfoContext(r.Context(), "inner")
			originOfPanic(3)
		}))
		outer := middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			logger.InfoContext(r.Context(), "outer")
			r.Header.Set("Level", "inner")
			// In a scope of its own it is another story; else it would refine this one.
			ctx, scope := dynamoslog.Begin(r.Context(), "job", "between")
			defer scope.End()
			inner.ServeHTTP(w, r.WithContext(ctx))
		}))
		value, stack := recovered(func() {
			_ = h.Run(t.Context(), "job", "outer", func(ctx context.Context) error {
				logger.InfoContext(ctx, "outer")
				return h.Run(ctx, "job", "inner", func(ctx context.Context) error {
					logger.InfoContext(ctx, "inner")
					r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
					r.Header.Set("Level", "outer")
					outer.ServeHTTP(httptest.NewRecorder(), r)
					return nil
				})
			})
		})
		if value != errOrigin || strings.Count(stack, "dynamoslog_test.originOfPanic(") != 4 {
			t.Errorf("%s: got %v from\n%s", name, value, stack)
		}
		for _, key := range []string{"http_inner", "http_outer", "job_inner", "job_outer"} {
			s := read(t, h, store, key, "")
			last := s.Lines[len(s.Lines)-1]
			if len(s.Lines) != 2 || s.State != story.Sealed || last.Lane != 0 || last.Depth != 0 || last.Up != 0 || last.Level != slog.LevelError {
				t.Errorf("%s: %s is\n%s", name, key, story.Format(s.Lines))
			}
			if lines := strings.Split(last.Message, "\n"); lines[0] != "panic: boom" ||
				!strings.HasPrefix(lines[1], "github.com/dynamoslog/dynamoslog_test.originOfPanic guard_test.go:") ||
				strings.Contains(last.Message, ".guard ") || strings.Contains(last.Message, ".tell") ||
				strings.Contains(last.Message, "httptest.NewRequest") || strings.Contains(lines[len(lines)-1], "recovered") {
				t.Errorf("%s: %s tells\n%s", name, key, last.Message)
			}
		}
	}
}

// The line of a panic is at the margin of its lane, however deep the panic was, and
// where Run calls itself.
func TestPanicFromTheDeep(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	var nested func(ctx context.Context, left int) error
	nested = func(ctx context.Context, left int) error {
		return h.Run(ctx, "nested", left, func(ctx context.Context) error {
			slog.New(h).InfoContext(ctx, "begun")
			if left == 0 {
				originOfPanic(2000)
			}
			return nested(ctx, left-1)
		})
	}
	if value, _ := recovered(func() { _ = nested(t.Context(), 4) }); value != errOrigin {
		t.Errorf("got %v", value)
	}
	for _, key := range []string{"nested_0", "nested_1", "nested_2", "nested_3", "nested_4"} {
		s := read(t, h, store, key, "")
		if last := s.Lines[len(s.Lines)-1]; len(s.Lines) != 2 || last.Lane != 0 || last.Depth != 0 || strings.Count(last.Message, "\n") > 64 {
			t.Errorf("%s is\n%s", key, story.Format(s.Lines))
		}
	}
}

// runtime.Goexit is no panic: nothing is recovered, and it goes on.
func TestGoexit(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	middleware := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h), Key: func(*http.Request) (string, string) { return "http", "exits" }})
	after := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Run(t.Context(), "job", "exits", func(ctx context.Context) error {
			slog.New(h).InfoContext(ctx, "begun")
			middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				slog.New(h).InfoContext(r.Context(), "begun")
				runtime.Goexit()
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
			return nil
		})
		after = true
	}()
	<-done
	if after {
		t.Error("Goexit was taken back")
	}
	expect(t, read(t, h, store, "http_exits", ""), "+0.000 I begun\n+0.000 W aborted\tbytes=0\n")
	expect(t, read(t, h, store, "job_exits", ""), "+0.000 I begun\n")
}

// TestCrashNamesTheOrigin reads what a program prints that nobody saves.
func TestCrashNamesTheOrigin(t *testing.T) {
	const env = "DYNAMOSLOG_TEST_CRASH"
	if os.Getenv(env) != "" {
		h := dynamoslog.New(story.NewMemory(), nil)
		_ = h.Run(t.Context(), "job", "crash", func(context.Context) error {
			originOfPanic(0)
			return nil
		})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashNamesTheOrigin$")
	cmd.Env = append(os.Environ(), env+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: boom") || !strings.Contains(string(out), "dynamoslog_test.originOfPanic(") {
		t.Errorf("got %v\n%s", err, out)
	}
}

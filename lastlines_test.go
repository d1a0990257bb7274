package dynamoslog_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// What a program logs beside the answer of a request stands in its story, as an access log
// that is written by a goroutine of its own.
func TestLastLinesOfGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept []story.Header
		h, store, logger := ambient(t, dynamoslog.Options{Keep: func(h story.Header) bool {
			kept = append(kept, h)
			return h.MaxLevel >= slog.LevelError || h.Key.Kind == "app"
		}})
		serve := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Millisecond)
			go func() {
				time.Sleep(90 * time.Millisecond)
				logger.Error("last")
				logger.InfoContext(r.Context(), "with the context")
				time.Sleep(20 * time.Millisecond)
				logger.Info("too late")
			}()
		}))
		serve.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		time.Sleep(time.Second)
		if got := messages(t, h, store, "app_test"); got != "too late" {
			t.Errorf("the process's story: %s", got)
		}
		s := read(t, h, store, "http_other", "")
		if got := messages(t, h, store, "http_other"); got != "200 OK, last, with the context" || s.MaxLevel != slog.LevelError || s.State != story.Sealed {
			t.Errorf("%s at %s, %s", got, s.MaxLevel, s.State)
		}
		if s.Duration != 5*time.Millisecond || s.Updated != s.Start.Add(s.Duration).Truncate(time.Millisecond) {
			t.Errorf("it took %s, until %s", s.Duration, s.Updated)
		}
		if len(kept) != 1 || kept[0].LineCount != 3 {
			t.Errorf("Keep was asked for %+v", kept)
		}
		_ = h.Close()
	})
}

// The closing line is told by the goroutine that served, whoever has logged before it.
func TestClosingLineStandsInItsLane(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	serve := func() {
		logger.Info("begin")
		done := make(chan struct{})
		go func() {
			defer close(done)
			logger.Info("beside")
		}()
		<-done
	}
	closing := map[string]func(){
		"http_other": func() {
			handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { serve() })
			opts := dynamoslog.MiddlewareOptions{Logger: logger}
			dynamoslog.Middleware(&opts)(handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		},
		"http_panic": func() {
			defer func() { _ = recover() }()
			handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { serve(); panic("no") })
			opts := dynamoslog.MiddlewareOptions{Logger: logger, Key: func(*http.Request) (string, string) { return "http", "panic" }}
			dynamoslog.Middleware(&opts)(handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		},
		"job_run": func() {
			_ = h.Run(t.Context(), "job", "run", func(context.Context) error { serve(); return nil })
		},
		"job_finish": func() {
			_, request := dynamoslog.BeginRequest(t.Context(), "job", "finish", &dynamoslog.RequestOptions{Logger: logger})
			request.Guard(serve)
			request.Finish(dynamoslog.Outcome{})
		},
		"job_goexit": func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, request := dynamoslog.BeginRequest(t.Context(), "job", "goexit", &dynamoslog.RequestOptions{Logger: logger})
				request.Guard(func() { serve(); runtime.Goexit() })
			}()
			<-done
		},
	}
	for key, close := range closing {
		close()
		s := read(t, h, store, key, "")
		if len(s.Lines) != 3 || s.Lines[1].Lane != 1 || s.Lines[2].Lane != 0 {
			t.Errorf("%s: %+v", key, s.Lines)
		}
	}
}

// A story that waits for last lines is sealed before the handler is closed, also where its
// scope is nobody's any more, and where others hold lines of it.
func TestStoryWaitsForLastLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store, logger := ambient(t, dynamoslog.Options{})
		other, otherStore, otherLogger := ambient(t, dynamoslog.Options{})
		func() {
			_, scope := dynamoslog.Begin(t.Context(), "user", 42)
			scope.Enter()()
			leave := scope.Enter()
			logger.Info("line")
			otherLogger.Info("line")
			go func() {
				time.Sleep(50 * time.Millisecond)
				logger.Info("last")
			}()
			leave()
			scope.End()
			scope.End()
		}()
		runtime.GC()
		time.Sleep(60 * time.Millisecond)
		runtime.GC()
		_, unheard := dynamoslog.Begin(t.Context(), "user", 43)
		unheard.Enter()
		unheard.End()
		logger.Info("of a scope that has ended without a line")
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if s := read(t, h, store, "user_42", ""); len(s.Lines) != 2 || s.State != story.Sealed {
			t.Errorf("%d lines, %s", len(s.Lines), s.State)
		}
		if got := messages(t, h, store, "app_test"); got != "of a scope that has ended without a line" {
			t.Errorf("the process's story: %s", got)
		}
		time.Sleep(time.Second)
		if state := handlertest.State(t, otherStore, "user_42", ""); state != story.Sealed {
			t.Errorf("of the other handler it is %q", state)
		}
		_ = other.Close()
	})
}

// A scope that ends a day after its last line is found by its goroutines for a tenth of a
// second, as others are.
func TestLabelsOfAStoryOfMoreThanADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store, logger := ambient(t, dynamoslog.Options{})
		_, scope := dynamoslog.Begin(t.Context(), "user", 42)
		leave := scope.Enter()
		logger.Info("line")
		go func() {
			time.Sleep(33 * time.Hour)
			logger.Info("of no story")
		}()
		time.Sleep(30 * time.Hour) // another story goes on from it, in which nothing is logged
		scope.End()
		leave()
		time.Sleep(4 * time.Hour)
		if got := messages(t, h, store, "app_test"); got != "of no story" {
			t.Errorf("the process's story: %s", got)
		}
		_ = h.Close()
	})
}

// A record may say any time: its story waits no longer for that.
func TestStoryWaitsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store, _ := ambient(t, dynamoslog.Options{})
		ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
		leave := scope.Enter()
		record := slog.NewRecord(time.Now().Add(time.Hour), slog.LevelInfo, "in an hour", 0)
		if err := h.Handle(ctx, record); err != nil {
			t.Error(err)
		}
		scope.End()
		leave()
		time.Sleep(time.Second)
		if state := handlertest.State(t, store, "user_42", ""); state != story.Sealed {
			t.Errorf("it is %q after a second", state)
		}
		_ = h.Close()
	})
}

package dynamoslog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

// ambient returns a handler, its store and a logger, and skips the test where no
// goroutine can be found its scope.
func ambient(t *testing.T, opts dynamoslog.Options) (*dynamoslog.Handler, story.Store, *slog.Logger) {
	t.Helper()
	if !proflabel.Supported {
		t.Skip("goroutines have no scopes here")
	}
	opts.Process = story.NewKey("app", "test")
	h, store := open(t, opts)
	return h, store, slog.New(h)
}

func messages(t *testing.T, h *dynamoslog.Handler, store story.Store, key string) string {
	t.Helper()
	var all []string
	for _, line := range read(t, h, store, key, "").Lines {
		all = append(all, line.Message)
	}
	return strings.Join(all, ", ")
}

func TestLineWithoutContextFindsItsScope(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	_, scope := dynamoslog.Begin(t.Context(), "user", 42)
	leave := scope.Enter()
	logger.Info("own")
	logger.With("a", 1).WithGroup("g").Info("derived", "b", 2)
	slog.NewLogLogger(h, slog.LevelInfo).Print("package log")
	slog.New(slog.NewMultiHandler(slog.DiscardHandler, h)).Info("among others")
	done := make(chan struct{})
	go func() {
		logger.Info("inherited")
		done <- struct{}{}
		<-done
		logger.Info("after the end")
		close(done)
	}()
	<-done
	logger.Info("keyed", dynamoslog.Key("order", 1))
	logger.With(dynamoslog.Key("order", 1)).Info("by the logger's key")
	_, other := dynamoslog.Begin(t.Context(), "job", 7)
	logger.Info("joined", other.Attr())
	logger.With(other.Attr()).Info("by the logger's scope")
	leave()
	logger.Info("left")
	scope.Enter()()
	again := scope.Enter()
	logger.Info("entered again")
	scope.End()
	other.End()
	if err := h.Flush(t.Context()); err != nil { // which seals the story at once
		t.Fatal(err)
	}
	logger.Info("ended")
	again()
	done <- struct{}{}
	<-done
	scope.Enter()()

	want := map[string]string{
		"user_42":  "own, derived, package log, among others, inherited, entered again",
		"order_1":  "keyed, by the logger's key",
		"job_7":    "joined, by the logger's scope",
		"app_test": "left, ended, after the end",
	}
	for key, want := range want {
		if got := messages(t, h, store, key); got != want {
			t.Errorf("%s: %s; want %s", key, got, want)
		}
	}
	s := read(t, h, store, "user_42", "")
	if lane := s.Lines[4].Lane; lane != 1 {
		t.Errorf("the inherited line is in lane %d", lane)
	}
}

func TestContextWinsOverTheGoroutine(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	_, outer := dynamoslog.Begin(t.Context(), "user", "outer")
	defer outer.Enter()()
	ctx, inner := dynamoslog.Begin(t.Context(), "user", "inner")
	logger.InfoContext(ctx, "by the context")
	leave := inner.Enter()
	logger.Info("by the goroutine")
	leave()
	logger.Info("outer again")
	inner.End()
	outer.End()
	if got := messages(t, h, store, "user_inner"); got != "by the context, by the goroutine" {
		t.Errorf("inner: %s", got)
	}
	if got := messages(t, h, store, "user_outer"); got != "outer again" {
		t.Errorf("outer: %s", got)
	}
}

func TestContextOnly(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{ContextOnly: true})
	_, scope := dynamoslog.Begin(t.Context(), "user", 42)
	defer scope.End()
	defer scope.Enter()()
	logger.Info("hello")
	if got := messages(t, h, store, "app_test"); got != "hello" {
		t.Errorf("got %s", got)
	}
}

// Middleware and Run enter their scopes, and a nested Middleware refines the label.
func TestRequestsAndJobsAreEntered(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	label := func() (value string) {
		value = proflabel.Get()
		return strings.Clone(value)
	}
	labels := make(map[string]string)
	api := http.NewServeMux()
	middleware := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})
	api.HandleFunc("GET /orders/{id}", func(_ http.ResponseWriter, r *http.Request) {
		labels["inner"] = label()
		logger.Info("in the order")
		wait := make(chan struct{})
		go func() { logger.Info("beside it"); close(wait) }()
		<-wait
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", middleware(api)))
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) { labels["outer"] = label() })
	handler := middleware(mux)
	for _, path := range []string{"/api/orders/93", "/"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	}
	labels["after"] = label()
	_ = h.Run(t.Context(), "job", "nightly", func(context.Context) error {
		labels["job"] = label()
		log.New(slog.NewLogLogger(h, slog.LevelInfo).Writer(), "", 0).Print("by package log")
		return nil
	})
	if got := messages(t, h, store, "http_GET /orders/{id}"); got != "in the order, beside it, 200 OK" {
		t.Errorf("request: %s", got)
	}
	if got := messages(t, h, store, "job_nightly"); got != "by package log, done" {
		t.Errorf("job: %s", got)
	}
	want := map[string]string{"inner": "http_GET /orders/{id}", "outer": "http_GET /", "after": "", "job": "job_nightly"}
	for at, want := range want {
		if labels[at] != want {
			t.Errorf("%s: label %q, want %q", at, labels[at], want)
		}
	}
}

// What a program does with profiler labels goes on working, and so does ours, where the
// context is passed on.
func TestLabelsOfTheProgram(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	all := func() string {
		var profile bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
		for block := range strings.SplitSeq(profile.String(), "\n\n") {
			if strings.Contains(block, "TestLabelsOfTheProgram") {
				_, labels, _ := strings.Cut(block, "# labels: ")
				labels, _, _ = strings.Cut(labels, "\n")
				return labels
			}
		}
		return "none"
	}
	seen := make(map[string]string)
	pprof.Do(t.Context(), pprof.Labels("tenant", "acme", "story", "theirs"), func(own context.Context) {
		logger.Info("not found by their label")
		_ = h.Run(t.Context(), "job", 1, func(ctx context.Context) error { // without their context
			seen["run"] = all()
			pprof.Do(ctx, pprof.Labels("step", "pay"), func(context.Context) {
				seen["do"] = all()
				logger.Info("within theirs")
			})
			pprof.Do(own, pprof.Labels("step", "pay"), func(context.Context) {
				logger.Info("the context was not passed on")
			})
			logger.Info("ours again, but for what theirs has set")
			return nil
		})
		seen["after"] = all()
	})
	if got := messages(t, h, store, "job_1"); got != "within theirs, done" {
		t.Errorf("got %s", got)
	}
	want := map[string]string{
		"run":   `{"story":"job_1", "tenant":"acme"}`,
		"do":    `{"step":"pay", "story":"job_1", "tenant":"acme"}`,
		"after": `{"story":"theirs", "tenant":"acme"}`,
	}
	for at, want := range want {
		if seen[at] != want {
			t.Errorf("%s: labels %s, want %s", at, seen[at], want)
		}
	}
}

// A scope that is given up after leave is collected, and its story abandoned.
func TestEnterKeepsNoScope(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	func() {
		_, scope := dynamoslog.Begin(t.Context(), "user", 42)
		defer scope.Enter()()
		logger.Info("hello")
	}()
	for range 100 { // the collector calls cleanups when it likes
		runtime.GC()
		_ = h.Flush(t.Context())
		if s, err := store.Read(t.Context(), story.NewKey("user", "42"), ""); err == nil && s.State == story.Abandoned {
			logger.Info("it is the process's now")
			if got := messages(t, h, store, "app_test"); got != "it is the process's now" {
				t.Errorf("got %s", got)
			}
			return
		}
	}
	t.Error("the story is not abandoned")
}

// The writer's goroutine is started by a line, and works for all stories.
func TestOwnGoroutinesInheritNothing(t *testing.T) {
	var seen string
	store := &storeFunc{Store: story.NewMemory(), put: func() { seen = proflabel.Get() }}
	h := dynamoslog.New(store, nil)
	_ = h.Run(t.Context(), "job", 1, func(context.Context) error { return nil })
	if err := h.Close(); err != nil || seen != "" {
		t.Errorf("Close: %v; the writer's label is %q", err, seen)
	}
}

type storeFunc struct {
	story.Store
	put func()
}

func (s *storeFunc) Put(ctx context.Context, parts []story.Part) error {
	s.put()
	return s.Store.Put(ctx, parts)
}

func TestThousandsOfGoroutinesFindTheirScopes(t *testing.T) {
	h, store, logger := ambient(t, dynamoslog.Options{})
	const stories, workers, lines = 400, 10, 5
	var all sync.WaitGroup
	for id := range stories {
		all.Go(func() {
			_, scope := dynamoslog.Begin(t.Context(), "user", id)
			defer scope.End()
			defer scope.Enter()()
			var own sync.WaitGroup
			for range workers {
				own.Go(func() {
					for range lines {
						logger.Info(fmt.Sprint("of ", id))
					}
				})
			}
			own.Wait()
		})
	}
	all.Wait()
	for id := range stories {
		s := read(t, h, store, fmt.Sprint("user_", id), "")
		if len(s.Lines) != workers*lines {
			t.Fatalf("story %d has %d lines", id, len(s.Lines))
		}
		for _, line := range s.Lines {
			if line.Message != fmt.Sprint("of ", id) {
				t.Fatalf("story %d has the line %q", id, line.Message)
			}
		}
	}
}

func TestEnterInBubbles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, store, logger := ambient(t, dynamoslog.Options{})
		_, scope := dynamoslog.Begin(t.Context(), "user", 42)
		leave := scope.Enter()
		go logger.Info("inherited")
		synctest.Wait()
		leave()
		scope.End()
		if got := messages(t, h, store, "user_42"); got != "inherited" {
			t.Errorf("got %s", got)
		}
		_ = h.Close()
	})
}

// A CPU profile tells which route the time was spent for.
func TestProfileByRoute(t *testing.T) {
	_, _, logger := ambient(t, dynamoslog.Options{})
	mux := http.NewServeMux()
	var profile bytes.Buffer
	mux.HandleFunc("GET /slow/{id}", func(http.ResponseWriter, *http.Request) {
		for rounds := 0; !profiled(&profile, rounds); rounds++ {
		}
	})
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Skip(err)
	}
	dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(mux).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/slow/7", nil))
	reader, err := gzip.NewReader(&profile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil || !bytes.Contains(text, []byte("http_GET /slow/{id}")) {
		t.Errorf("the profile does not name the route (%v)", err)
	}
}

// profiled works for a while, and ends the profile when that has taken enough samples.
func profiled(profile *bytes.Buffer, rounds int) bool {
	sum := 0
	for i := range 30_000_000 {
		sum += i * rounds
	}
	runtime.KeepAlive(sum)
	if rounds < 3 {
		return false
	}
	pprof.StopCPUProfile()
	return profile.Len() > 0
}

func BenchmarkScopeOfGoroutine(b *testing.B) {
	h := dynamoslog.New(story.NewMemory(), nil)
	defer h.Close()
	logger := slog.New(h)
	run := func(name string, f func(b *testing.B)) { b.Run(name, f) }
	run("line by context", func(b *testing.B) {
		ctx, scope := dynamoslog.Begin(context.Background(), "user", 42)
		for b.Loop() {
			logger.InfoContext(ctx, "hello")
		}
		scope.End()
	})
	run("line by goroutine", func(b *testing.B) {
		_, scope := dynamoslog.Begin(context.Background(), "user", 42)
		leave := scope.Enter()
		for b.Loop() {
			logger.Info("hello")
		}
		leave()
		scope.End()
	})
	run("scope", func(b *testing.B) {
		for b.Loop() {
			_, scope := dynamoslog.Begin(context.Background(), "user", 42)
			scope.End()
		}
	})
	run("scope entered", func(b *testing.B) {
		for b.Loop() {
			_, scope := dynamoslog.Begin(context.Background(), "user", 42)
			leave := scope.Enter()
			scope.End()
			leave()
		}
	})
}

package dynamoslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A sender logs to one story from goroutines of its own.
type sender struct {
	*slog.Logger
	ctx context.Context
	wg  *sync.WaitGroup
}

//go:noinline
func (s *sender) run() {
	defer s.wg.Done()
	s.InfoContext(s.ctx, "run")
}

//go:noinline
func sendAll[T any](s *sender, _ T) {
	defer s.wg.Done()
	s.InfoContext(s.ctx, "all")
}

//go:noinline
func (s *sender) begin(f func()) {
	s.wg.Add(1)
	f()
	s.wg.Wait()
}

// stay logs, and goes on until all have.
//
//go:noinline
func (s *sender) stay(all <-chan bool) {
	s.run()
	<-all
}

// nameOf tells a story whose second lane begins as start has it.
func nameOf(t *testing.T, start func(s *sender)) (name string, s story.Story) {
	t.Helper()
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	of := &sender{slog.New(h), ctx, &sync.WaitGroup{}}
	of.InfoContext(ctx, "begin")
	start(of)
	scope.End()
	s = read(t, h, store, "job_1", "")
	return s.LaneName(1), s
}

// A goroutine's lane is named by the function that it began with, as people write it.
func TestLanesAreNamedByTheirGoroutine(t *testing.T) {
	for _, c := range []struct {
		want, coarse string // coarse: where goroutines are told apart by their root only
		start        func(s *sender)
	}{
		{"dynamoslog_test.(*sender).run", "", func(s *sender) { s.begin(func() { go s.run() }) }},
		{"dynamoslog_test.(*sender).run", "", func(s *sender) { f := s.run; s.begin(func() { go f() }) }},
		{"dynamoslog_test.sendAll", "", func(s *sender) { s.begin(func() { go sendAll(s, 1) }) }},
		{"dynamoslog_test.TestLanesAreNamedByTheirGoroutine.func", "", func(s *sender) {
			s.begin(func() {
				go func() { s.run() }()
			})
		}},
		{"dynamoslog_test.(*sender).again", "sync.(*WaitGroup).Go.func1", func(s *sender) { s.wg.Go(s.again); s.wg.Wait() }},
	} {
		name, s := nameOf(t, c.start)
		closure := strings.HasSuffix(c.want, ".func") && strings.HasPrefix(name, c.want)
		if name != c.want && !closure && (c.coarse == "" || name != c.coarse) {
			t.Errorf("got %q, want %q", name, c.want)
		}
		if s.LaneName(0) != "" || s.LaneName(2) != "" || len(s.Attrs) != 1 {
			t.Errorf("the header has %v", s.Attrs)
		}
	}
}

func (s *sender) again() { s.InfoContext(s.ctx, "again") }

// The name that Lane gives is the lane's, also that of the first.
func TestLaneNamesComeFirst(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	logger := slog.New(h)
	logger.InfoContext(dynamoslog.Lane(ctx, "cart\xff"), "begin")
	for range 3 {
		logger.InfoContext(dynamoslog.Lane(ctx, "worker"), "work")
	}
	of := &sender{logger, ctx, &sync.WaitGroup{}}
	of.begin(func() { go of.run() })
	scope.End()
	s := read(t, h, store, "job_1", "")
	want := map[string]string{"lane_0": "cart\uFFFD", "lane_1-3": "worker", "lane_4": "dynamoslog_test.(*sender).run"}
	if fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", s.Attrs, want)
	}
	for lane, name := range []string{"cart\uFFFD", "worker", "worker", "worker", "dynamoslog_test.(*sender).run", ""} {
		if got := s.LaneName(lane); got != name {
			t.Errorf("lane %d is %q", lane, got)
		}
	}
}

// Goroutines of one function take one attribute, also those past the number up to which
// each has a lane of its own; the program's own attributes keep their place, and names
// that have none are left out in silence.
func TestLaneNamesTakeLittleRoom(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	of := &sender{slog.New(h), ctx, &sync.WaitGroup{}}
	of.InfoContext(ctx, "begin")
	const count = 1100
	all := make(chan bool)
	of.wg.Add(count)
	for range count {
		go of.stay(all)
	}
	of.wg.Wait() // all have logged, and are still there
	close(all)
	scope.End()
	s := read(t, h, store, "job_1", "")
	last := 0
	for _, line := range s.Lines {
		last = max(last, line.Lane)
		if line.Lane > 0 && s.LaneName(line.Lane) != "dynamoslog_test.(*sender).stay" {
			t.Fatalf("lane %d is %q", line.Lane, s.LaneName(line.Lane))
		}
	}
	if len(s.Attrs) != 1 || len(s.Lines) != 1+count || last != 1 && last != 1024 { // 1 where goroutines are not told apart
		t.Errorf("%d lanes, the header has %v", last+1, s.Attrs)
	}
	ctx, scope = dynamoslog.Begin(t.Context(), "job", 2)
	scope.Set(slog.String("all", strings.Repeat("x", story.MaxAttrs-len("all"))))
	of.ctx = ctx
	of.InfoContext(ctx, "begin")
	of.begin(func() { go of.run() })
	scope.End()
	if s = read(t, h, store, "job_2", ""); len(s.Attrs) != 1 || len(s.Lines) != 2 {
		t.Errorf("the header has %v\n%s", s.Attrs, story.Format(s.Lines))
	}
}

// A request's first lane, which began in net/http, has no name.
func TestLaneOfARequestHasNoName(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	logger := slog.New(h)
	of := &sender{Logger: logger, wg: &sync.WaitGroup{}}
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		logger.InfoContext(r.Context(), "hello")
		of.ctx = r.Context()
		of.begin(func() { go of.run() })
	})
	server := httptest.NewServer(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{
		Logger: logger, Key: func(*http.Request) (string, string) { return "http", "x" },
	})(handler))
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	server.Close()
	if s := read(t, h, store, "http_x", ""); s.LaneName(0) != "" || s.LaneName(1) != "dynamoslog_test.(*sender).run" {
		t.Errorf("the header has %v", s.Attrs)
	}
}

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
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// A span is what a fake of OpenTelemetry puts into contexts.
type span struct{ trace, id string }

type spanKey struct{}

func inSpan(ctx context.Context, trace, id string) context.Context {
	return context.WithValue(ctx, spanKey{}, span{trace, id})
}

func fakeTrace(ctx context.Context) (traceID, spanID string) {
	s, _ := ctx.Value(spanKey{}).(span)
	return s.trace, s.id
}

// headerOf returns the trace and the span on a story's header.
func headerOf(s story.Story) string { return s.Attrs["trace_id"] + "/" + s.Attrs["span_id"] }

func TestTrace(t *testing.T) {
	for name, replace := range map[string]func([]string, slog.Attr) slog.Attr{
		"as it is": noTime,
		"replaced": func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == "span_id" {
				return slog.String("span", strings.ToUpper(a.Value.String()))
			}
			return noTime(groups, a)
		},
	} {
		h, store := open(t, dynamoslog.Options{Trace: fakeTrace, ReplaceAttr: replace})
		logger := slog.New(h)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", name)
		one, two := inSpan(ctx, "t1", "a"), inSpan(ctx, "t1", "b")
		log := func(ctx context.Context, message string, args ...any) { logger.InfoContext(ctx, message, args...) }
		log(ctx, "no span")
		log(one, "the header's")
		log(one, "the same")
		log(two, "another", "key", "value")
		log(ctx, "no span")
		log(two, "the same")
		log(inSpan(ctx, "t2", "b"), "another trace")
		log(inSpan(ctx, "t2", ""), "no span in it")
		log(one, "back")
		logger.WithGroup("g").InfoContext(two, "in a group", "k", 1)
		lane := dynamoslog.Lane(one, "second")
		log(lane, "the header's, in another lane")
		log(inSpan(lane, "t1", "c"), "another there")
		log(two, "the same in the first lane")
		scope.End()
		s := read(t, h, store, "job_"+name, "")
		want := "t1/a"
		text := `+0.000 I no span
+0.000 I the header's
+0.000 I the same
+0.000 I another	key=value span_id=b
+0.000 I no span
+0.000 I the same
+0.000 I another trace	trace_id=t2 span_id=b
+0.000 I no span in it
+0.000 I back	trace_id=t1 span_id=a
+0.000 I in a group	g.k=1 span_id=b
+0.000 I&1 the header's, in another lane
+0.000 I&1 another there	span_id=c
+0.000 I the same in the first lane
`
		if name == "replaced" {
			want = "t1/"
			for _, id := range []string{"a", "b", "c"} {
				text = strings.ReplaceAll(text, "span_id="+id, "span="+strings.ToUpper(id))
			}
			if s.Attrs["span"] != "A" {
				t.Errorf("got the header %v", s.Attrs)
			}
		}
		expect(t, flat(s), text)
		if got := headerOf(s); got != want {
			t.Errorf("%s: the header says %s, want %s", name, got, want)
		}
	}
}

// flat drops the depths, which are not what is tested.
func flat(s story.Story) story.Story {
	for i := range s.Lines {
		s.Lines[i].Depth, s.Lines[i].Up = 0, 0
	}
	return s
}

// What the program itself knows of the trace wins over what a client claims, in all that
// opens a scope.
func TestTraceOfRequests(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Trace: fakeTrace, ReplaceAttr: noTook})
	logger := slog.New(h)
	r := httptest.NewRequestWithContext(inSpan(t.Context(), "own", "server"), "GET", "/", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		logger.InfoContext(inSpan(r.Context(), "own", "database"), "reading")
	})
	dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(handler).ServeHTTP(httptest.NewRecorder(), r)
	s := read(t, h, store, "http_other", "")
	expect(t, flat(s), "+0.000 I reading\n+0.000 I 200 OK\tstatus=200 bytes=0 span_id=server\n")
	if got := headerOf(s); got != "own/database" {
		t.Errorf("the header says %s", got)
	}

	_ = h.Run(inSpan(t.Context(), "of the job", "root"), "job", "1", func(ctx context.Context) error {
		inner, scope := dynamoslog.Begin(ctx, "order", 1)
		logger.InfoContext(inner, "paid")
		scope.End()
		return nil
	})
	for _, key := range []string{"job_1", "order_1"} {
		if got := headerOf(read(t, h, store, key, "")); got != "of the job/root" {
			t.Errorf("the header of %s says %s", key, got)
		}
	}

	ctx, scope := dynamoslog.Begin(t.Context(), "job", "late")
	logger.InfoContext(ctx, "in time")
	scope.End()
	logger.InfoContext(inSpan(ctx, "t", "s"), "late")
	s = read(t, h, store, "job_late", "")
	expect(t, s, "+0.000 I in time\n+0.000 I late\ttrace_id=t span_id=s\n")
	if got := headerOf(s); got != "/" {
		t.Errorf("the header says %s", got)
	}
}

// A story without a scope has no trace of its own.
func TestTraceWithoutAScope(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Trace: fakeTrace, ReplaceAttr: noTime, Process: story.NewKey("app", "x")})
	for key, logger := range map[string]*slog.Logger{"app_x": slog.New(h), "device_7": slog.New(h).With(dynamoslog.Key("device", 7))} {
		for _, s := range []span{{"t1", "a"}, {"t1", "a"}, {"t1", "b"}, {}, {"t2", "c"}} {
			logger.InfoContext(inSpan(t.Context(), s.trace, s.id), "line")
		}
		s := read(t, h, store, key, "")
		expect(t, s, "+0.000 I line\ttrace_id=t1 span_id=a\n+0.000 I line\n+0.000 I line\tspan_id=b\n+0.000 I line\n+0.000 I line\ttrace_id=t2 span_id=c\n")
		if got := headerOf(s); got != "/" {
			t.Errorf("the header of %s says %s", key, got)
		}
	}
}

// What Trace returns is bounded and escaped, and its panics are contained.
func TestTraceOfAnything(t *testing.T) {
	long := strings.Repeat("x", 200)
	var mu sync.Mutex
	var told []string
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime, Trace: func(ctx context.Context) (string, string) {
		id, span := fakeTrace(ctx)
		if id == "panic" {
			panic("boom")
		}
		return id, span
	}, OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err.Error())
	}})
	for i, test := range []struct{ trace, span, header string }{
		{long, long, long[:128] + "/" + long[:128]},
		{"a\tb\n", "\u202e\x1b[31m", `a\tb\x0a/` + `\u202e\x1b[31m`},
		{"00000000000000000000000000000000", "0000000000000000", "/"},
		{"", "", "/"},
		{"t", "", "t/"},
		{"panic", "s", "/"},
	} {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
		_ = h.Handle(inSpan(ctx, test.trace, test.span), slog.NewRecord(time.Now(), slog.LevelInfo, "line", 0))
		scope.End()
		s := read(t, h, store, fmt.Sprintf("job_%d", i), "")
		if got := headerOf(s); len(s.Lines) != 1 || got != test.header {
			t.Errorf("%d: got %d lines, and the header says %q, want %q", i, len(s.Lines), got, test.header)
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 || !strings.Contains(told[0], "Options.Trace panicked, and the line has no trace: boom") {
		t.Errorf("told %q", told)
	}
}

// Many goroutines may log in spans of their own.
func TestTraceOfGoroutines(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Trace: fakeTrace})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			own := dynamoslog.Lane(inSpan(ctx, "t", fmt.Sprint("s", i)), fmt.Sprint(i))
			for range 100 {
				slog.New(h).InfoContext(own, "line")
			}
		})
	}
	all.Wait()
	scope.End()
	s := read(t, h, store, "job_1", "")
	said := 0
	for _, line := range s.Lines {
		if _, ok := line.Attr("span_id"); ok {
			said++
		}
	}
	if said != 7 || s.Attrs["trace_id"] != "t" { // all but the header's
		t.Errorf("%d lines name their span, the header says %s", said, headerOf(s))
	}
}

// Trace costs no allocation, also where lines change between spans.
func TestTraceDoesNotAllocate(t *testing.T) {
	if handlertest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	for name, opts := range map[string]dynamoslog.Options{"memory": {}, "journal": {Journal: t.TempDir()}} {
		opts.Trace = fakeTrace
		h, _ := open(t, opts)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		logger := slog.New(h).With("service", "workout").WithGroup("a_group_with_a_long_name_as_some_have")
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "Saving the order", 0)
		r.AddAttrs(slog.String("name", "x"), slog.Int("count", 1000), slog.Duration("took", time.Second))
		spans := []context.Context{inSpan(ctx, "t", "a"), inSpan(ctx, "t", "b")}
		i := 0
		log := func() {
			i++
			_ = logger.Handler().Handle(spans[i%2], r)
		}
		log()
		log()
		if n := testing.AllocsPerRun(2000, log); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		scope.End()
	}
}

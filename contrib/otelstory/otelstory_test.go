package otelstory_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/otelstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// open returns a handler, its store, and a provider of spans with what it has recorded.
func open(t testing.TB) (*dynamoslog.Handler, *story.Memory, *sdk.TracerProvider, *tracetest.SpanRecorder) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Trace: otelstory.Trace()})
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h, store, provider, spans
}

func read(t testing.TB, h *dynamoslog.Handler, store story.Store, kind, id string) story.Story {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), story.NewKey(kind, id), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// expect checks that a story and a span name each other.
func expect(t testing.TB, s story.Story, span sdk.ReadOnlySpan, own bool) {
	t.Helper()
	attrs := map[string]string{}
	for _, a := range span.Attributes() {
		attrs[string(a.Key)] = a.Value.Emit()
	}
	ids := span.SpanContext()
	if attrs["story.key"] != s.Key.String() || attrs["story.id"] != s.ID {
		t.Errorf("the span has %v, the story is %s %s", attrs, s.Key, s.ID)
	}
	if own && (s.Attrs["trace_id"] != ids.TraceID().String() || s.Attrs["span_id"] != ids.SpanID().String()) {
		t.Errorf("the story has %v, the span is %s %s", s.Attrs, ids.TraceID(), ids.SpanID())
	}
}

// The spans of otelhttp have the keys that the stories have at their end.
func TestRequests(t *testing.T) {
	h, store, provider, spans := open(t)
	logger := slog.New(h)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(_ http.ResponseWriter, r *http.Request) {
		logger.InfoContext(r.Context(), "before")
		if id := r.PathValue("id"); id == "42" {
			dynamoslog.FromContext(r.Context()).Rekey("user", id)
		}
	})
	hide := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) }) // so that the route is known at the end
	web := httptest.NewServer(otelhttp.NewHandler(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(hide), "http",
		otelhttp.WithTracerProvider(provider)))
	for _, path := range []string{"/users/42", "/users/7"} {
		answer, err := http.Get(web.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	web.Close()
	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans have ended", len(ended))
	}
	expect(t, read(t, h, store, "user", "42"), ended[0], true)
	expect(t, read(t, h, store, "http", "GET /users/{id}"), ended[1], true)
}

// A span within a story leads to it too; lines name their span where it changes.
func TestSpansWithin(t *testing.T) {
	h, store, provider, spans := open(t)
	tracer := provider.Tracer("test")
	ctx, outer := tracer.Start(t.Context(), "outer")
	_ = h.Run(ctx, "job", "nightly", func(ctx context.Context) error {
		slog.New(h).InfoContext(ctx, "outside")
		within, inner := tracer.Start(ctx, "inner")
		slog.New(h).InfoContext(within, "inside")
		inner.End()
		slog.New(h).InfoContext(within, "too late for the span")
		return nil
	})
	outer.End()
	s := read(t, h, store, "job", "nightly")
	ended := spans.Ended()
	expect(t, s, ended[0], false)
	expect(t, s, ended[1], true)
	if id, _ := s.Lines[1].Attr("span_id"); id != ended[0].SpanContext().SpanID().String() {
		t.Errorf("got\n%s", story.Format(s.Lines))
	}
}

// What is not in a span, or not in a story, has no part in it.
func TestNeither(t *testing.T) {
	h, store, provider, spans := open(t)
	ctx, span := provider.Tracer("test").Start(t.Context(), "alone")
	slog.New(h).InfoContext(ctx, "of the process")
	span.End()
	if got := spans.Ended()[0].Attributes(); len(got) != 0 {
		t.Errorf("the span has %v", got)
	}
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, Remote: true})
	for id, ctx := range map[string]context.Context{"": t.Context(), remote.TraceID().String(): trace.ContextWithRemoteSpanContext(t.Context(), remote)} {
		ctx, scope := dynamoslog.Begin(ctx, "order", "x"+id)
		slog.New(h).InfoContext(ctx, "line")
		scope.End()
		if s := read(t, h, store, "order", "x"+id); s.Attrs["trace_id"] != id {
			t.Errorf("the story has %v, want %q", s.Attrs, id)
		}
	}
}

// Many goroutines may log in spans and scopes of their own, or in one.
func TestGoroutines(t *testing.T) {
	h, _, provider, spans := open(t)
	tracer := provider.Tracer("test")
	shared, scope := dynamoslog.Begin(t.Context(), "order", "shared")
	defer scope.End()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			ctx, span := tracer.Start(shared, "span")
			for range 100 {
				slog.New(h).InfoContext(ctx, "line")
				_ = h.Run(ctx, "job", i, func(context.Context) error { return nil })
			}
			slog.New(h).InfoContext(ctx, "line")
			span.End()
		})
	}
	all.Wait()
	for _, span := range spans.Ended() {
		attrs := map[string]string{}
		for _, a := range span.Attributes() {
			attrs[string(a.Key)] = a.Value.Emit()
		}
		if attrs["story.id"] == "" || attrs["story.key"] == "" {
			t.Errorf("a span has %v", attrs)
		}
	}
}

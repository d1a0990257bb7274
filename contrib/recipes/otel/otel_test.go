package otel_test

import (
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/recipes/otel"
	"github.com/dynamoslog/dynamoslog/story"
)

// A story in a span names its trace; one in none does not.
func TestTrace(t *testing.T) {
	store := story.NewMemory()
	h := otel.New(store)
	logger := slog.New(h)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3, 4}})

	ctx, scope := dynamoslog.Begin(trace.ContextWithSpanContext(t.Context(), span), "order", 1)
	logger.InfoContext(ctx, "Looking for the order")
	scope.End()
	ctx, scope = dynamoslog.Begin(t.Context(), "order", 2)
	logger.InfoContext(ctx, "Looking for the order")
	scope.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][2]string{"1": {span.TraceID().String(), span.SpanID().String()}, "2": {}} {
		s, err := store.Read(t.Context(), story.NewKey("order", id), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{s.Attrs["trace_id"], s.Attrs["span_id"]}; got != want {
			t.Errorf("order_%s names %q", id, got)
		}
	}
}

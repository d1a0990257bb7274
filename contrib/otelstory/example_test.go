package otelstory_test

import (
	"context"
	"fmt"
	"log/slog"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/otelstory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{Trace: otelstory.Trace(), ReplaceAttr: withoutTimes})
	spans := tracetest.NewSpanRecorder() // in its place an exporter to where traces go
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans)).Tracer("shop")

	ctx, span := tracer.Start(context.Background(), "nightly")
	_ = h.Run(ctx, "job", "nightly", func(ctx context.Context) error {
		slog.New(h).InfoContext(ctx, "Looking for the user")
		dynamoslog.FromContext(ctx).Rekey("user", 42)
		return nil
	})
	span.End()

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("user", "42"), "")
	ids := span.SpanContext()
	fmt.Printf("%s trace_id: %t, span_id: %t\n", s.Key, s.Attrs["trace_id"] == ids.TraceID().String(), s.Attrs["span_id"] == ids.SpanID().String())
	fmt.Print(story.Format(s.Lines))
	for _, a := range spans.Ended()[0].Attributes() {
		if a.Key == "story.key" {
			fmt.Println("the span has", a.Key, a.Value.AsString())
		}
	}
	// Output:
	// user_42 trace_id: true, span_id: true
	// +0.000 I Looking for the user
	// +0.000 I done
	// the span has story.key user_42
}

// withoutTimes leaves out what differs from run to run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

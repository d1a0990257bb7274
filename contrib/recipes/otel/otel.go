// Package otel names the traces and spans of OpenTelemetry in stories, by hand; by
// contrib/otelstory spans name their stories as well.
package otel

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// New returns a handler whose stories and lines name their trace and span.
func New(store story.Store) *dynamoslog.Handler {
	h := dynamoslog.New(store, &dynamoslog.Options{Trace: func(ctx context.Context) (traceID, spanID string) {
		span := trace.SpanContextFromContext(ctx)
		return span.TraceID().String(), span.SpanID().String()
	}})
	return h
}

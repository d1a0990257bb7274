// Package otelstory leads from stories to the traces of OpenTelemetry, and back:
//
//	h := dynamoslog.New(store, &dynamoslog.Options{Trace: otelstory.Trace()})
package otelstory

import (
	"context"
	"runtime"
	"sync"
	"weak"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Trace returns a function for [dynamoslog.Options.Trace]. By it stories and lines name the
// trace and the span that their context carries, and each span in which a story's line is
// logged gets attributes: story.key, as in "user_42", and story.id.
//
// Requests and runs end with a line, so that a span around them has the key that the story
// has at its end, by Scope.Rekey or by its route. What begins spans therefore belongs around
// what begins stories: otelhttp around [dynamoslog.Middleware].
func Trace() func(context.Context) (traceID, spanID string) {
	var m marks
	return func(ctx context.Context) (traceID, spanID string) {
		span := trace.SpanFromContext(ctx)
		ids := span.SpanContext()
		if !ids.IsValid() {
			return "", ""
		}
		if scope := dynamoslog.FromContext(ctx); scope != nil && span.IsRecording() {
			m.mark(scope, span)
		}
		return ids.TraceID().String(), ids.SpanID().String()
	}
}

// marks tells which spans were marked last, so that not each line marks its own.
type marks struct {
	all sync.Map // from weak.Pointer[dynamoslog.Scope] to *mark
}

type mark struct {
	mu   sync.Mutex // guards the others
	span trace.SpanID
	key  story.Key
}

func (m *marks) mark(scope *dynamoslog.Scope, span trace.Span) {
	last := m.last(scope)
	last.mu.Lock()
	defer last.mu.Unlock()
	key, id := scope.Key(), span.SpanContext().SpanID()
	if last.span == id && last.key == key {
		return
	}
	last.span, last.key = id, key
	span.SetAttributes(attribute.String("story.key", key.String()), attribute.String("story.id", scope.ID()))
}

func (m *marks) last(scope *dynamoslog.Scope) *mark {
	pointer := weak.Make(scope)
	if last, ok := m.all.Load(pointer); ok {
		return last.(*mark)
	}
	last, loaded := m.all.LoadOrStore(pointer, new(mark))
	if !loaded {
		runtime.AddCleanup(scope, func(pointer weak.Pointer[dynamoslog.Scope]) { m.all.Delete(pointer) }, pointer)
	}
	return last.(*mark)
}

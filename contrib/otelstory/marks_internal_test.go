package otelstory

import (
	"context"
	"runtime"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/dynamoslog/dynamoslog"
)

// Nothing is kept of a scope that nobody has any more.
func TestMarksAreCollected(t *testing.T) {
	var m marks
	func() {
		_, scope := dynamoslog.Begin(t.Context(), "job", 1)
		_, span := sdk.NewTracerProvider().Tracer("").Start(context.Background(), "")
		m.mark(scope, span)
		m.mark(scope, span)
	}()
	count := func() (n int) {
		m.all.Range(func(any, any) bool { n++; return true })
		return n
	}
	for deadline := time.Now().Add(10 * time.Second); count() > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d are kept", count())
		}
		runtime.GC()
	}
}

package dynamoslog

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/routes"
)

// Transport returns a [http.RoundTripper] for clients, whose calls belong to the story that
// a request's context carries, or that the goroutine works for; [http.DefaultTransport] is
// the default base. Calls beside any story it only hands on.
//
// A call is a line of that story at its caller's depth, logged by [slog.Default] when the
// answer's header has come: "POST pay.example/charges/{id}" with status, took, span_id and
// the error. Numbers and ids in the path are {id}, and neither the query nor what the URL
// has of a user is told. The line is at Info, and at Warn with status 500 or above and where
// there is no answer; what that means for the program, its own lines say.
//
// The story's trace goes with the call in the header traceparent (W3C Trace Context), with a
// span of the call's own; one is made where the story has none. A request that has the
// header keeps it. The story of the service that is called, told by a [Middleware], then has
// the same trace_id, and the span as parent_span, and readers show it under the line of the
// call; both are listed under the trace, as trace_<id>, which is a unit of writing each.
func Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return transport{base}
}

type transport struct{ base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	scope := scopeOf(r.Context())
	if scope == nil {
		return t.base.RoundTrip(r)
	}
	call := outgoingCall{pc: clientPC(), message: r.Method + " " + r.URL.Host + routes.OfPath(r.URL.Path)}
	r, call.span = scope.passTrace(r)
	start := time.Now()
	answer, err := t.base.RoundTrip(r)
	call.log(r.Context(), time.Since(start), answer, err)
	return answer, err
}

// passTrace returns the request with the header that passes the story's trace on, and the
// span of the call.
func (s *Scope) passTrace(r *http.Request) (_ *http.Request, span string) {
	const header = "Traceparent"
	if given := r.Header.Get(header); given != "" {
		_, span, _ = ids.ParseTraceparent(given)
		return r, span
	}
	value, span := s.newCall()
	passed := *r // which is not to be changed
	if passed.Header = r.Header.Clone(); passed.Header == nil {
		passed.Header = make(http.Header)
	}
	passed.Header.Set(header, value)
	return &passed, span
}

// Inject passes the trace of a story on with a message, a job or a call that does not go
// through a [Transport]. The story is that of the context, or of the goroutine, and the trace
// is made where it has none. Set is called with the name traceparent and its value, as W3C
// Trace Context has it. The attribute that Inject returns, span_id, belongs on the line that
// tells of the message: the stories of those who take it name it as parent_span, and readers
// show them under that line. Beside any story it is the zero Attr, which handlers leave out,
// and set is not called.
//
//	span := dynamoslog.Inject(ctx, message.Metadata.Set) // of watermill
//	slog.InfoContext(ctx, "order is queued", span)
//
// Who takes the message has its trace by the Header of [RequestOptions].
func Inject(ctx context.Context, set func(name, value string)) slog.Attr {
	scope := scopeOf(ctx)
	if scope == nil {
		return slog.Attr{}
	}
	value, span := scope.newCall()
	set("traceparent", value)
	return slog.String(spanKey, span)
}

// scopeOf returns the scope that a context carries, or that the goroutine works for; nil
// where there is none, and for a call to the store.
func scopeOf(ctx context.Context) *Scope {
	place := fromContext(ctx)
	switch {
	case place.internal:
		return nil
	case place.scope != nil:
		return place.scope
	}
	return goroutines.OfGoroutine()
}

// newCall returns a traceparent for a call to another service, and its span. The story is
// listed under its trace from then on.
func (s *Scope) newCall() (traceparent, span string) {
	trace := s.facts.passTrace()
	for b := range s.buffers {
		b.setAttrs()
	}
	span = ids.NewSpan()
	return ids.Traceparent(trace, span), span
}

// passTrace returns the id of the story's trace, in the form of a traceparent, for a call to
// another service. It makes one where there is none.
func (f *scopeFacts) passTrace() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	more := f.furtherLocked()
	more.called = true
	for i := range more.attrs {
		if more.attrs[i].name == traceKey {
			if id, ok := ids.W3CTrace(more.attrs[i].text); ok {
				return id
			}
		}
	}
	id := ids.NewTraceID()
	f.version.Add(1)
	more.set(&headerAttr{name: traceKey, text: id})
	return id
}

// An outgoingCall is what its line says.
type outgoingCall struct {
	pc      uintptr // of who made it
	message string
	span    string // empty where it is not known
}

func (c *outgoingCall) log(ctx context.Context, took time.Duration, answer *http.Response, err error) {
	level := slog.LevelInfo
	if err != nil && !errors.Is(err, context.Canceled) || err == nil && answer.StatusCode >= 500 {
		level = slog.LevelWarn
	}
	handler := slog.Default().Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, c.message, c.pc)
	if err == nil {
		record.AddAttrs(slog.Int("status", answer.StatusCode))
	}
	record.AddAttrs(slog.Duration("took", took.Round(time.Microsecond)))
	if c.span != "" {
		record.AddAttrs(slog.String(spanKey, c.span))
	}
	if err != nil {
		record.AddAttrs(slog.Any("error", err))
	}
	_ = handler.Handle(ctx, record) // what it refuses is in its fallback
}

// clientPC returns where the program has called net/http, which has called a transport.
func clientPC() uintptr {
	var pcs [64]uintptr
	n := runtime.Callers(3, pcs[:])
	for _, pc := range pcs[:n] {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		if !strings.HasPrefix(frame.Function, "net/http.") && !strings.HasPrefix(frame.Function, packagePath+".transport.") {
			return pc
		}
	}
	return 0
}

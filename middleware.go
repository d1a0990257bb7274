package dynamoslog

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/dynamoslog/dynamoslog/story"
)

// MiddlewareOptions are the options of [Middleware]. A zero field stands for its
// default.
//
// Whatever they say, of a request's own words these are kept: its method, its path
// (256 bytes, escaped), the id in X-Request-Id as request_id, and the trace's in
// traceparent or X-Amzn-Trace-Id as trace_id. An id may hold ASCII letters, digits and
// any of . _ : / = ; - + @, so that those in base64 are kept; one with anything else in
// it is left out, and of a longer one the first 128 bytes are kept.
type MiddlewareOptions struct {
	// Key says what a request's story is about. By default it is the route, as
	// in "http_GET /users/{id}", which holds no personal data; code inside may
	// name the user by Scope.Rekey.
	Key func(*http.Request) (kind, id string)
	// Skip leaves requests out: health checks, the viewer. None by default.
	Skip func(*http.Request) bool
	// Logger logs each request's closing line; slog.Default() by default, as it
	// is when the request ends. Its handler should be a [Handler].
	Logger *slog.Logger
	// RemoteAddr adds the client's address to the header; it is personal data.
	RemoteAddr bool
}

// Bounds of what a client sends.
const (
	maxClientID = 128 // bytes of a request or trace id
	maxPath     = 256 // bytes of a path
)

// Middleware returns a net/http middleware that tells a story per request: it
// begins a scope, sets header attributes (method, path, route, status, bytes,
// request_id, trace_id), logs a closing line and ends the scope. It never waits
// for the store. Options may be nil.
//
// Status and bytes are what was sent towards the client; there is no status where
// nothing was sent, or nobody knows what. The closing line is
//
//   - "200 OK", at level Info, and at Error from status 500 on;
//   - "client gone", at Info, where the client left before;
//   - "timed out", at Warn, where the request's context or the connection had a
//     deadline, or a [http.TimeoutHandler] around the middleware answered 503;
//   - "cancelled", at Warn, where the program ended the request's context with a
//     cause of its own (see [context.Cause]), which is added;
//   - "aborted", at Warn, where the handler gave up by [http.ErrAbortHandler], as a
//     proxy does whose backend breaks, or by runtime.Goexit;
//   - "connection taken over, now ended", at Info, after Hijack;
//   - a panic with its stack, at Error. It goes on as it does from [Handler.Run].
func Middleware(opts *MiddlewareOptions) func(http.Handler) http.Handler {
	var o MiddlewareOptions
	if opts != nil {
		o = *opts
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if o.Skip != nil && o.Skip(r) {
				next.ServeHTTP(w, r)
				return
			}
			o.serve(next, w, r)
		})
	}
}

func (o *MiddlewareOptions) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	route := routeOf(next, r)
	kind, id := "http", route
	if o.Key != nil {
		kind, id = o.Key(r)
	}
	ctx, scope := Begin(r.Context(), kind, id)
	scope.Set(o.requestAttrs(r, route)...)
	start := time.Now()
	a := &answer{request: r}
	panics.Guard(func() { next.ServeHTTP(a.wrap(w), r.WithContext(ctx)) }, func(u *panics.Unwinding) {
		o.finish(ctx, scope, a, start, u)
	})
	o.finish(ctx, scope, a, start, nil)
}

// finish logs the closing line and ends the story; u is nil where the handler has
// returned.
func (o *MiddlewareOptions) finish(ctx context.Context, scope *Scope, a *answer, start time.Time, u *panics.Unwinding) {
	defer scope.End()
	end := a.outcome(u)
	attrs := make([]slog.Attr, 0, 4)
	if end.status != 0 {
		attrs = append(attrs, slog.Int("status", end.status))
	}
	attrs = append(attrs, slog.Int64("bytes", a.bytes))
	scope.Set(attrs...)
	if end.cause != nil {
		attrs = append(attrs, slog.Any("cause", end.cause))
	}
	attrs = append(attrs, slog.Duration("took", time.Since(start).Round(time.Microsecond)))
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if !logger.Enabled(ctx, end.level) {
		return
	}
	site := callerPC()
	if u != nil {
		site = u.Site()
	}
	record := slog.NewRecord(time.Now(), end.level, end.message, site)
	record.AddAttrs(attrs...)
	// What the handler refuses is in its fallback already.
	_ = logger.Handler().Handle(ctx, record)
}

func (o *MiddlewareOptions) requestAttrs(r *http.Request, route string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", clip(story.Escape(r.Method), 32)),
		slog.String("path", clip(story.Escape(r.URL.Path), maxPath)),
		slog.String("route", route),
	}
	if id := clientID(r.Header.Get("X-Request-Id")); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	if id := traceID(r.Header); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if o.RemoteAddr {
		attrs = append(attrs, slog.String("remote_addr", r.RemoteAddr))
	}
	return attrs
}

// routeOf returns the pattern that a request will match, with its method, if the
// next handler tells; never the path.
func routeOf(next http.Handler, r *http.Request) string {
	mux, ok := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	if !ok {
		return "other"
	}
	_, pattern := mux.Handler(r)
	if pattern == "" {
		return "other"
	}
	if method, _, found := strings.Cut(pattern, " "); found && method != "" {
		return pattern
	}
	return knownMethod(r.Method) + " " + pattern
}

func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "OTHER"
}

// traceID returns the trace id of a W3C traceparent or of AWS' X-Amzn-Trace-Id.
func traceID(h http.Header) string {
	if fields := strings.Split(h.Get("Traceparent"), "-"); len(fields) >= 4 {
		return clientID(fields[1])
	}
	for field := range strings.SplitSeq(h.Get("X-Amzn-Trace-Id"), ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(field), "Root="); ok {
			return clientID(root)
		}
	}
	return ""
}

// clientID returns an id that a client sent, or "" if it is not plain.
func clientID(id string) string {
	for i := range len(id) {
		b := id[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._:/=;-+@", b) >= 0) {
			return ""
		}
	}
	return clip(id, maxClientID)
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

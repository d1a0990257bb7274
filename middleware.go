package dynamoslog

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
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
	// Route tells the route that a router has found, as "/users/{id}" or "GET /users/{id}",
	// or "" where it has found none. It is asked when the handler has returned, with the
	// request that was handed on: with chi, for example,
	//
	//	func(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }
	//
	// By default it is what [http.ServeMux] finds.
	Route func(*http.Request) string
	// Level is that of the closing line of a request whose handler has returned a status,
	// by which the story is found in lists; Info by default, and Error from 500 on.
	Level func(status int) slog.Level
	// IDHeader, where set, is the name of a header of the response that tells the story's
	// id. The id is then the request_id too, where the client sent none.
	IDHeader string
	// Skip leaves requests out: health checks, the viewer. None by default.
	Skip func(*http.Request) bool
	// Logger logs each request's closing line; slog.Default() by default, as it
	// is when the request ends. Its handler should be a [Handler].
	Logger *slog.Logger
	// RemoteAddr adds the client's address to the header; it is personal data.
	RemoteAddr bool
}

// routes that are none.
const (
	otherRoute = "other"  // nobody tells what the route is
	noRoute    = "(none)" // the router has none for the request
)

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
// The route is known from an [http.ServeMux], also where other middlewares hand the
// request on to it, or that has called the middleware; or from MiddlewareOptions.Route.
// What no route was found for is "http_GET (none)", what nobody tells the route of
// "http_other". Within a request that a Middleware has a story of, another Middleware
// begins none: it refines the route and the key.
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
//   - "gRPC 13 Internal" and the like, where the trailer of a gRPC call tells its status: at
//     Error where the service is to blame, at Warn where time or quota was short, else at
//     Info;
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

// A requestStory is what a Middleware knows of the request whose story it tells.
type requestStory struct {
	scope *Scope
	begun story.Key // the key that it was begun with

	mu      sync.Mutex // a handler may go on beside a middleware that has returned
	before  string     // the route that was known at the beginning
	route   string
	refined bool // route is what an inner Middleware has told
}

func (o *MiddlewareOptions) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	route := routeBefore(next, r)
	if value := fromContext(r.Context()); value.request != nil {
		o.refine(value.request, route, next, w, r)
		return
	}
	kind, id := "http", route
	if o.Key != nil {
		kind, id = o.Key(r)
	}
	value := beginScope(kind, id)
	value.request = &requestStory{scope: value.scope, begun: value.scope.Key(), before: route, route: route}
	scope := value.scope
	ctx, leave := scope.enter(r.Context(), routeLabel(route))
	defer leave()
	ctx = context.WithValue(ctx, contextKey{}, value)
	scope.Set(o.requestAttrs(r, route, scope.ID())...)
	if o.IDHeader != "" {
		w.Header().Set(o.IDHeader, scope.ID())
	}
	start := time.Now()
	a := &answer{request: r}
	handed := r.WithContext(ctx)
	panics.Guard(func() { next.ServeHTTP(a.wrap(w), handed) }, func(u *panics.Unwinding) {
		o.finish(ctx, value.request, a, handed, start, u)
	})
	o.finish(ctx, value.request, a, handed, start, nil)
}

// refine serves a request of which an outer Middleware tells the story.
func (o *MiddlewareOptions) refine(outer *requestStory, route string, next http.Handler, w http.ResponseWriter, r *http.Request) {
	outer.learn(route, true)
	if o.Key != nil {
		outer.scope.Rekey(o.Key(r))
	}
	if route != otherRoute { // what the goroutine is known by is refined, too
		ctx, leave := outer.scope.enter(r.Context(), routeLabel(route))
		defer leave()
		r = r.WithContext(ctx)
	}
	defer func() { outer.learn(o.routeAfter(r), true) }()
	next.ServeHTTP(w, r)
}

// learn takes note of a route, unless nobody tells it or an inner Middleware has told
// another one.
func (s *requestStory) learn(route string, inner bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := route != otherRoute && (route != s.route || inner)
	better := !strings.HasSuffix(route, noRoute) || s.route == otherRoute // an inner one that finds none says less than an outer one that did
	if known && better && (inner || !s.refined) {
		s.route, s.refined = route, s.refined || inner
	}
}

// tellRoute lets the story be one about the route, where that has become known and the
// story is not about anything else.
func (s *requestStory) tellRoute(byRoute bool) {
	s.mu.Lock()
	route, before := s.route, s.before
	s.mu.Unlock()
	if route == before {
		return
	}
	s.scope.Set(slog.String("route", route))
	if byRoute && s.scope.Key() == s.begun {
		s.scope.Rekey("http", route)
	}
}

// finish logs the closing line and ends the story; u is nil where the handler has
// returned.
func (o *MiddlewareOptions) finish(ctx context.Context, s *requestStory, a *answer, handed *http.Request, start time.Time, u *panics.Unwinding) {
	scope := s.scope
	defer scope.End()
	s.learn(o.routeAfter(handed), false)
	s.tellRoute(o.Key == nil)
	end := a.outcome(u)
	attrs := make([]slog.Attr, 0, 4)
	if end.status != 0 {
		attrs = append(attrs, slog.Int("status", end.status))
	}
	if end.grpc != "" {
		attrs = append(attrs, slog.String("grpc_status", end.grpc))
	}
	if o.Level != nil && end.byStatus {
		end.level = o.Level(end.status)
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

func (o *MiddlewareOptions) requestAttrs(r *http.Request, route, storyID string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", clip(story.Escape(r.Method), 32)),
		slog.String("path", clip(story.Escape(r.URL.Path), maxPath)),
		slog.String("route", route),
	}
	if id := clientID(r.Header.Get("X-Request-Id")); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	} else if o.IDHeader != "" {
		attrs = append(attrs, slog.String("request_id", storyID))
	}
	if id := traceID(r.Header); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if o.RemoteAddr {
		attrs = append(attrs, slog.String("remote_addr", r.RemoteAddr))
	}
	return attrs
}

// routeBefore returns the route that a request has found, or is about to find, with its
// method, as far as that can be known before it is served; never the path.
func routeBefore(next http.Handler, r *http.Request) string {
	mux, ok := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	if !ok {
		return withMethod(r.Pattern, r)
	}
	_, pattern := mux.Handler(r)
	if pattern == "" {
		return knownMethod(r.Method) + " " + noRoute
	}
	return withMethod(pattern, r)
}

// routeAfter returns the route that a request has found, when it was served.
func (o *MiddlewareOptions) routeAfter(r *http.Request) string {
	if o.Route == nil {
		return withMethod(r.Pattern, r)
	}
	if route := o.Route(r); route != "" {
		return withMethod(strings.Clone(route), r)
	}
	return knownMethod(r.Method) + " " + noRoute
}

// withMethod puts the method before a pattern that has none.
func withMethod(pattern string, r *http.Request) string {
	if pattern == "" {
		return otherRoute
	}
	if method, _, found := strings.Cut(pattern, " "); found && method != "" {
		return pattern
	}
	return knownMethod(r.Method) + " " + pattern
}

// routeLabel is what profiles show of a request: never the path or who sent it.
func routeLabel(route string) string { return "http_" + route }

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

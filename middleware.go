package dynamoslog

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/dynamoslog/dynamoslog/internal/response"
	"github.com/dynamoslog/dynamoslog/internal/routes"
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
	// is when the request ends. Its handler should be a [Handler]: where the default
	// logger has other handlers too, slog.New(handler) keeps these lines out of those.
	Logger *slog.Logger
	// RemoteAddr adds the client's address to the header; it is personal data.
	RemoteAddr bool
}

const maxPath = 256 // bytes of a path that are kept

// Middleware returns a net/http middleware that tells a story per request: it
// begins a scope, sets header attributes (method, path, route, status, bytes,
// request_id, trace_id), logs a closing line and ends the scope. It never waits
// for the store. Options may be nil.
//
// The route is known from an [http.ServeMux], also where other middlewares hand the
// request on to it, or that has called the middleware; from another handler that has its
// method Handler(*http.Request) (http.Handler, string); or from MiddlewareOptions.Route.
// A middleware that hands on another request, as r.WithContext makes, hides the route: the
// mux behind it wants a Middleware of its own.
// What no route was found for is "http_GET (none)", what nobody tells the route of
// "http_other". Within a request that a Middleware or [BeginRequest] has a story of, another
// Middleware begins none: it refines the route and the key.
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
//   - "connection taken over", at Info, after Hijack;
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

// A servedContext is the context of a request that a Middleware serves.
type servedContext struct {
	requestContext
	recorder response.Recorder
}

func (o *MiddlewareOptions) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	route := routes.Before(next, r)
	if outer := ongoing(r.Context()); outer != nil {
		o.refine(outer.refine(), route, next, w, r)
		return
	}
	var kind, id string
	if o.Key != nil {
		kind, id = o.Key(r)
	}
	c := new(servedContext)
	c.scope.surelyEnds = true
	ctx, request := c.beginRequest(r.Context(), story.NewKey("http", route).String(), &RequestOptions{Header: headerOf(r), Logger: o.Logger})
	defer request.end() // where a function of the options panics
	o.setAttrs(request.scope, r, route)
	request.route = route
	if o.Key != nil {
		request.Scope().Rekey(kind, id) // which a route does not replace
	}
	if o.IDHeader != "" {
		o.tellID(w, r, request.Scope())
	}
	recorder := &c.recorder
	recorded := recorder.Record(w, r)
	handed := r.WithContext(ctx)
	var room [3]slog.Attr
	panics.Guard(func() { next.ServeHTTP(recorded, handed) }, func(u *panics.Unwinding) {
		end, attrs, line := o.outcome(request, recorder, handed, u, room[:0])
		request.unwind(u, end, attrs, line...)
	})
	end, attrs, line := o.outcome(request, recorder, handed, nil, room[:0])
	request.finish(end, 0, attrs, line...)
}

// refine serves a request of which another one tells the story.
func (o *MiddlewareOptions) refine(request *Request, route string, next http.Handler, w http.ResponseWriter, r *http.Request) {
	request.learnRoute(route)
	if o.Key != nil {
		request.Scope().Rekey(o.Key(r))
	}
	if route != routes.Other { // what the goroutine is known by is refined, too
		r = r.WithContext(request.enter(r.Context(), story.NewKey("http", route).String()))
		defer request.leave()
	}
	defer func() { request.learnRoute(o.routeAfter(r)) }()
	next.ServeHTTP(w, r)
}

// learnRoute lets the request be one about a route, unless nobody tells it or an inner one
// has told another.
func (r *Request) learnRoute(route string) {
	top := r.outermost()
	inner := r != top
	top.mu.Lock()
	known := route != routes.Other && (route != top.route || inner)
	better := !routes.IsNone(route) || top.route == routes.Other // an inner one that finds none says less than an outer one that did
	learns := known && better && (inner || !top.told)
	if learns {
		top.route = route
	}
	top.mu.Unlock()
	if learns {
		r.Learn("http", route, slog.String("route", route))
	}
}

// outcome returns what the closing line says, what of it stands on the header too, appended to
// attrs, and what of it does not; u is nil where the handler has returned.
func (o *MiddlewareOptions) outcome(request *Request, recorder *response.Recorder, handed *http.Request, u *panics.Unwinding, attrs []slog.Attr) (Outcome, []slog.Attr, []slog.Attr) {
	request.learnRoute(o.routeAfter(handed))
	got := recorder.Outcome(u)
	end := Outcome{Message: got.Message, Level: got.Level}
	if o.Level != nil && got.ByStatus {
		end.Level = o.Level(got.Status)
	}
	if got.Status != 0 {
		attrs = append(attrs, slog.Int("status", got.Status))
	}
	if got.GRPC != "" {
		attrs = append(attrs, slog.String("grpc_status", got.GRPC))
	}
	attrs = append(attrs, slog.Int64("bytes", recorder.Bytes()))
	if got.Cause != nil {
		return end, attrs, []slog.Attr{slog.Any("cause", got.Cause)}
	}
	return end, attrs, nil
}

// tellID lets the response tell the story's id, which is the request's too where the client
// has sent none.
func (o *MiddlewareOptions) tellID(w http.ResponseWriter, r *http.Request, scope *Scope) {
	w.Header().Set(o.IDHeader, scope.ID())
	if ids.OfClient(r.Header.Get("X-Request-Id")) == "" {
		scope.Set(slog.String("request_id", scope.ID()))
	}
}

// setAttrs tells what the request is.
func (o *MiddlewareOptions) setAttrs(scope *Scope, r *http.Request, route string) {
	attrs := [4]headerAttr{
		{name: "method", text: ownString(ids.Clip(story.Escape(r.Method), 32))},
		{name: "path", text: ownString(ids.Clip(story.Escape(r.URL.Path), maxPath))},
		{name: "route", text: route},
	}
	n := 3
	if o.RemoteAddr {
		attrs[n] = headerAttr{name: "remote_addr", text: ownString(r.RemoteAddr)}
		n++
	}
	scope.facts.setLeaves(attrs[:n]) // nothing was logged yet
}

// headerOf returns what tells the ids that the client has sent; nil where there are none.
func headerOf(r *http.Request) func(string) string {
	for _, name := range ids.Headers {
		if len(r.Header[name]) > 0 {
			return r.Header.Get
		}
	}
	return nil
}

// routeAfter returns the route that a request has found, when it was served.
func (o *MiddlewareOptions) routeAfter(r *http.Request) string {
	if o.Route == nil {
		return routes.Of(r.Pattern, r)
	}
	if route := o.Route(r); route != "" {
		return routes.Of(strings.Clone(route), r)
	}
	return routes.None(r)
}

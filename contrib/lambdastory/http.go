package lambdastory

import (
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// WrapHTTP is [dynamoslog.Middleware] for a handler of net/http that an adapter serves on
// Lambda, such as lambdaurl of aws-lambda-go or aws-lambda-go-api-proxy:
//
//	lambdastory.Start(h, lambdaurl.Wrap(lambdastory.WrapHTTP(h, mux, nil)), nil)
//
// Within [Start] or [Wrap] the route that the handler has found refines the story of the
// invocation, which goes on until the handler has returned, also where its answer is
// streamed. Without, each request has a story as an invocation has, which is stored before
// the handler returns. The adapter has to hand on the context of the invocation.
func WrapHTTP(h *dynamoslog.Handler, handler http.Handler, opts *Options) http.Handler {
	t := newTeller(h, opts)
	refined := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: t.logger})(handler)
	alone := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: t.logger})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inv := &invocation{teller: t, ctx: r.Context()}
		inv.deadline, _ = r.Context().Deadline()
		facts := t.factsOf(r.Context(), nil)
		if facts.requestID != "" {
			facts.attrs = append(facts.attrs, slog.String("request_id", facts.requestID))
		}
		dynamoslog.FromContext(r.Context()).Set(facts.attrs...)
		defer inv.watch()()
		handler.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inv := ofContext(r.Context()); inv != nil {
			inv.enter()
			defer inv.leave()
			inv.guard(func() { refined.ServeHTTP(w, r) })
			return
		}
		deadline, _ := r.Context().Deadline()
		returned := false
		defer func() {
			if returned {
				t.store(deadline)
			} else {
				t.storeLast(deadline)
			}
		}()
		alone.ServeHTTP(w, r)
		returned = true
	})
}

// An httpCall is a request over HTTP, as an event tells it.
type httpCall struct {
	method, path string
	route        string // that API Gateway has found; empty where it has none
	header       func(name string) string
}

func httpCallOf(event any) (httpCall, bool) {
	switch e := event.(type) {
	case events.APIGatewayV2HTTPRequest:
		_, route, _ := strings.Cut(e.RouteKey, " ")
		return httpCall{e.RequestContext.HTTP.Method, e.RawPath, route, headerOf(e.Headers)}, true
	case events.APIGatewayProxyRequest:
		return httpCall{e.HTTPMethod, e.Path, e.Resource, headerOf(e.Headers)}, true
	case events.ALBTargetGroupRequest:
		return httpCall{e.HTTPMethod, e.Path, "", headerOf(e.Headers)}, true
	case events.LambdaFunctionURLRequest:
		return httpCall{e.RequestContext.HTTP.Method, e.RawPath, "", headerOf(e.Headers)}, true
	case *events.LambdaFunctionURLRequest:
		if e != nil {
			return httpCallOf(*e)
		}
	}
	return httpCall{}, false
}

func headerOf(headers map[string]string) func(name string) string {
	return func(name string) string {
		for key, value := range headers {
			if strings.EqualFold(key, name) {
				return value
			}
		}
		return ""
	}
}

// tell lets the story say what is known of a request before it is served. A route that takes
// any path says less than the function's name.
func (c httpCall) tell(request *dynamoslog.Request) {
	const most = 256 // bytes of a path, as with dynamoslog.Middleware
	path := story.Escape(c.path)
	if len(path) > most {
		path = strings.ToValidUTF8(path[:most], "")
	}
	request.Scope().Set(slog.String("method", c.method), slog.String("path", path))
	if c.route != "" && !strings.Contains(c.route, "{proxy+}") {
		route := c.method + " " + c.route
		request.Learn("http", route, slog.String("route", route))
	}
}

// statusOf returns the status that an answer of one of the types in package events has, or
// one like them, and 0 for others.
func statusOf(answer reflect.Value) int {
	for answer.Kind() == reflect.Pointer || answer.Kind() == reflect.Interface {
		answer = answer.Elem()
	}
	if answer.Kind() != reflect.Struct {
		return 0
	}
	field, ok := answer.Type().FieldByName("StatusCode")
	if !ok {
		return 0
	}
	status, err := answer.FieldByIndexErr(field.Index)
	if err != nil || !status.CanInt() || status.Int() < 100 || status.Int() > 999 {
		return 0
	}
	return int(status.Int())
}

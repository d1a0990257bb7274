package dynamoslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A foundRoute is what a router puts into the context, and fills in when it has found the
// route, as chi does.
type foundRoute struct{}

func ownRouter(routes map[string]http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := routes[r.URL.Path]; handler != nil {
			*r.Context().Value(foundRoute{}).(*string) = r.URL.Path
			handler(w, r)
			return
		}
		http.NotFound(w, r)
	})
}

func withFoundRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), foundRoute{}, new(string))))
	})
}

// between hands a request on as it is, as most middlewares do; anew makes another of it.
func between(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func anew(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.Clone(r.Context())) })
}

// TestRoutes serves a request by handlers that are put together in all the ways that
// programs have, and says what its story is about.
func TestRoutes(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }
	inner := func(o dynamoslog.MiddlewareOptions) func(http.Handler) http.Handler { return dynamoslog.Middleware(&o) }
	mux := func(patterns ...string) *http.ServeMux {
		m := http.NewServeMux()
		for _, pattern := range patterns {
			m.HandleFunc(pattern, hello)
		}
		return m
	}
	mounted := func(prefix string, handler http.Handler) *http.ServeMux {
		m := http.NewServeMux()
		m.Handle(prefix, handler)
		return m
	}
	users := "GET /users/{id}"
	usersKey := story.Key{Kind: "http", ID: users}
	for name, test := range map[string]struct {
		handler http.Handler
		opts    dynamoslog.MiddlewareOptions
		path    string // /users/7 if empty
		want    story.Key
		route   string // want.ID if empty
		status  string // 200 if empty
	}{
		"a mux":                         {handler: mux(users), want: usersKey},
		"a mux, pattern without method": {handler: mux("/users/{id}"), want: usersKey},
		"a mux behind a middleware":     {handler: between(between(mux(users))), want: usersKey},
		"a mux behind one that makes a request anew": {
			handler: anew(mux(users)), want: story.Key{Kind: "http", ID: "other"},
		},
		"the same, refined within": {handler: anew(inner(dynamoslog.MiddlewareOptions{})(mux(users))), want: usersKey},
		"a mux within a mux": {
			handler: mounted("/users/", inner(dynamoslog.MiddlewareOptions{})(mux(users))), want: usersKey,
		},
		"a mux within a mux, which finds nothing": {
			handler: mounted("/users/", inner(dynamoslog.MiddlewareOptions{})(mux("/other"))),
			want:    story.Key{Kind: "http", ID: "GET /users/"}, status: "404",
		},
		"a handler of a mux": {
			handler: anew(mounted(users, inner(dynamoslog.MiddlewareOptions{})(http.HandlerFunc(hello)))), want: usersKey,
		},
		"nothing is found": {handler: mux(users), path: "/nowhere", want: story.Key{Kind: "http", ID: "GET (none)"}, status: "404"},
		"another method":   {handler: mux("POST /users/{id}"), want: story.Key{Kind: "http", ID: "GET (none)"}, status: "405"},
		"no router":        {handler: http.HandlerFunc(hello), want: story.Key{Kind: "http", ID: "other"}},
		"a router of its own": {
			handler: withFoundRoute(anew(ownRouter(map[string]http.HandlerFunc{"/users/7": hello}))), opts: ownRoute,
			want: story.Key{Kind: "http", ID: "GET (none)"}, // its context is not that of the request that was handed on
		},
		"a router of its own, which finds nothing": {
			handler: ownRouter(nil), path: "/nowhere", opts: ownRoute, want: story.Key{Kind: "http", ID: "GET (none)"}, status: "404",
		},
		"a key": {
			handler: between(mux(users)), opts: dynamoslog.MiddlewareOptions{Key: func(r *http.Request) (string, string) { return "path", r.URL.Path }},
			want: story.Key{Kind: "path", ID: "/users/7"}, route: users,
		},
		"a key within": {
			handler: between(inner(dynamoslog.MiddlewareOptions{Key: func(*http.Request) (string, string) { return "user", "7" }})(mux(users))),
			want:    story.Key{Kind: "user", ID: "7"}, route: users,
		},
		"a key that the handler names": {
			handler: between(mounted(users, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				dynamoslog.FromContext(r.Context()).Rekey("user", r.PathValue("id"))
			}))),
			want: story.Key{Kind: "user", ID: "7"}, route: users,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, h, store := serve(t, test.handler, test.opts)
			path := test.path
			if path == "" {
				path = "/users/7"
			}
			get(t, server.URL+path)
			s := settled(t, server, h, store, test.want.String())
			route, status := test.route, test.status
			if route == "" {
				route = test.want.ID
			}
			if status == "" {
				status = "200"
			}
			if s.Attrs["route"] != route || s.Attrs["status"] != status || s.State != story.Sealed {
				t.Errorf("got %+v", s.Header)
			}
			page, err := store.List(t.Context(), story.Query{Kind: ""})
			if err != nil || len(page.Headers) != 1 {
				t.Errorf("got %d stories, %v", len(page.Headers), err)
			}
		})
	}
}

// ownRoute asks a router that keeps the route in the context.
var ownRoute = dynamoslog.MiddlewareOptions{Route: func(r *http.Request) string {
	found, _ := r.Context().Value(foundRoute{}).(*string)
	if found == nil {
		return ""
	}
	return *found
}}

// A router that fills in what stands in the context of the request that was handed to it.
func TestRouteOfContext(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }
	h, store := open(t, dynamoslog.Options{})
	opts := ownRoute
	opts.Logger = slog.New(h)
	handler := withFoundRoute(dynamoslog.Middleware(&opts)(anew(ownRouter(map[string]http.HandlerFunc{"/users": hello}))))
	server := newServer(t, handler)
	get(t, server.URL+"/users")
	if s := settled(t, server, h, store, "http_GET /users"); s.Attrs["route"] != "GET /users" {
		t.Errorf("got %+v", s.Header)
	}
}

func TestLevelOfStatus(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic("boom") })
	server, h, store := serve(t, mux, dynamoslog.MiddlewareOptions{Level: func(status int) slog.Level {
		if status < 500 {
			return slog.LevelWarn
		}
		return slog.LevelInfo
	}})
	for _, path := range []string{"/missing", "/fails", "/panics"} {
		get(t, server.URL+path)
	}
	for path, want := range map[string]slog.Level{"missing": slog.LevelWarn, "fails": slog.LevelInfo, "panics": slog.LevelError} {
		if s := settled(t, server, h, store, "http_GET /"+path); s.MaxLevel != want {
			t.Errorf("%s: got the level %v, want %v", path, s.MaxLevel, want)
		}
	}
}

func TestIDHeader(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	var seen string
	server := newServer(t, dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h), IDHeader: "X-Story"})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = w.Header().Get("X-Story") })))
	get(t, server.URL)
	s := settled(t, server, h, store, "http_other")
	if seen == "" || s.ID != seen || s.Attrs["request_id"] != seen {
		t.Errorf("the response says %q, the story %s has the request_id %q", seen, s.ID, s.Attrs["request_id"])
	}
}

// The status of a gRPC call stands in a trailer, of either kind that servers send.
func TestStatusOfGRPC(t *testing.T) {
	for status, want := range map[string]string{
		"0": "I gRPC 0 OK", "4": "W gRPC 4 DeadlineExceeded", "5": "I gRPC 5 NotFound", "13": "E gRPC 13 Internal", "forged": "I 200 OK", "99": "I 200 OK",
	} {
		for _, name := range []string{"Grpc-Status", http.TrailerPrefix + "Grpc-Status"} {
			server, h, store := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				w.Header().Set(name, status)
			}), dynamoslog.MiddlewareOptions{})
			get(t, server.URL, "Content-Type", "application/grpc+proto")
			s := settled(t, server, h, store, "http_other")
			last := s.Lines[len(s.Lines)-1]
			if got := fmt.Sprintf("%.1s %s", last.Level, last.Message); got != want {
				t.Errorf("%s %s: got %q, want %q", name, status, got, want)
			}
			if (s.Attrs["grpc_status"] == status) != (len(status) < 3 && status != "99") {
				t.Errorf("%s: got the attributes %v", status, s.Attrs)
			}
		}
	}
}

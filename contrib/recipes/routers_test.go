package recipes_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Handlers of the service that each router serves.
var (
	user   http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Ada") }
	broken http.HandlerFunc = func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no shelf", http.StatusInternalServerError)
	}
	panics http.HandlerFunc = func(http.ResponseWriter, *http.Request) { panic("no such shelf") }
)

type wrapper = func(http.Handler) http.Handler

// tells returns a middleware that asks a router for its route.
func tells(logger *slog.Logger, route func(*http.Request) string) wrapper {
	return dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger, Route: route})
}

// nosniff is a middleware that hands on the request that it was given.
func nosniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// auth is a middleware that hands on another request, as those do that add to its context:
// what a ServeMux finds for that one, nobody outside is told.
func auth(next http.Handler) http.Handler {
	type contextKey struct{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, "Ada")))
	})
}

func serveMux(prefix string) *http.ServeMux {
	m := http.NewServeMux()
	m.Handle("GET "+prefix+"/users/{id}", user)
	m.Handle("GET "+prefix+"/broken/{id}", broken)
	m.Handle("GET "+prefix+"/panics/{id}", panics)
	return m
}

// chiRoutes lets a router of chi serve, with one mounted in another for users.
func chiRoutes(r chi.Router) http.Handler {
	r.Route("/users", func(r chi.Router) { r.Method("GET", "/{id}", user) })
	r.Method("GET", "/broken/{id}", broken)
	r.Method("GET", "/panics/{id}", panics)
	return r
}

func chiRoute(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }

func gorillaRoutes(use ...mux.MiddlewareFunc) *mux.Router {
	r := mux.NewRouter()
	r.Use(use...)
	r.Handle("/users/{id}", user).Methods("GET")
	r.Handle("/broken/{id}", broken).Methods("GET")
	r.Handle("/panics/{id}", panics).Methods("GET")
	return r
}

// gorillaRoute is "" outside of the router, which keeps its route to those inside.
func gorillaRoute(r *http.Request) string {
	route := mux.CurrentRoute(r)
	if route == nil {
		return ""
	}
	template, err := route.GetPathTemplate()
	if err != nil {
		return ""
	}
	return template
}

// httprouterRoutes wraps each handler, as this router tells nobody which it has found.
func httprouterRoutes(logger *slog.Logger) http.Handler {
	r := httprouter.New()
	handle := func(path string, h http.Handler) {
		r.Handler("GET", path, tells(logger, func(*http.Request) string { return path })(h))
	}
	handle("/users/:id", user)
	handle("/broken/:id", broken)
	handle("/panics/:id", panics)
	none := tells(logger, func(*http.Request) string { return "" })
	r.NotFound = none(http.NotFoundHandler())
	r.MethodNotAllowed = none(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMethodNotAllowed)
	}))
	return r
}

// routers are the ways to put the middleware around or into a router. A row says which
// route a request to /users/42 has, and which one that finds none; where that is "" it has
// no story.
var routers = []struct {
	name    string
	serve   func(logger *slog.Logger) http.Handler
	prefix  string // of the paths that are asked for
	found   string // what stands for users, broken, and panics is %s
	missing string // of 404
	refused string // of 405, where it is another
	recover bool   // somebody answers for panics
}{
	{
		name:  "ServeMux: mw(mux)",
		serve: func(l *slog.Logger) http.Handler { return tells(l, nil)(serveMux("")) },
		found: "GET /%s/{id}", missing: "GET (none)",
	}, {
		name:  "ServeMux: mw(nosniff(mux))",
		serve: func(l *slog.Logger) http.Handler { return tells(l, nil)(nosniff(serveMux(""))) },
		found: "GET /%s/{id}", missing: "other",
	}, {
		name:  "ServeMux: mw(auth(mux))",
		serve: func(l *slog.Logger) http.Handler { return tells(l, nil)(auth(serveMux(""))) },
		found: "other", missing: "other",
	}, {
		name:  "ServeMux: mw(auth(mw(mux)))",
		serve: func(l *slog.Logger) http.Handler { return tells(l, nil)(auth(tells(l, nil)(serveMux("")))) },
		found: "GET /%s/{id}", missing: "GET (none)",
	}, {
		name: "ServeMux: mw(mux), StripPrefix(\"/api\", mw(inner))",
		serve: func(l *slog.Logger) http.Handler {
			outer := http.NewServeMux()
			outer.Handle("/api/", http.StripPrefix("/api", tells(l, nil)(serveMux(""))))
			return tells(l, nil)(outer)
		},
		prefix: "/api", found: "GET /%s/{id}", missing: "GET /api/",
	}, {
		name: "ServeMux: mw(mux), StripPrefix(\"/api\", inner)",
		serve: func(l *slog.Logger) http.Handler {
			outer := http.NewServeMux()
			outer.Handle("/api/", http.StripPrefix("/api", serveMux("")))
			return tells(l, nil)(outer)
		},
		prefix: "/api", found: "GET /api/", missing: "GET /api/",
	}, {
		name: "chi: r.Use(middleware.Recoverer, mw) with Route",
		serve: func(l *slog.Logger) http.Handler {
			r := chi.NewRouter()
			r.Use(middleware.Recoverer, tells(l, chiRoute))
			return chiRoutes(r)
		},
		found: "GET /%s/{id}", missing: "GET (none)", refused: "POST /users/*", recover: true,
	}, {
		name: "chi: r.Use(middleware.Recoverer, mw) without",
		serve: func(l *slog.Logger) http.Handler {
			r := chi.NewRouter()
			r.Use(middleware.Recoverer, tells(l, nil))
			return chiRoutes(r)
		},
		found: "GET /%s/{id}", missing: "other", refused: "POST /users/*", recover: true,
	}, {
		name:  "chi: mw(r)",
		serve: func(l *slog.Logger) http.Handler { return tells(l, nil)(chiRoutes(chi.NewRouter())) },
		found: "other", missing: "other",
	}, {
		name: "gorilla/mux: r.Use(mw) with Route",
		serve: func(l *slog.Logger) http.Handler {
			return gorillaRoutes(mux.MiddlewareFunc(tells(l, gorillaRoute)))
		},
		found: "GET /%s/{id}",
	}, {
		name: "gorilla/mux: mw(r) and r.Use(mw) with Route",
		serve: func(l *slog.Logger) http.Handler {
			mw := tells(l, gorillaRoute)
			return mw(gorillaRoutes(mux.MiddlewareFunc(mw)))
		},
		found: "GET /%s/{id}", missing: "GET (none)",
	}, {
		name:  "httprouter: mw around each handler, with Route",
		serve: httprouterRoutes,
		found: "GET /%s/:id", missing: "GET (none)",
	},
}

// requests are what each router is asked.
var requests = []struct {
	what, method, path string
	status             int
	line               string // the closing one: its level and its message up to a further line
}{
	{"a route", "GET", "/users/42", 200, "INFO 200 OK"},
	{"404", "GET", "/nowhere", 404, "INFO 404 Not Found"},
	{"405", "POST", "/users/42", 405, "INFO 405 Method Not Allowed"},
	{"500", "GET", "/broken/7", 500, "ERROR 500 Internal Server Error"},
	{"a panic", "GET", "/panics/7", 500, "ERROR panic: no such shelf"},
}

// The middleware with the routers that people use, over real connections; with -v it
// prints what came of it as a table.
func TestRouters(t *testing.T) {
	table := []string{"| router | request | key | route | status | closing line |", "| --- | --- | --- | --- | --- | --- |"}
	for _, router := range routers {
		for _, request := range requests {
			t.Run(router.name+" "+request.what, func(t *testing.T) {
				store := story.NewMemory()
				h := dynamoslog.New(store, nil)
				server := httptest.NewUnstartedServer(router.serve(slog.New(h)))
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.Start()
				answered := ask(t, request.method, server.URL+router.prefix+request.path)
				server.Close() // when the handler has returned
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				if want := request.status; answered != want && (answered != 0 || request.what != "a panic" || router.recover) {
					t.Errorf("the client got %d", answered)
				}
				got := only(t, store)
				route := router.missing
				switch {
				case request.status == http.StatusMethodNotAllowed:
					route = cmp.Or(router.refused, strings.Replace(route, "GET", request.method, 1))
				case request.status != http.StatusNotFound:
					route = strings.ReplaceAll(router.found, "%s", strings.Split(request.path, "/")[1])
				}
				var want row
				if route != "" {
					want = row{"http_" + route, route, fmt.Sprint(request.status), request.line}
				}
				if got != want {
					t.Errorf("got  %q\nwant %q", got, want)
				}
				table = append(table, fmt.Sprintf("| %s | %s | %s |", router.name, request.what, got))
			})
		}
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// A row is what a request's story says.
type row struct{ key, route, status, line string }

func (r row) String() string {
	if r.key == "" {
		return "no story | | |"
	}
	return fmt.Sprintf("`%s` | `%s` | %s | %s", r.key, r.route, r.status, r.line)
}

// only returns what the store's only story says, if there is one.
func only(t *testing.T, store story.Store) (r row) {
	t.Helper()
	for h, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil || r.key != "" {
			t.Fatalf("another story %s: %v", h.Key, err)
		}
		s, err := store.Read(t.Context(), h.Key, h.ID)
		if err != nil || len(s.Lines) == 0 {
			t.Fatalf("%s has %d lines: %v", h.Key, len(s.Lines), err)
		}
		last := s.Lines[len(s.Lines)-1]
		message, _, _ := strings.Cut(last.Message, "\n")
		r = row{h.Key.String(), h.Attrs["route"], h.Attrs["status"], last.Level.String() + " " + message}
	}
	return r
}

// ask returns the status of an answer, 0 where the connection was closed before it.
func ask(t *testing.T, method, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

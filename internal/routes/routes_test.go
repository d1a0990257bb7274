package routes_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/routes"
)

func TestRoutes(t *testing.T) {
	r := httptest.NewRequest("GET", "/users/7", nil)
	forged := httptest.NewRequest("FORGED", "/users/7", nil)
	for got, want := range map[string]string{
		routes.Of("", r):                 "other",
		routes.Of("/users/{id}", r):      "GET /users/{id}",
		routes.Of("POST /users/{id}", r): "POST /users/{id}",
		routes.Of("/users/{id}", forged): "OTHER /users/{id}",
		routes.None(r):                   "GET (none)",
		routes.None(forged):              "OTHER (none)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", http.NotFound)
	if got := routes.Before(mux, r); got != "GET /users/{id}" || routes.IsNone(got) {
		t.Errorf("got %q", got)
	}
	if got := routes.Before(mux, forged); !routes.IsNone(got) {
		t.Errorf("got %q", got)
	}
	if got := routes.Before(http.NotFoundHandler(), r); got != routes.Other {
		t.Errorf("got %q", got)
	}
}

func TestOfPath(t *testing.T) {
	for path, want := range map[string]string{
		"":                               "/",
		"/":                              "/",
		"/users/42/orders":               "/users/{id}/orders",
		"/v2/users":                      "/v2/users",
		"/api/v1.2/things/a1b2c3d4e5f6/": "/api/v1.2/things/{id}",
		"/files/9b2c1d3e-0000-4000-8000-000000000000": "/files/{id}",
		"/a/b/c/d/e/f/g/h/i/j":                        "/a/b/c/d/e/f/g/h/…",
		"/" + strings.Repeat("x", 50):                 "/{id}",
	} {
		if got := routes.OfPath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

package routes_test

import (
	"net/http"
	"net/http/httptest"
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

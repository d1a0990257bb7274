// Chi is a service with the router chi. The middleware is one that the router uses, so
// that it can ask for the route: the story of a request is http_GET /orders/{id}.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
)

func main() {
	store, err := sqlitestore.Open("stories.db")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h := dynamoslog.New(store, nil)
	slog.SetDefault(slog.New(h))

	router := chi.NewRouter()
	router.Use(middleware.Recoverer) // outside of ours, which tells the panic and lets it go on
	router.Use(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{
		Route: func(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() },
	}))
	router.Get("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "Looking for the order", "order", chi.URLParam(r, "id"))
		fmt.Fprintln(w, "It is on its way")
	})

	server := &http.Server{Addr: "localhost:8080", Handler: router, ReadHeaderTimeout: 5 * time.Second}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-stopped.Done():
	case err = <-failed:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err = errors.Join(err, server.Shutdown(ctx), h.Close(), store.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

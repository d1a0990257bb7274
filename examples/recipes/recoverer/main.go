// Recoverer is a service whose panics are answered by a middleware of its own. Ours
// stands inside: it tells the panic with its stack, and lets it go on.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

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
	slog.SetDefault(slog.New(slog.NewMultiHandler(slog.NewTextHandler(os.Stderr, nil), h)))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "Looking for the order")
		panic("no such shelf")
	})
	server := &http.Server{
		Addr:              "localhost:8080",
		Handler:           recoverer(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{IDHeader: "X-Story"})(mux)),
		ReadHeaderTimeout: 5 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	select {
	case <-stopped.Done():
	case err := <-failed:
		slog.Error("The server ends", "error", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		slog.Error("Requests are cut off", "error", err)
	}
	if err := h.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// recoverer answers for handlers that panic.
func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				http.Error(w, "sorry: tell us "+w.Header().Get("X-Story"), http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

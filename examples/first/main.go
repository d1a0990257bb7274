// First is a service that tells a story per request, and shows them in a browser.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/viewer"
)

func main() {
	store, err := sqlitestore.Open("stories.db") // or &dynamoslog.Table{Name: "app-logs"}, which nobody has to close
	if err != nil {
		log.Fatal(err)
	}
	h := dynamoslog.New(store, &dynamoslog.Options{Level: slog.LevelDebug})
	console := slog.NewTextHandler(os.Stderr, nil)
	slog.SetDefault(slog.New(slog.NewMultiHandler(console, h))) // or slog.New(h): stories only

	app := http.NewServeMux()
	app.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.FromContext(r.Context()).Rekey("user", r.PathValue("id"))
		slog.InfoContext(r.Context(), "Reading the profile")
		fmt.Fprintln(w, "Hello", r.PathValue("id"))
	})
	mux := http.NewServeMux()
	mux.Handle("/", dynamoslog.Middleware(nil)(app)) // a story per request
	mux.Handle("/stories/", http.StripPrefix("/stories", viewer.New(store, nil)))
	server := &http.Server{Addr: cmp.Or(os.Getenv("ADDR"), "localhost:8080"), Handler: mux}

	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-stopped.Done():
	case err = <-failed: // the port is taken
		slog.Error("Cannot serve", "error", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(ctx), h.Close(), store.Close()) // Close stores what is left, within five seconds
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

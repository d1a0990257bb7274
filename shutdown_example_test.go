package dynamoslog_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A server that is told to stop answers the requests that it has, then stores
// what they told. Most platforms give it ten to thirty seconds for both.
func ExampleHandler_Shutdown() {
	h := dynamoslog.New(&dynamoslog.Table{Name: "app-logs"}, &dynamoslog.Options{Journal: "/var/lib/app/journal"})
	slog.SetDefault(slog.New(h))
	server := &http.Server{Addr: ":8080", Handler: dynamoslog.Middleware(nil)(http.DefaultServeMux)}

	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-stopped.Done():
	case err := <-failed:
		log.Print(err) // log.Fatal would store everything too, and not wait for requests
	}

	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	if err := h.Shutdown(ctx); err != nil {
		// It says how many lines are not stored, and where they are. By log it would go
		// to the handler that is closed, and so to its fallback.
		fmt.Fprintln(os.Stderr, err)
	}
}

func ExampleHandler_Stats() {
	h := dynamoslog.New(story.NewMemory(), nil)
	expvar.Publish("dynamoslog", expvar.Func(func() any { return h.Stats() }))

	slog.New(h).Info("Starting workout generation")
	if err := h.Close(); err != nil {
		log.Print(err)
	}
	var stats dynamoslog.Stats
	if err := json.Unmarshal([]byte(expvar.Get("dynamoslog").String()), &stats); err != nil {
		log.Print(err)
	}
	fmt.Println(stats.Stories, stats.Lines)
	// Output: 1 1
}

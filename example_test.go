package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// exampleOptions drop the times, which differ from run to run.
var exampleOptions = &dynamoslog.Options{
	Level: slog.LevelDebug,
	ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	},
}

// show closes the handler and prints the latest story of a key.
func show(h *dynamoslog.Handler, store story.Store, kind, id string) {
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, err := store.Read(context.Background(), story.NewKey(kind, id), "")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.Key, s.State)
	fmt.Print(story.Format(s.Lines))
}

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, exampleOptions)
	logger := slog.New(h)

	ctx, scope := dynamoslog.Begin(context.Background(), "user", 42)
	logger.InfoContext(ctx, "Starting workout generation")
	filter := func() { logger.DebugContext(ctx, "Recreating exercise filter", "muscles", 3) }
	filter()
	scope.End()

	show(h, store, "user", "42")
	// Output:
	// user_42 sealed
	// +0.000 I Starting workout generation
	// +0.000 D   Recreating exercise filter	muscles=3
}

func ExampleMiddleware() {
	store := story.NewMemory()
	h := dynamoslog.New(store, exampleOptions)
	logger := slog.New(h)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.FromContext(r.Context()).Rekey("user", r.PathValue("id"))
		logger.InfoContext(r.Context(), "Reading the profile")
		fmt.Fprint(w, "hello")
	})
	handler := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(mux)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/users/42", nil))

	show(h, store, "user", "42")
	// Output:
	// user_42 sealed
	// +0.000 I Reading the profile
	// +0.000 I 200 OK	status=200 bytes=5
}

func ExampleHandler_Run() {
	store := story.NewMemory()
	h := dynamoslog.New(store, exampleOptions)
	logger := slog.New(h)

	err := h.Run(context.Background(), "job", "nightly", func(ctx context.Context) error {
		logger.InfoContext(ctx, "Cleaning up")
		return errors.New("disk full")
	})
	fmt.Println(err)
	show(h, store, "job", "nightly")
	// Output:
	// disk full
	// job_nightly sealed
	// +0.000 I Cleaning up
	// +0.000 E failed	error="disk full"
}

func ExampleKey() {
	store := story.NewMemory()
	h := dynamoslog.New(store, exampleOptions)

	logger := slog.New(h).With(dynamoslog.Key("device", "d7"))
	logger.Info("Battery low", "percent", 4)

	show(h, store, "device", "d7")
	// Output:
	// device_d7 closed
	// +0.000 I Battery low	percent=4
}

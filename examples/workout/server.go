package workout

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/dynamoslog/dynamoslog"
)

// NewServer returns the service: POST /users/{id}/workouts?without=mat answers
// with a workout as JSON, and GET /healthz with nothing.
func NewServer(logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /users/{id}/workouts", func(w http.ResponseWriter, r *http.Request) {
		user := r.PathValue("id")
		dynamoslog.FromContext(r.Context()).Rekey("user", user) // as authentication would
		g := &generator{log: workoutLog{logger}, without: r.URL.Query()["without"]}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(g.generate(r.Context(), user)); err != nil {
			logger.WarnContext(r.Context(), "The workout was not sent", "error", err)
		}
	})
	return dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{
		Logger: logger,
		Skip:   func(r *http.Request) bool { return r.URL.Path == "/healthz" },
	})(mux)
}

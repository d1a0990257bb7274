package workout_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/examples/workout"
	"github.com/dynamoslog/dynamoslog/story"
)

const deadEnd = `+0.000 I Starting workout generation	user=42 phases=3
+0.000 I   Filling the warm-up phase	wanted=1
+0.000 D       Recreating exercise filter	component=cardio without=[mat]
+0.000 I     Committing jumping jacks	muscles="whole body"
+0.000 I   Filling the main phase	wanted=2
+0.000 D       Recreating exercise filter	component=strength without=[mat]
+0.000 I     Committing push-ups	muscles=chest
+0.000 I     Committing pull-ups	muscles=back
+0.000 D<1     Recreating exercise filter	component=balance without=[mat]
+0.000 I     Committing one-leg stand	muscles=legs
+0.000 I     Not committing any more exercises	component=balance
+0.000 I   Filling the cool-down phase	wanted=1
+0.000 D       Recreating exercise filter	component=flexibility without=[mat]
+0.000 W       No exercises available for current filter	component=flexibility
+0.000 I     Not committing any more exercises	component=flexibility
+0.000 I The workout is ready	exercises=4
+0.000 I 200 OK	status=200 bytes=56
`

// deadEndNested is the same as readers show it: each line under what called it. The
// filter for balance is no part of the last commitment for strength.
const deadEndNested = `+0.000 I Starting workout generation	user=42 phases=3
+0.000 I   Filling the warm-up phase	wanted=1
+0.000 D     Recreating exercise filter	component=cardio without=[mat]
+0.000 I     Committing jumping jacks	muscles="whole body"
+0.000 I   Filling the main phase	wanted=2
+0.000 D     Recreating exercise filter	component=strength without=[mat]
+0.000 I     Committing push-ups	muscles=chest
+0.000 I     Committing pull-ups	muscles=back
+0.000 D     Recreating exercise filter	component=balance without=[mat]
+0.000 I     Committing one-leg stand	muscles=legs
+0.000 I     Not committing any more exercises	component=balance
+0.000 I   Filling the cool-down phase	wanted=1
+0.000 D     Recreating exercise filter	component=flexibility without=[mat]
+0.000 W     No exercises available for current filter	component=flexibility
+0.000 I     Not committing any more exercises	component=flexibility
+0.000 I The workout is ready	exercises=4
+0.000 I 200 OK	status=200 bytes=56
`

func TestStoryOfADeadEnd(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		},
	})
	server := workout.NewServer(slog.New(h))
	server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/users/42/workouts?without=mat", nil))
	server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/healthz", nil))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), story.NewKey("user", "42"), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := story.Format(s.Lines); got != deadEnd {
		t.Errorf("got:\n%s\nwant:\n%s", got, deadEnd)
	}
	s.Lines = story.Nest(s.Lines)
	if got := story.Format(s.Lines); got != deadEndNested {
		t.Errorf("nested, got:\n%s\nwant:\n%s", got, deadEndNested)
	}
	page, err := store.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 {
		t.Errorf("got %+v, %v; want one story, none of /healthz", page, err)
	}
}

package acceptance_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// TestUnwrittenErrorText checks that the sentence agrees with its numbers.
func TestUnwrittenErrorText(t *testing.T) {
	for want, lines := range map[string][]int{
		"1 line of 1 story is not stored; it is ":        {1},
		"2 lines of 1 story are not stored; they are ":   {2},
		"2 lines of 2 stories are not stored; they are ": {1, 1},
		"4 lines of 2 stories are not stored; they are ": {1, 3},
	} {
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &strings.Builder{}})
		for i, count := range lines {
			ctx, scope := dynamoslog.Begin(t.Context(), "job", i)
			for range count {
				slog.New(h).InfoContext(ctx, "a line")
			}
			scope.End()
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Flush(done); !strings.HasPrefix(fmt.Sprint(err), "dynamoslog: "+want) {
			t.Errorf("got %v, want %q", err, want)
		}
		_ = h.Shutdown(done)
	}
	for want, e := range map[string]dynamoslog.UnwrittenError{
		"the end of 1 story is not stored; it is ":        {Stories: 1, Where: "in memory"},
		"the ends of 2 stories are not stored; they are ": {Stories: 2, Where: "in memory"},
	} {
		if got := e.Error(); !strings.HasPrefix(got, "dynamoslog: "+want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package asynq_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

	"github.com/dynamoslog/dynamoslog"
	recipe "github.com/dynamoslog/dynamoslog/contrib/recipes/asynq"
	"github.com/dynamoslog/dynamoslog/story"
)

// Tasks of a queue that ends each in another way.
func TestTasks(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{ErrorLevel: recipe.ErrorLevel})
	redis := asynq.RedisClientOpt{Addr: miniredis.RunT(t).Addr()}
	ended := make(chan struct{})
	mux := asynq.NewServeMux()
	mux.Use(func(next asynq.Handler) asynq.Handler { // says when the story has ended
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			defer func() { ended <- struct{}{} }()
			return next.ProcessTask(ctx, task)
		})
	})
	mux.Use(recipe.Stories(h))
	mux.HandleFunc("mail:send", func(ctx context.Context, task *asynq.Task) error {
		slog.New(h).InfoContext(ctx, "Writing")
		switch string(task.Payload()) {
		case "never":
			return fmt.Errorf("nobody reads it: %w", asynq.SkipRetry)
		case "badly":
			return errors.New("the mail server is gone")
		case "in panic":
			panic("no ink")
		}
		return nil
	})
	server := asynq.NewServer(redis, asynq.Config{
		Concurrency: 1, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
	})
	if err := server.Start(mux); err != nil {
		t.Fatal(err)
	}
	client := asynq.NewClient(redis)
	for _, c := range []struct{ ends, last string }{
		{"well", "INFO done"},
		{"never", "INFO done"},
		{"badly", "ERROR failed"},
		{"in panic", "ERROR panic: no ink"},
	} {
		task, err := client.EnqueueContext(t.Context(), asynq.NewTask("mail:send", []byte(c.ends)))
		if err != nil {
			t.Fatal(err)
		}
		<-ended
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("mail:send", task.ID), "")
		if err != nil || len(s.Lines) != 2 || s.Lines[0].Message != "Writing" || s.Attrs["queue"] != "default" || s.Attrs["retried"] != "0" {
			t.Fatalf("%s: %v, %v\n%s", c.ends, err, s.Attrs, story.Format(s.Lines))
		}
		if got := s.Lines[1].Level.String() + " " + s.Lines[1].Message; !strings.HasPrefix(got, c.last) {
			t.Errorf("%s: the story ends with %q", c.ends, got)
		}
	}
	server.Shutdown()
	if err := errors.Join(client.Close(), h.Close()); err != nil {
		t.Error(err)
	}
}

// Jobs is a program that runs something again and again, as cron or a queue has it done:
// each run is a story, also one in which nothing was logged.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
)

// errNothingToDo is no failure.
var errNothingToDo = errors.New("nothing to do")

func main() {
	store, err := sqlitestore.Open("stories.db")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h := dynamoslog.New(store, &dynamoslog.Options{
		KeyAttrs: []string{"worker"}, // what a worker logs outside of jobs is the worker's story
		ErrorLevel: func(err error) slog.Level {
			if errors.Is(err, errNothingToDo) {
				return slog.LevelInfo
			}
			return slog.LevelError
		},
	})
	logger := slog.New(h).With("worker", 1)
	logger.Info("Waiting for jobs")
	for id, job := range []func(context.Context) error{
		func(ctx context.Context) error { logger.InfoContext(ctx, "Sending the newsletter"); return nil },
		func(context.Context) error { return errNothingToDo },
		func(context.Context) error { return errors.New("the mail server is gone") },
	} {
		// In river this is what Work does with the job's id, in asynq what ProcessTask
		// does with the task's.
		if err := h.Run(context.Background(), "job", id+1, job); err != nil && !errors.Is(err, errNothingToDo) {
			logger.Warn("A job has failed", "job", id+1, "error", err)
		}
	}
	if err := h.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Package asynq tells a story per task of asynq, by hand; contrib/asynqstory knows more of it:
//
//	h := dynamoslog.New(store, &dynamoslog.Options{ErrorLevel: asynq.ErrorLevel})
//	mux := asynq.NewServeMux() // of asynq itself
//	mux.Use(Stories(h))
package asynq

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hibiken/asynq"

	"github.com/dynamoslog/dynamoslog"
)

// Stories returns a middleware for an asynq.ServeMux: the task 7f3k of the type mail:send
// is the story mail-send_7f3k, and each attempt another one of it.
func Stories(h *dynamoslog.Handler) asynq.MiddlewareFunc {
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			id, _ := asynq.GetTaskID(ctx)
			return h.Run(ctx, task.Type(), id, func(ctx context.Context) error {
				queue, _ := asynq.GetQueueName(ctx)
				retried, _ := asynq.GetRetryCount(ctx)
				dynamoslog.FromContext(ctx).Set(slog.String("queue", queue), slog.Int("retried", retried))
				return next.ProcessTask(ctx, task)
			})
		})
	}
}

// ErrorLevel is the level of a task that has returned an error: one that asks not to be
// tried again has nothing to do, as asynq has no other word for that.
func ErrorLevel(err error) slog.Level {
	if errors.Is(err, asynq.SkipRetry) {
		return slog.LevelInfo
	}
	return slog.LevelError
}

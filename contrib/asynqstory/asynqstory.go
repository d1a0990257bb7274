// Package asynqstory tells a story per attempt of a task of asynq:
//
//	mux := asynq.NewServeMux()
//	mux.Use(asynqstory.Middleware(nil))
package asynqstory

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/dynamoslog/dynamoslog"
)

// Options are the options of [Middleware], which may be nil. A zero field stands for its
// default.
type Options struct {
	// Logger logs the closing line of each attempt; slog.Default() by default, as it is when
	// the attempt ends. Its handler should be a [dynamoslog.Handler].
	Logger *slog.Logger
	// Skip leaves tasks out. None by default.
	Skip func(*asynq.Task) bool
	// Level is that of the closing line of an attempt that has returned an error other than
	// those by which a task controls what becomes of it; Error by default.
	Level func(error) slog.Level
}

// Middleware returns a middleware for an asynq.ServeMux, or around another asynq.Handler: the
// task 7f3k of the type mail:send is the story mail-send_7f3k, and each attempt another one
// of it, unless the handler names something else by Scope.Rekey. The header has the queue,
// how often the task was retried before, and the ids of the request and the trace in the
// task's headers, as x-request-id and traceparent: see [NewTask].
//
// The closing line is "done"; "revoked", at Info, for asynq.RevokeTask; "archived", at Warn,
// for asynq.SkipRetry; "cancelled", at Warn, where the server stops and ends the task's
// context; "failed", at Error; or a panic, which asynq recovers.
func Middleware(opts *Options) asynq.MiddlewareFunc {
	var o Options
	if opts != nil {
		o = *opts
	}
	return func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) (err error) {
			if o.Skip != nil && o.Skip(task) {
				return next.ProcessTask(ctx, task)
			}
			id, _ := asynq.GetTaskID(ctx)
			queue, _ := asynq.GetQueueName(ctx)
			retried, _ := asynq.GetRetryCount(ctx)
			most, _ := asynq.GetMaxRetry(ctx)
			ctx, request := dynamoslog.BeginRequest(ctx, task.Type(), id, &dynamoslog.RequestOptions{
				Attrs:  []slog.Attr{slog.String("queue", queue), slog.Int("retried", retried), slog.Int("max_retry", most)},
				Header: func(name string) string { return task.Headers()[strings.ToLower(name)] },
				Logger: o.Logger,
				Own:    true,
			})
			request.Guard(func() { err = next.ProcessTask(ctx, task) })
			request.Finish(o.outcome(ctx, err))
			return err
		})
	}
}

func (o *Options) outcome(ctx context.Context, err error) dynamoslog.Outcome {
	switch {
	case errors.Is(err, asynq.RevokeTask):
		return dynamoslog.Outcome{Message: "revoked", Level: slog.LevelInfo, Err: err}
	case errors.Is(err, asynq.SkipRetry):
		return dynamoslog.Outcome{Message: "archived", Level: slog.LevelWarn, Err: err}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return dynamoslog.Outcome{Message: "cancelled", Level: slog.LevelWarn, Err: context.Cause(ctx)}
	case err != nil && o.Level != nil:
		return dynamoslog.Outcome{Level: o.Level(err), Err: err}
	}
	return dynamoslog.Outcome{Err: err}
}

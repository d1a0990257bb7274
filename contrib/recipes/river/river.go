// Package river tells a story per job of river, by hand; contrib/riverstory knows more of it:
//
//	h := dynamoslog.New(store, &dynamoslog.Options{ErrorLevel: river.ErrorLevel})
//	config.Middleware = []rivertype.Middleware{&river.Stories{Handler: h}}
package river

import (
	"context"
	"errors"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/dynamoslog/dynamoslog"
)

// Stories is a middleware of river's workers: the job 42 of the kind newsletter is the
// story newsletter_42, and each attempt another one of it.
type Stories struct {
	river.MiddlewareDefaults
	Handler *dynamoslog.Handler
}

// Work implements rivertype.WorkerMiddleware.
func (s *Stories) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	return s.Handler.Run(ctx, job.Kind, job.ID, func(ctx context.Context) error {
		dynamoslog.FromContext(ctx).Set(slog.String("queue", job.Queue), slog.Int("attempt", job.Attempt))
		return work(ctx)
	})
}

// ErrorLevel is the level of a job that has returned an error: a job that is put off has
// not failed, and one that is cancelled is not tried again.
func ErrorLevel(err error) slog.Level {
	if snooze := (*rivertype.JobSnoozeError)(nil); errors.As(err, &snooze) {
		return slog.LevelInfo
	}
	if cancel := (*rivertype.JobCancelError)(nil); errors.As(err, &cancel) {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// Package riverstory tells a story per attempt of a job of river, and has a line in the story
// of who inserts jobs:
//
//	config.Middleware = []rivertype.Middleware{riverstory.Middleware(nil)}
package riverstory

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"

	"github.com/riverqueue/river/rivertype"

	"github.com/dynamoslog/dynamoslog"
)

// Options are the options of [Middleware], which may be nil. A zero field stands for its
// default.
type Options struct {
	// Logger logs the closing line of each attempt; slog.Default() by default, as it is when
	// the attempt ends. Its handler should be a [dynamoslog.Handler].
	Logger *slog.Logger
	// Skip leaves attempts out. None by default.
	Skip func(*rivertype.JobRow) bool
	// Level is that of the closing line of an attempt that has returned an error other than
	// those by which a job controls what becomes of it; Error by default.
	Level func(error) slog.Level
}

// Middleware returns a middleware of river's workers, which is one of insertions too: the job 42 of the kind newsletter is
// the story newsletter_42, and each attempt another one of it, unless the worker names
// something else by Scope.Rekey. The header has the queue, the attempt, and the ids of the
// request and the trace that stand in the job's metadata, as x-request-id and traceparent.
//
// The closing line is "done"; "snoozed", at Info; "cancelled", at Warn, also where the client
// stops and ends the job's context; "failed", at Error; or a panic, which river recovers.
//
// Jobs that are inserted within a story, with its context, have its trace in their metadata,
// as traceparent, unless something stands there. A line of who inserts them says so:
// "inserted newsletter", with their number where there are several, the error, the time
// that it took and the span that the stories of the jobs name as their parent.
func Middleware(opts *Options) rivertype.WorkerMiddleware {
	m := &middleware{}
	if opts != nil {
		m.Options = *opts
	}
	return m
}

type middleware struct{ Options }

// IsMiddleware implements rivertype.Middleware.
func (*middleware) IsMiddleware() bool { return true }

// Work implements rivertype.WorkerMiddleware.
func (m *middleware) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) (err error) {
	if m.Skip != nil && m.Skip(job) {
		return work(ctx)
	}
	ctx, request := dynamoslog.BeginRequest(ctx, job.Kind, job.ID, &dynamoslog.RequestOptions{
		Attrs:  []slog.Attr{slog.String("queue", job.Queue), slog.Int("attempt", job.Attempt), slog.Int("max_attempts", job.MaxAttempts)},
		Header: metadata(job.Metadata),
		Logger: m.Logger,
		Own:    true,
	})
	request.Guard(func() { err = work(ctx) })
	request.Finish(m.outcome(ctx, err))
	return err
}

// metadata returns a lookup of what stands in a job's metadata, in lower case.
func metadata(text []byte) func(string) string {
	var values map[string]any
	_ = json.Unmarshal(text, &values) // what is none has no ids
	return func(name string) string {
		value, _ := values[strings.ToLower(name)].(string)
		return value
	}
}

func (m *middleware) outcome(ctx context.Context, err error) dynamoslog.Outcome {
	snoozed, cancelled := (*rivertype.JobSnoozeError)(nil), (*rivertype.JobCancelError)(nil)
	switch {
	case errors.As(err, &snoozed):
		return dynamoslog.Outcome{Message: "snoozed", Attrs: []slog.Attr{slog.Duration("snoozed", snoozed.Duration)}}
	case errors.As(err, &cancelled):
		return dynamoslog.Outcome{Message: "cancelled", Level: slog.LevelWarn, Err: err}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return dynamoslog.Outcome{Message: "cancelled", Level: slog.LevelWarn, Err: context.Cause(ctx)}
	case err != nil && m.Level != nil:
		return dynamoslog.Outcome{Level: m.Level(err), Err: err}
	}
	return dynamoslog.Outcome{Err: err}
}

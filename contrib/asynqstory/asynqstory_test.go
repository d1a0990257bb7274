package asynqstory_test

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
	"github.com/dynamoslog/dynamoslog/contrib/asynqstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// A queue whose tasks do as work says, with a store of what it tells.
type queue struct {
	t      testing.TB
	h      *dynamoslog.Handler
	store  *story.Memory
	server *asynq.Server
	client *asynq.Client
	ended  chan struct{} // has a value for each attempt that has ended
}

func start(t testing.TB, opts asynqstory.Options, work func(ctx context.Context, logger *slog.Logger, ends string) error) *queue {
	q := &queue{t: t, store: story.NewMemory(), ended: make(chan struct{}, 100)}
	q.h = dynamoslog.New(q.store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	opts.Logger = slog.New(q.h)
	mux := asynq.NewServeMux()
	mux.Use(func(next asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
			defer func() { q.ended <- struct{}{} }()
			return next.ProcessTask(ctx, task)
		})
	}, asynqstory.Middleware(&opts))
	mux.HandleFunc("mail:send", func(ctx context.Context, task *asynq.Task) error {
		return work(ctx, opts.Logger, string(task.Payload()))
	})
	redis := asynq.RedisClientOpt{Addr: miniredis.RunT(t).Addr()}
	q.server = asynq.NewServer(redis, asynq.Config{
		Concurrency: 1, LogLevel: asynq.FatalLevel, ShutdownTimeout: time.Millisecond,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
	})
	if err := q.server.Start(mux); err != nil {
		t.Fatal(err)
	}
	q.client = asynq.NewClient(redis)
	t.Cleanup(func() {
		q.server.Shutdown()
		if err := errors.Join(q.client.Close(), q.h.Close()); err != nil {
			t.Error(err)
		}
	})
	return q
}

func (q *queue) add(ends string, opts ...asynq.Option) string {
	q.t.Helper()
	task, err := q.client.Enqueue(asynq.NewTask("mail:send", []byte(ends), opts...))
	if err != nil {
		q.t.Fatal(err)
	}
	return task.ID
}

func (q *queue) read(id string) (story.Story, string) {
	q.t.Helper()
	if err := q.h.Flush(context.Background()); err != nil {
		q.t.Fatal(err)
	}
	s, err := q.store.Read(context.Background(), story.NewKey("mail:send", id), "")
	if err != nil {
		q.t.Fatal(err)
	}
	for i := range s.Lines {
		s.Lines[i].Offset, s.Lines[i].Depth, s.Lines[i].Up = 0, 0, 0
		s.Lines[i].Message, _, _ = strings.Cut(s.Lines[i].Message, "\n")
	}
	return s, strings.ReplaceAll(story.Format(s.Lines), "+0.000 ", "")
}

// Tasks of a queue that ends each in another way.
func TestTasks(t *testing.T) {
	q := start(t, asynqstory.Options{}, func(ctx context.Context, logger *slog.Logger, ends string) error {
		logger.InfoContext(ctx, "Writing")
		logger.Info("without a context")
		switch ends {
		case "never":
			return fmt.Errorf("nobody reads it: %w", asynq.SkipRetry)
		case "revoked":
			return fmt.Errorf("it was sent: %w", asynq.RevokeTask)
		case "badly":
			return errors.New("the mail server is gone")
		case "in panic":
			panic("no ink")
		}
		return nil
	})
	for _, c := range []struct{ ends, last string }{
		{"well", "I done\n"},
		{"never", "W archived\terror=\"nobody reads it: skip retry for the task\"\n"},
		{"revoked", "I revoked\terror=\"it was sent: revoke task\"\n"},
		{"badly", "E failed\terror=\"the mail server is gone\"\n"},
		{"in panic", "E panic: no ink\n"},
	} {
		id := q.add(c.ends)
		<-q.ended
		s, got := q.read(id)
		if want := "I Writing\nI without a context\n" + c.last; got != want || s.State != story.Sealed {
			t.Errorf("%s: got %s\n%swant\n%s", c.ends, s.State, got, want)
		}
		if s.Attrs["queue"] != "default" || s.Attrs["retried"] != "0" || s.Attrs["max_retry"] != "25" {
			t.Errorf("%s: the header has %v", c.ends, s.Attrs)
		}
	}
}

// A server that stops ends what its tasks do.
func TestStop(t *testing.T) {
	entered := make(chan struct{}, 1)
	q := start(t, asynqstory.Options{}, func(ctx context.Context, _ *slog.Logger, _ string) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	id := q.add("stopped")
	<-entered
	q.server.Shutdown()
	<-q.ended
	if _, got := q.read(id); got != "W cancelled\terror=\"context canceled\"\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestOptions(t *testing.T) {
	q := start(t, asynqstory.Options{
		Skip:  func(task *asynq.Task) bool { return string(task.Payload()) == "well" },
		Level: func(error) slog.Level { return slog.LevelWarn },
	}, func(_ context.Context, _ *slog.Logger, ends string) error {
		if ends == "well" {
			return nil
		}
		return errors.New("boom")
	})
	q.add("well")
	<-q.ended
	id := q.add("badly")
	<-q.ended
	if _, got := q.read(id); got != "W failed\terror=boom\n" {
		t.Errorf("got\n%s", got)
	}
	n := 0
	for range story.All(t.Context(), q.store, story.Query{Kind: "mail-send"}) {
		n++
	}
	if n != 1 {
		t.Errorf("there are %d stories", n)
	}
}

func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

// A task names the line of the story that has made it.
func TestNewTask(t *testing.T) {
	q := start(t, asynqstory.Options{}, func(context.Context, *slog.Logger, string) error { return nil })
	logger := slog.New(q.h)
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	task, span := asynqstory.NewTask(ctx, "mail:send", nil, map[string]string{"x-request-id": "req-1"})
	logger.InfoContext(ctx, "queued", span)
	scope.End()
	info, err := q.client.EnqueueContext(ctx, task)
	if err != nil {
		t.Fatal(err)
	}
	<-q.ended
	s, _ := q.read(info.ID)
	from, err := q.store.Read(t.Context(), story.NewKey("user", "42"), "")
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := from.Lines[0].Attr("span_id")
	if len(sent) != 16 || s.Attrs["parent_span"] != sent || s.Attrs["trace_id"] != from.Attrs["trace_id"] || s.Attrs["request_id"] != "req-1" {
		t.Errorf("the line has %q, the task %v, its maker %v", sent, s.Attrs, from.Attrs)
	}

	given := map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	if task, span := asynqstory.NewTask(ctx, "mail:send", nil, given); task.Headers()["traceparent"] != given["traceparent"] || !span.Equal(slog.Attr{}) {
		t.Errorf("given %v: %v, %v", given, task.Headers(), span)
	}
	if task, span := asynqstory.NewTask(t.Context(), "mail:send", nil, nil); len(task.Headers()) != 0 || !span.Equal(slog.Attr{}) {
		t.Errorf("beside any story: %v, %v", task.Headers(), span)
	}
}

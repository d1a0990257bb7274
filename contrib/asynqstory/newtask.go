package asynqstory

import (
	"context"
	"log/slog"
	"maps"

	"github.com/hibiken/asynq"

	"github.com/dynamoslog/dynamoslog"
)

// NewTask returns a task that takes along the trace of the story that the context carries, in
// its header traceparent; else it is as [asynq.NewTaskWithHeaders] makes it. The attribute,
// span_id, belongs on the line that tells of the task: the stories of its attempts name it as
// parent_span, and readers show them under that line. Beside any story it is the zero Attr,
// which handlers leave out.
//
//	task, span := asynqstory.NewTask(ctx, "mail:send", payload, nil)
//	info, err := client.EnqueueContext(ctx, task)
//	slog.InfoContext(ctx, "mail is queued", "error", err, span)
//
// Headers may be nil; they are copied, and where they have a traceparent it stays.
func NewTask(ctx context.Context, kind string, payload []byte, headers map[string]string, opts ...asynq.Option) (*asynq.Task, slog.Attr) {
	var span slog.Attr
	if _, given := headers["traceparent"]; !given {
		span = dynamoslog.Inject(ctx, func(name, value string) {
			if headers = maps.Clone(headers); headers == nil {
				headers = make(map[string]string)
			}
			headers[name] = value
		})
	}
	return asynq.NewTaskWithHeaders(kind, payload, headers, opts...), span
}

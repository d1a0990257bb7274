package lambdastory

import (
	"context"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dynamoslog/dynamoslog"
)

// Record tells a story of its own of one record of a batch, within a handler of [Start] or
// [Wrap], and returns the error of fn:
//
//	for _, message := range event.Records {
//		err := lambdastory.Record(ctx, message, func(ctx context.Context) error { … })
//
// The story is orders_<id> for a message or an event of the queue or the stream orders,
// unless fn names something else by Scope.Rekey. Its header has function and request_id of
// the invocation, trace_id where the message carries one, and of a message how often it was
// received. The closing line is "done", "failed" with the error, or a panic, which goes on.
//
// The invocation then has a story only where it logs something itself, fails, or the
// handler's level is Debug: with how many records there were, and how many of them failed.
func Record[R events.SQSMessage | events.KinesisEventRecord](ctx context.Context, record R, fn func(context.Context) error) (err error) {
	source, id, opts := describe(record)
	inv := ofContext(ctx)
	if inv != nil {
		opts.Logger = inv.teller.logger
		opts.Attrs = append([]slog.Attr{slog.String("function", functionName()), slog.String("request_id", inv.id)}, opts.Attrs...)
		inv.records.Add(1)
	}
	ctx, request := dynamoslog.BeginRequest(ctx, source, id, &opts)
	request.Guard(func() { err = fn(ctx) })
	end := dynamoslog.Outcome{Err: err}
	if inv != nil && err != nil {
		inv.failed.Add(1)
		if level := inv.teller.opts.Level; level != nil {
			end.Level = level(err)
		}
	}
	request.Finish(end)
	return err
}

// describe returns the queue or stream that a record is of, its id, and what else it tells.
func describe(record any) (source, id string, opts dynamoslog.RequestOptions) {
	opts.Own = true
	switch r := record.(type) {
	case events.SQSMessage:
		source, id = r.EventSourceARN[strings.LastIndex(r.EventSourceARN, ":")+1:], r.MessageId
		opts.Attrs = []slog.Attr{slog.String("received", r.Attributes["ApproximateReceiveCount"])}
		opts.Header = func(name string) string {
			if strings.EqualFold(name, "X-Amzn-Trace-Id") {
				return r.Attributes["AWSTraceHeader"]
			}
			for key, value := range r.MessageAttributes {
				if strings.EqualFold(key, name) && value.StringValue != nil {
					return *value.StringValue
				}
			}
			return ""
		}
	case events.KinesisEventRecord:
		source, id = r.EventSourceArn[strings.LastIndex(r.EventSourceArn, "/")+1:], r.EventID
	}
	return source, id, opts
}

package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A made-up framework for remote procedure calls: what it hands to an interceptor.
type (
	rpcCall struct {
		Method   string
		Metadata map[string]string
		Peer     string
	}
	rpcNext  func(ctx context.Context, call *rpcCall) (reply any, err error)
	rpcError struct{ Code int }
)

func (e *rpcError) Error() string { return fmt.Sprintf("code %d", e.Code) }

// rpcCode returns the code that the framework sends for an error, as status.Code does.
func rpcCode(err error) int {
	var coded *rpcError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.Code
	}
	return 2 // Unknown
}

// An adapter for a framework of remote procedure calls that has interceptors, and recovers
// no panics.
func ExampleBeginRequest() {
	store := story.NewMemory()
	h := dynamoslog.New(store, exampleOptions)
	logger := slog.New(h)

	intercept := func(ctx context.Context, call *rpcCall, next rpcNext) (reply any, err error) {
		ctx, request := dynamoslog.BeginRequest(ctx, "rpc", call.Method, &dynamoslog.RequestOptions{
			Attrs:  []slog.Attr{slog.String("peer", call.Peer)},
			Header: func(name string) string { return call.Metadata[name] },
			Logger: logger,
			Crash:  true,
		})
		request.Guard(func() { reply, err = next(ctx, call) })
		request.Finish(dynamoslog.GRPCOutcome(rpcCode(err), err))
		return reply, err
	}

	call := &rpcCall{Method: "shop.Orders/Get", Peer: "10.0.0.7", Metadata: map[string]string{"X-Request-Id": "req-1"}}
	_, _ = intercept(context.Background(), call, func(ctx context.Context, _ *rpcCall) (any, error) {
		logger.InfoContext(ctx, "Looking for the order", "order", 93)
		return nil, &rpcError{Code: 5}
	})
	show(h, store, "rpc", "shop.Orders/Get")
	// Output:
	// rpc_shop.Orders/Get sealed
	// +0.000 I Looking for the order	order=93
	// +0.000 I gRPC 5 NotFound	grpc_status=5 error="code 5"
}

// An adapter for a queue: a story per message, also where messages come in batches that
// have a story themselves.
func ExampleBeginRequest_queue() {
	store := story.NewMemory()
	h := dynamoslog.New(store, exampleOptions)
	logger := slog.New(h)

	type message struct {
		Queue, Body string
		Attempt     int
		Headers     map[string]string
	}
	consume := func(ctx context.Context, m message, handle func(context.Context, string) error) (err error) {
		ctx, request := dynamoslog.BeginRequest(ctx, "queue", m.Queue, &dynamoslog.RequestOptions{
			Attrs:  []slog.Attr{slog.Int("attempt", m.Attempt)},
			Header: func(name string) string { return m.Headers[name] },
			Logger: logger,
			Own:    true,
		})
		request.Guard(func() { err = handle(ctx, m.Body) })
		end := dynamoslog.Outcome{Err: err}
		if err != nil && m.Attempt < 3 {
			end.Level, end.Message = slog.LevelWarn, "failed, to be tried again"
		}
		request.Finish(end)
		return err
	}

	_ = consume(context.Background(), message{Queue: "mails", Body: "hello", Attempt: 1}, func(ctx context.Context, body string) error {
		logger.InfoContext(ctx, "Sending the mail", "bytes", len(body))
		return errors.New("greylisted")
	})
	show(h, store, "queue", "mails")
	// Output:
	// queue_mails sealed
	// +0.000 I Sending the mail	bytes=5
	// +0.000 W failed, to be tried again	error=greylisted
}

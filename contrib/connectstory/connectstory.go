// Package connectstory tells a story per call that a service of Connect answers, and has a
// line in its caller's story for each call that a client makes, whatever of its three
// protocols they speak:
//
//	path, handler := shopconnect.NewOrdersHandler(orders, connect.WithInterceptors(connectstory.Interceptor(nil)))
//	client := shopconnect.NewOrdersClient(http.DefaultClient, url, connect.WithInterceptors(connectstory.Interceptor(nil)))
package connectstory

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/dynamoslog/dynamoslog"
)

// Options are the options of [Interceptor], which may be nil. A zero field stands for its
// default.
type Options struct {
	// Logger logs the closing line of each call, and a client's lines; slog.Default() by
	// default, as it is when the call ends. Its handler should be a [dynamoslog.Handler].
	Logger *slog.Logger
	// Skip leaves calls out, by their procedure, as in "grpc.health.v1.Health/Check". None by
	// default.
	Skip func(procedure string) bool
	// Level is that of a line about how a call has ended, whose code is 0 where it succeeded:
	// by default that of [dynamoslog.GRPCOutcome], and of a client's lines at most Warn, as it
	// is for the caller to say what the error means to it.
	Level func(connect.Code) slog.Level
}

// Interceptor returns an interceptor for handlers and clients.
//
// The story of a call that a handler answers is connect_shop.Orders/Get, unless the service
// names something else by Scope.Rekey. Its header has the procedure, the peer's address
// (without its port), the time that the client gave it as deadline, ids that the client sent
// in its headers, and the number of messages of a stream that were received and sent. Below a
// [dynamoslog.Middleware] it is the request's story, which is refined.
//
// A client's call is a line of the code that has made it: "called shop.Orders/Get: gRPC 0 OK",
// with the host, the deadline, the error and the time that it took.
func Interceptor(opts *Options) connect.Interceptor {
	o := new(interceptor)
	if opts != nil {
		o.Options = *opts
	}
	if o.Skip == nil {
		o.Skip = func(string) bool { return false }
	}
	return o
}

type interceptor struct{ Options }

// WrapUnary implements connect.Interceptor.
func (o *interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (reply connect.AnyResponse, err error) {
		procedure := procedure(r.Spec())
		switch {
		case o.Skip(procedure):
			return next(ctx, r)
		case r.Spec().IsClient:
			c := o.call(ctx, procedure, r.Peer(), r.Header())
			reply, err = next(ctx, r)
			if c.passes() { // the request may be used for another call
				r.Header().Del(traceparent)
			}
			c.end(err, unary)
			return reply, err
		}
		ctx, request := o.begin(ctx, procedure, r.Peer(), r.Header())
		request.Guard(func() { reply, err = next(ctx, r) })
		o.finish(ctx, request, err)
		return reply, err
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (o *interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		procedure := procedure(conn.Spec())
		if o.Skip(procedure) {
			return next(ctx, conn)
		}
		ctx, request := o.begin(ctx, procedure, conn.Peer(), conn.RequestHeader())
		counted := &handlerConn{StreamingHandlerConn: conn}
		request.Guard(func() { err = next(ctx, counted) })
		o.finish(ctx, request, err, counted.attrs()...)
		return err
	}
}

func procedure(spec connect.Spec) string { return strings.TrimPrefix(spec.Procedure, "/") }

func (o *interceptor) begin(ctx context.Context, procedure string, peer connect.Peer, header http.Header) (context.Context, *dynamoslog.Request) {
	attrs := []slog.Attr{slog.String("procedure", procedure), slog.String("peer", host(peer.Addr))}
	return dynamoslog.BeginRequest(ctx, "connect", procedure, &dynamoslog.RequestOptions{
		Attrs: append(attrs, deadline(ctx)...), Header: header.Get, Logger: o.Logger,
	})
}

// host returns an address without its port, which tells nothing.
func host(addr string) string {
	if colon := strings.LastIndexByte(addr, ':'); colon > 0 {
		return addr[:colon]
	}
	return addr
}

func deadline(ctx context.Context) []slog.Attr {
	if at, ok := ctx.Deadline(); ok {
		return []slog.Attr{slog.Duration("deadline", time.Until(at).Round(time.Millisecond))}
	}
	return nil
}

func (o *interceptor) finish(ctx context.Context, request *dynamoslog.Request, err error, attrs ...slog.Attr) {
	if err == nil {
		err = ctx.Err() // then the client has not got the reply
	}
	end := o.outcome(err)
	end.Attrs = append(end.Attrs, attrs...)
	request.Finish(end)
}

// outcome returns that of a call that ended with an error, by the code that Connect makes of
// it.
func (o *interceptor) outcome(err error) dynamoslog.Outcome {
	code := codeOf(err)
	if err != nil { // without what the code says already
		if text, found := strings.CutPrefix(err.Error(), code.String()+": "); found {
			err = errors.New(text)
		}
	}
	end := dynamoslog.GRPCOutcome(int(code), err)
	if o.Level != nil {
		end.Level = o.Level(code)
	}
	return end
}

func codeOf(err error) connect.Code {
	switch coded := (*connect.Error)(nil); {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.Code()
	case errors.Is(err, context.Canceled):
		return connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return connect.CodeDeadlineExceeded
	}
	return connect.CodeUnknown
}

// messages counts those of a stream.
type messages struct{ received, sent atomic.Int64 }

func (m *messages) attrs() []slog.Attr {
	return []slog.Attr{slog.Int64("received", m.received.Load()), slog.Int64("sent", m.sent.Load())}
}

func count(n *atomic.Int64, err error) error {
	if err == nil {
		n.Add(1)
	}
	return err
}

type handlerConn struct {
	connect.StreamingHandlerConn
	messages
}

func (c *handlerConn) Receive(m any) error {
	return count(&c.received, c.StreamingHandlerConn.Receive(m))
}
func (c *handlerConn) Send(m any) error { return count(&c.sent, c.StreamingHandlerConn.Send(m)) }

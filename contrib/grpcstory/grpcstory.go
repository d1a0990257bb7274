// Package grpcstory tells a story per gRPC call that a server of grpc-go answers, and has a
// line in its caller's story for each call that a client makes:
//
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(grpcstory.UnaryServerInterceptor(nil)),
//		grpc.ChainStreamInterceptor(grpcstory.StreamServerInterceptor(nil)))
//
//	conn, err := grpc.NewClient(target,
//		grpc.WithChainUnaryInterceptor(grpcstory.UnaryClientInterceptor(nil)),
//		grpc.WithChainStreamInterceptor(grpcstory.StreamClientInterceptor(nil)))
package grpcstory

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/dynamoslog/dynamoslog"
)

// Options are the options of the interceptors, which may be nil. A zero field stands for
// its default.
type Options struct {
	// Logger logs the closing line of each call, and a client's lines; slog.Default() by
	// default, as it is when the call ends. Its handler should be a [dynamoslog.Handler].
	Logger *slog.Logger
	// Skip leaves calls out, by their method, as in "grpc.health.v1.Health/Check". None by
	// default.
	Skip func(method string) bool
	// Level is that of a line about how a call has ended: by default that of
	// [dynamoslog.GRPCOutcome], and of a client's lines at most Warn, as it is for the caller
	// to say what the error means to it.
	Level func(codes.Code) slog.Level
}

// UnaryServerInterceptor returns an interceptor that tells the story of a call with one
// request and one reply: grpc_shop.Orders/Get, unless the service names something else by
// Scope.Rekey. Its header has the method, the peer's address (without its port), the time
// that the client gave it as deadline, and ids that the client sent in its metadata.
//
// A panic ends the story, which gets two seconds to be stored, as grpc-go recovers none:
// then it goes on. An interceptor that recovers belongs before this one.
func UnaryServerInterceptor(opts *Options) grpc.UnaryServerInterceptor {
	o := opts.orDefaults()
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
		method := strings.TrimPrefix(info.FullMethod, "/")
		if o.Skip(method) {
			return next(ctx, req)
		}
		ctx, request := o.begin(ctx, method)
		request.Guard(func() { reply, err = next(ctx, req) })
		o.finish(ctx, request, err)
		return reply, err
	}
}

// StreamServerInterceptor does so for calls that stream. Their header has the number of
// messages received and sent as well.
func StreamServerInterceptor(opts *Options) grpc.StreamServerInterceptor {
	o := opts.orDefaults()
	return func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
		method := strings.TrimPrefix(info.FullMethod, "/")
		if o.Skip(method) {
			return next(service, stream)
		}
		ctx, request := o.begin(stream.Context(), method)
		counted := &serverStream{ServerStream: stream, ctx: ctx}
		request.Guard(func() { err = next(service, counted) })
		o.finish(ctx, request, err, counted.attrs()...)
		return err
	}
}

func (o *Options) orDefaults() Options {
	var filled Options
	if o != nil {
		filled = *o
	}
	if filled.Skip == nil {
		filled.Skip = func(string) bool { return false }
	}
	return filled
}

func (o *Options) begin(ctx context.Context, method string) (context.Context, *dynamoslog.Request) {
	attrs := []slog.Attr{slog.String("method", method)}
	if p, ok := peer.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("peer", host(p.Addr.String())))
	}
	sent, _ := metadata.FromIncomingContext(ctx)
	return dynamoslog.BeginRequest(ctx, "grpc", method, &dynamoslog.RequestOptions{
		Attrs: append(attrs, deadline(ctx)...),
		Header: func(name string) string {
			return strings.Join(sent.Get(name), ",")
		},
		Logger: o.Logger,
		Crash:  true,
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

func (o *Options) finish(ctx context.Context, request *dynamoslog.Request, err error, attrs ...slog.Attr) {
	if err == nil {
		err = ctx.Err() // then the client has not got the reply
	}
	end := o.outcome(err)
	end.Attrs = append(end.Attrs, attrs...)
	request.Finish(end)
}

// outcome returns that of a call that ended with an error, by the code that grpc-go makes
// of it.
func (o *Options) outcome(err error) dynamoslog.Outcome {
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	if err != nil { // without what the code says already
		if text, found := strings.CutPrefix(err.Error(), "rpc error: code = "+s.Code().String()+" desc = "); found {
			err = errors.New(text)
		}
	}
	end := dynamoslog.GRPCOutcome(int(s.Code()), err)
	if o.Level != nil {
		end.Level = o.Level(s.Code())
	}
	return end
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

type serverStream struct {
	grpc.ServerStream
	messages
	ctx context.Context
}

func (s *serverStream) Context() context.Context { return s.ctx }
func (s *serverStream) RecvMsg(m any) error      { return count(&s.received, s.ServerStream.RecvMsg(m)) }
func (s *serverStream) SendMsg(m any) error      { return count(&s.sent, s.ServerStream.SendMsg(m)) }

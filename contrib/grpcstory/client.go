package grpcstory

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/dynamoslog/dynamoslog"
)

// UnaryClientInterceptor returns an interceptor that logs how a call has ended, as a line of
// the code that has made it: "called shop.Orders/Get: gRPC 0 OK", with the host, the
// deadline, the error, the time that it took and its span: the trace of the caller's story
// goes with the call in its metadata, as traceparent, unless that is there.
func UnaryClientInterceptor(opts *Options) grpc.UnaryClientInterceptor {
	o := opts.orDefaults()
	return func(ctx context.Context, fullMethod string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, calls ...grpc.CallOption) error {
		ctx, c := o.call(ctx, fullMethod, conn)
		err := invoke(ctx, fullMethod, req, reply, conn, calls...)
		c.end(err, "google.golang.org/grpc.(*ClientConn).Invoke")
		return err
	}
}

// StreamClientInterceptor does so for calls that stream, with the number of messages
// received and sent. Such a call ends when its last message or its error was received, or
// with its context.
func StreamClientInterceptor(opts *Options) grpc.StreamClientInterceptor {
	o := opts.orDefaults()
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, fullMethod string, open grpc.Streamer, calls ...grpc.CallOption) (grpc.ClientStream, error) {
		ctx, c := o.call(ctx, fullMethod, conn)
		stream, err := open(ctx, desc, conn, fullMethod, calls...)
		if err != nil {
			c.end(err, "google.golang.org/grpc.(*ClientConn).NewStream")
			return nil, err
		}
		s := &clientStream{ClientStream: stream, call: c, many: desc.ServerStreams}
		s.left = context.AfterFunc(ctx, func() { s.end(ctx.Err()) })
		return s, nil
	}
}

// A call is one that a client makes.
type call struct {
	options *Options
	ctx     context.Context
	method  string
	attrs   []slog.Attr
	span    slog.Attr // of the call; zero beside any story
	start   time.Time
}

func (o *Options) call(ctx context.Context, fullMethod string, conn *grpc.ClientConn) (context.Context, *call) {
	attrs := append([]slog.Attr{slog.String("host", conn.Target())}, deadline(ctx)...)
	c := &call{options: o, method: strings.TrimPrefix(fullMethod, "/"), attrs: attrs, start: time.Now()}
	if given, _ := metadata.FromOutgoingContext(ctx); len(given.Get("traceparent")) == 0 && !o.Skip(c.method) {
		c.span = dynamoslog.Inject(ctx, func(name, value string) { ctx = metadata.AppendToOutgoingContext(ctx, name, value) })
	}
	c.ctx = ctx
	return ctx, c
}

// end logs how the call has ended, as a line of whoever has called entry, by which grpc-go
// was entered.
func (c *call) end(err error, entry string, attrs ...slog.Attr) {
	if c.options.Skip(c.method) {
		return
	}
	end := c.options.outcome(err)
	level := end.Level.Level()
	if c.options.Level == nil {
		level = min(level, slog.LevelWarn)
	}
	logger := c.options.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if !logger.Enabled(c.ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, "called "+c.method+": "+end.Message, caller(entry))
	record.AddAttrs(c.attrs...)
	record.AddAttrs(end.Attrs...)
	record.AddAttrs(attrs...)
	if end.Err != nil {
		record.AddAttrs(slog.Any("error", end.Err))
	}
	record.AddAttrs(slog.Duration("took", time.Since(c.start).Round(time.Microsecond)), c.span)
	_ = logger.Handler().Handle(c.ctx, record)
}

// caller returns where the code below generated clients calls entry.
func caller(entry string) uintptr {
	var pcs [64]uintptr
	callers := pcs[:runtime.Callers(2, pcs[:])]
	inside := true
	for _, pc := range callers {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		switch {
		case frame.Function == entry:
			inside = false
		case !inside && !strings.HasSuffix(frame.File, ".pb.go") && !strings.HasPrefix(frame.Function, "google.golang.org/grpc."):
			return pc
		}
	}
	return 0
}

type clientStream struct {
	grpc.ClientStream
	messages
	call *call
	many bool        // messages may be received; else one
	left func() bool // stops what waits for the context's end
	once sync.Once
}

func (s *clientStream) SendMsg(m any) error { return count(&s.sent, s.ClientStream.SendMsg(m)) }

func (s *clientStream) RecvMsg(m any) error {
	err := count(&s.received, s.ClientStream.RecvMsg(m))
	if err != nil || !s.many {
		s.left()
		s.end(err)
	}
	return err
}

func (s *clientStream) end(err error) {
	s.once.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.call.end(err, receive, s.attrs()...)
	})
}

// receive is by what a stream's end is received.
const receive = "github.com/dynamoslog/dynamoslog/contrib/grpcstory.(*clientStream).RecvMsg"

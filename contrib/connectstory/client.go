package connectstory

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/dynamoslog/dynamoslog"
)

// By what clients are entered, where a call of theirs ends.
const (
	unary   = "connectrpc.com/connect.(*Client[" // and so on
	receive = "github.com/dynamoslog/dynamoslog/contrib/connectstory.(*clientConn).Receive"
	closing = "github.com/dynamoslog/dynamoslog/contrib/connectstory.(*clientConn).CloseResponse"
)

// WrapStreamingClient implements connect.Interceptor. A call ends when its error or its end
// was received, when it is closed, or with its context.
func (o *interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		if o.Skip(procedure(spec)) {
			return conn
		}
		c := &clientConn{StreamingClientConn: conn, call: o.call(ctx, procedure(spec), conn.Peer(), conn.RequestHeader())}
		c.left = context.AfterFunc(ctx, func() { c.end(ctx.Err(), receive) })
		return c
	}
}

const traceparent = "Traceparent"

// A call is one that a client makes.
type call struct {
	options   *interceptor
	ctx       context.Context
	procedure string
	attrs     []slog.Attr
	span      slog.Attr // of the call; zero beside any story
	start     time.Time
}

// call passes the trace of the caller's story on, unless the header has one.
func (o *interceptor) call(ctx context.Context, procedure string, peer connect.Peer, header http.Header) *call {
	attrs := append([]slog.Attr{slog.String("host", peer.Addr)}, deadline(ctx)...)
	c := &call{options: o, ctx: ctx, procedure: procedure, attrs: attrs, start: time.Now()}
	if header.Get(traceparent) == "" {
		c.span = dynamoslog.Inject(ctx, header.Set)
	}
	return c
}

// passes reports whether the call has put the trace of its caller's story into the header.
func (c *call) passes() bool { return !c.span.Equal(slog.Attr{}) }

// end logs how the call has ended, as a line of whoever has called entry.
func (c *call) end(err error, entry string, attrs ...slog.Attr) {
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
	record := slog.NewRecord(time.Now(), level, "called "+c.procedure+": "+end.Message, caller(entry))
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
	inside := true
	for _, pc := range pcs[:runtime.Callers(2, pcs[:])] {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		switch {
		case frame.Function == entry, strings.HasPrefix(frame.Function, unary):
			inside = false
		case !inside && !strings.HasSuffix(frame.File, ".connect.go") && !strings.HasPrefix(frame.Function, "connectrpc.com/connect."):
			return pc
		}
	}
	return 0
}

type clientConn struct {
	connect.StreamingClientConn
	messages
	call *call
	left func() bool // stops what waits for the context's end
	once sync.Once
}

func (c *clientConn) Send(m any) error { return count(&c.sent, c.StreamingClientConn.Send(m)) }

func (c *clientConn) Receive(m any) error {
	err := count(&c.received, c.StreamingClientConn.Receive(m))
	if err != nil {
		c.left()
		c.end(err, receive)
	}
	return err
}

func (c *clientConn) CloseResponse() error {
	err := c.StreamingClientConn.CloseResponse()
	c.left()
	c.end(err, closing)
	return err
}

func (c *clientConn) end(err error, entry string) {
	c.once.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		c.call.end(err, entry, c.attrs()...)
	})
}

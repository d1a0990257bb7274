package connectstory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/connectstory"
	"github.com/dynamoslog/dynamoslog/story"
)

type (
	text  = wrapperspb.StringValue
	empty = emptypb.Empty
)

// A server of one service, with clients and a store of what it tells.
type server struct {
	t      testing.TB
	h      *dynamoslog.Handler
	store  *story.Memory
	logger *slog.Logger
	unary  func(ctx context.Context, asked string) error
	get    *connect.Client[text, empty]
	talk   *connect.Client[text, empty]
	put    *connect.Client[text, empty]
	ended  chan struct{} // has a value for each request that has ended
}

func serve(t testing.TB, opts connectstory.Options, around func(*slog.Logger, http.Handler) http.Handler, protocol ...connect.ClientOption) *server {
	s := &server{t: t, store: story.NewMemory(), ended: make(chan struct{}, 100), unary: func(context.Context, string) error { return nil }}
	s.h = dynamoslog.New(s.store, &dynamoslog.Options{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "took" || a.Key == "span_id" || a.Key == "host" || a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	s.logger = slog.New(s.h)
	opts.Logger = s.logger
	tells := connect.WithInterceptors(connectstory.Interceptor(&opts))
	mux := http.NewServeMux()
	mux.Handle("/shop.Orders/Get", connect.NewUnaryHandler("/shop.Orders/Get", func(ctx context.Context, r *connect.Request[text]) (*connect.Response[empty], error) {
		s.logger.Info("asked") // without a context
		return connect.NewResponse(new(empty)), s.unary(ctx, r.Msg.Value)
	}, tells))
	mux.Handle("/shop.Orders/Talk", connect.NewBidiStreamHandler("/shop.Orders/Talk", func(ctx context.Context, stream *connect.BidiStream[text, empty]) error {
		for {
			if _, err := stream.Receive(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			s.logger.InfoContext(ctx, "received")
			if err := errors.Join(stream.Send(new(empty)), stream.Send(new(empty))); err != nil {
				return err
			}
		}
	}, tells))
	mux.Handle("/shop.Orders/Put", connect.NewClientStreamHandler("/shop.Orders/Put", func(_ context.Context, stream *connect.ClientStream[text]) (*connect.Response[empty], error) {
		for stream.Receive() {
		}
		return connect.NewResponse(new(empty)), stream.Err()
	}, tells))
	var handler http.Handler = mux
	if around != nil {
		handler = around(s.logger, mux)
	}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { s.ended <- struct{}{} }()
		handler.ServeHTTP(w, r)
	}))
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.EnableHTTP2 = true
	web.StartTLS()
	protocol = append(protocol, tells)
	s.get = connect.NewClient[text, empty](web.Client(), web.URL+"/shop.Orders/Get", protocol...)
	s.talk = connect.NewClient[text, empty](web.Client(), web.URL+"/shop.Orders/Talk", protocol...)
	s.put = connect.NewClient[text, empty](web.Client(), web.URL+"/shop.Orders/Put", protocol...)
	t.Cleanup(func() {
		web.Close()
		if err := s.h.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// take returns the latest story of a key, and deletes it.
func (s *server) take(kind, id string) story.Story {
	s.t.Helper()
	if err := s.h.Flush(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.store.Read(context.Background(), story.NewKey(kind, id), "")
	if err == nil {
		err = s.store.Delete(context.Background(), got.Key, got.ID)
	}
	if err != nil {
		s.t.Fatal(kind, id, err)
	}
	return got
}

func (s *server) expect(got story.Story, want string) {
	s.t.Helper()
	for i := range got.Lines {
		got.Lines[i].Offset = 0
		got.Lines[i].Message, _, _ = strings.Cut(got.Lines[i].Message, "\n")
	}
	if text := strings.ReplaceAll(story.Format(got.Lines), "+0.000 ", ""); got.State != story.Sealed || text != want {
		s.t.Errorf("%s is %s\n%swant\n%s", got.Key, got.State, text, want)
	}
}

var protocols = map[string][]connect.ClientOption{
	"connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()},
}

// A call's last line is at a level by the code that the client gets.
func TestUnaryOutcomes(t *testing.T) {
	for name, protocol := range protocols {
		s := serve(t, connectstory.Options{}, nil, protocol...)
		s.unary = func(_ context.Context, asked string) error {
			switch asked {
			case "not found":
				return connect.NewError(connect.CodeNotFound, errors.New("no such order"))
			case "wrapped":
				return fmt.Errorf("reading: %w", connect.NewError(connect.CodeUnavailable, errors.New("no shelf")))
			case "plain":
				return errors.New("plain")
			case "cancelled":
				return fmt.Errorf("reading: %w", context.Canceled)
			case "late":
				return context.DeadlineExceeded
			case "panics":
				panic("no ink")
			}
			return nil
		}
		for asked, want := range map[string]struct {
			code connect.Code
			last string
		}{
			"":          {0, "I gRPC 0 OK\tgrpc_status=0"},
			"not found": {connect.CodeNotFound, "I gRPC 5 NotFound\tgrpc_status=5 error=\"no such order\""},
			"wrapped":   {connect.CodeUnavailable, "E gRPC 14 Unavailable\tgrpc_status=14 error=\"reading: unavailable: no shelf\""},
			"plain":     {connect.CodeUnknown, "E gRPC 2 Unknown\tgrpc_status=2 error=plain"},
			"cancelled": {connect.CodeCanceled, "I gRPC 1 Canceled\tgrpc_status=1 error=\"reading: context canceled\""},
			"late":      {connect.CodeDeadlineExceeded, "W gRPC 4 DeadlineExceeded\tgrpc_status=4 error=\"context deadline exceeded\""},
			"panics":    {1000, "E panic: no ink"},
		} {
			r := connect.NewRequest(&text{Value: asked})
			r.Header().Set("X-Request-Id", "req-1")
			r.Header().Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			_, err := s.get.CallUnary(t.Context(), r)
			if code := connect.CodeOf(err); err != nil && code != want.code && want.code != 1000 || (err != nil) != (want.code != 0) {
				t.Errorf("%s, %s: the client got %v", name, asked, err)
			}
			<-s.ended
			got := s.take("connect", "shop.Orders/Get")
			s.expect(got, "I asked\n"+want.last+"\n")
			if got.Attrs["procedure"] != "shop.Orders/Get" || got.Attrs["peer"] != "127.0.0.1" || got.Attrs["trace_id"] != "0af7651916cd43dd8448eb211c80319c" ||
				got.Attrs["request_id"] != "req-1" || got.Attrs["deadline"] != "" {
				t.Errorf("%s, %s: the header has %v", name, asked, got.Attrs)
			}
		}
	}
}

// Below the middleware of net/http the story is that of the request, with the error.
func TestBelowMiddleware(t *testing.T) {
	s := serve(t, connectstory.Options{}, func(logger *slog.Logger, next http.Handler) http.Handler {
		return dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(next)
	})
	s.unary = func(context.Context, string) error {
		return connect.NewError(connect.CodeInternal, errors.New("no shelf"))
	}
	_, _ = s.get.CallUnary(t.Context(), connect.NewRequest(new(text)))
	<-s.ended
	got := s.take("connect", "shop.Orders/Get")
	if last := got.Lines[len(got.Lines)-1]; len(got.Lines) != 2 || last.Message != "500 Internal Server Error" || last.Level != slog.LevelError ||
		!strings.HasSuffix(last.Attrs, `error="no shelf"`) || got.Attrs["status"] != "500" || got.Attrs["grpc_status"] != "13" {
		t.Errorf("got %v\n%s", got.Attrs, story.Format(got.Lines))
	}
}

// A service that does not look at its context answers nobody when the client has left.
func TestClientGone(t *testing.T) {
	s := serve(t, connectstory.Options{}, nil)
	entered := make(chan struct{})
	s.unary = func(ctx context.Context, _ string) error {
		close(entered)
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if _, err := s.get.CallUnary(ctx, connect.NewRequest(new(text))); connect.CodeOf(err) != connect.CodeCanceled {
		t.Errorf("the client got %v", err)
	}
	<-s.ended
	s.expect(s.take("connect", "shop.Orders/Get"), "I asked\nI gRPC 1 Canceled\tgrpc_status=1 error=\"context canceled\"\n")
}

func TestDeadline(t *testing.T) {
	s := serve(t, connectstory.Options{}, nil)
	s.unary = func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.get.CallUnary(ctx, connect.NewRequest(new(text))); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
		t.Errorf("the client got %v", err)
	}
	<-s.ended
	got := s.take("connect", "shop.Orders/Get")
	// Whether the server's clock or the client's word came first, nobody can tell.
	if last := got.Lines[len(got.Lines)-1]; last.Message != "gRPC 4 DeadlineExceeded" && last.Message != "gRPC 1 Canceled" {
		t.Errorf("the story ends with %s %s", last.Level, last.Message)
	}
	if left, err := time.ParseDuration(got.Attrs["deadline"]); err != nil || left <= 0 || left > 100*time.Millisecond {
		t.Errorf("the header has the deadline %q", got.Attrs["deadline"])
	}
}

// order is where the lines of its calls belong.
func (s *server) order(ctx context.Context, calls func()) {
	s.logger.InfoContext(ctx, "ordering")
	calls()
}

// The lines of a client stand in its caller's story, where the calls are.
func TestStreamsAndClients(t *testing.T) {
	for _, protocol := range protocols {
		s := serve(t, connectstory.Options{}, nil, protocol...)
		s.unary = func(context.Context, string) error {
			return connect.NewError(connect.CodeInternal, errors.New("no shelf"))
		}
		ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
		s.order(ctx, func() {
			s.logger.InfoContext(ctx, "beside")
			_, _ = s.get.CallUnary(ctx, connect.NewRequest(new(text)))
			stream := s.talk.CallBidiStream(ctx)
			for range 3 {
				if err := stream.Send(new(text)); err != nil {
					t.Fatal(err)
				}
			}
			err := stream.CloseRequest()
			for err == nil {
				_, err = stream.Receive()
			}
			if err := stream.CloseResponse(); err != nil {
				t.Fatal(err)
			}
			input := s.put.CallClientStream(ctx)
			for range 2 {
				if err := input.Send(new(text)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := input.CloseAndReceive(); err != nil {
				t.Fatal(err)
			}
		})
		scope.End()
		for range 3 {
			<-s.ended
		}
		from := s.take("order", "1")
		s.expect(from, `I ordering
I   beside
W   called shop.Orders/Get: gRPC 13 Internal	grpc_status=13 error="no shelf"
I   called shop.Orders/Talk: gRPC 0 OK	grpc_status=0 received=6 sent=3
I   called shop.Orders/Put: gRPC 0 OK	grpc_status=0 received=1 sent=2
`)
		got := s.take("connect", "shop.Orders/Talk")
		s.expect(got, "I received\nI received\nI received\nI gRPC 0 OK\tgrpc_status=0 received=3 sent=6\n")
		if got.Attrs["trace_id"] != from.Attrs["trace_id"] || len(got.Attrs["parent_span"]) != 16 {
			t.Errorf("it is of %v, and its caller of %v", got.Attrs, from.Attrs)
		}
		if got.Attrs["received"] != "3" || got.Attrs["sent"] != "6" || got.Attrs["peer"] != "127.0.0.1" {
			t.Errorf("the header has %v", got.Attrs)
		}
		s.expect(s.take("connect", "shop.Orders/Put"), "I gRPC 0 OK\tgrpc_status=0 received=2 sent=1\n")
	}
}

// A request that is sent twice has a span of its own each time, and its header is left as it
// was; a trace that stands there already goes on as it is.
func TestRequestSentAgain(t *testing.T) {
	const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := serve(t, connectstory.Options{}, nil)
	called := func(header string) (trace, parent string) {
		t.Helper()
		ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
		defer scope.End()
		r := connect.NewRequest(new(text))
		if header != "" {
			r.Header().Set("Traceparent", header)
		}
		for range 2 {
			if _, err := s.get.CallUnary(ctx, r); err != nil {
				t.Fatal(err)
			}
			if got := r.Header().Get("Traceparent"); got != header {
				t.Errorf("after the call the header has %q, not %q", got, header)
			}
			<-s.ended
			story := s.take("connect", "shop.Orders/Get")
			if story.Attrs["parent_span"] == parent && header == "" {
				t.Errorf("both calls have the span %q", parent)
			}
			trace, parent = story.Attrs["trace_id"], story.Attrs["parent_span"]
		}
		return trace, parent
	}
	called("")
	if trace, parent := called(given); !strings.HasPrefix(given, "00-"+trace+"-"+parent) {
		t.Errorf("the trace is %q of span %q", trace, parent)
	}
}

// A stream that its client leaves ends with its context.
func TestStreamLeft(t *testing.T) {
	told := make(chan struct{})
	s := serve(t, connectstory.Options{Level: func(code connect.Code) slog.Level {
		told <- struct{}{}
		return slog.LevelDebug
	}}, nil)
	ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
	ctx, cancel := context.WithCancel(ctx)
	stream := s.talk.CallBidiStream(ctx)
	err := stream.Send(new(text))
	if err == nil {
		_, err = stream.Receive()
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-told
	_ = stream.CloseRequest() // which the server hears
	<-told
	<-s.ended
	_ = stream.CloseResponse() // waits until the end is told
	scope.End()
	got := s.take("order", "1")
	if last := got.Lines[0]; len(got.Lines) != 1 || last.Message != "called shop.Orders/Talk: gRPC 1 Canceled" || last.Level != slog.LevelDebug {
		t.Errorf("got\n%s", story.Format(got.Lines))
	}
	// The service may have read the end of the messages before it heard that the client left.
	if got := s.take("connect", "shop.Orders/Talk"); len(got.Lines) != 2 || got.Attrs["received"] != "1" {
		t.Errorf("got\n%s", story.Format(got.Lines))
	}
}

func TestSkip(t *testing.T) {
	s := serve(t, connectstory.Options{Skip: func(procedure string) bool { return strings.HasPrefix(procedure, "shop.Orders/") }}, nil)
	if _, err := s.get.CallUnary(t.Context(), connect.NewRequest(new(text))); err != nil {
		t.Fatal(err)
	}
	stream := s.talk.CallBidiStream(t.Context())
	if err := errors.Join(stream.Send(nil), stream.CloseRequest(), stream.CloseResponse()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-s.ended
	}
	if err := s.h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for header, err := range story.All(t.Context(), s.store, story.Query{}) {
		if err != nil || header.Key.Kind != "app" {
			t.Errorf("there is %v, %v", header.Key, err)
		}
	}
}

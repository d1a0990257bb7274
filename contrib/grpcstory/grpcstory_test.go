package grpcstory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/grpcstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// A service does as its clients tell it.
type service struct {
	pb.UnimplementedTestServiceServer
	logger *slog.Logger
	unary  func(ctx context.Context, asked string) error
}

func (s *service) UnaryCall(ctx context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	s.logger.Info("asked") // without a context
	return &pb.SimpleResponse{}, s.unary(ctx, string(r.GetPayload().GetBody()))
}

// FullDuplexCall answers each message by two.
func (s *service) FullDuplexCall(stream pb.TestService_FullDuplexCallServer) error {
	for {
		if _, err := stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		s.logger.InfoContext(stream.Context(), "received")
		for range 2 {
			if err := stream.Send(&pb.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
	}
}

func (s *service) StreamingInputCall(stream pb.TestService_StreamingInputCallServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return stream.SendAndClose(&pb.StreamingInputCallResponse{})
		}
	}
}

// A server of the service, with a client and a store of what it tells.
type server struct {
	t      testing.TB
	h      *dynamoslog.Handler
	store  *story.Memory
	logger *slog.Logger
	*service
	client pb.TestServiceClient
	told   chan struct{} // has a value for each unary call whose story has ended
}

func serve(t testing.TB, opts grpcstory.Options) *server {
	s := &server{t: t, store: story.NewMemory(), told: make(chan struct{}, 100)}
	s.h = dynamoslog.New(s.store, &dynamoslog.Options{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "took" || a.Key == "span_id" || a.Key == "host" || a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	s.logger = slog.New(s.h)
	opts.Logger = s.logger
	s.service = &service{logger: s.logger, unary: func(context.Context, string) error { return nil }}
	recoverer := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
		defer func() {
			if value := recover(); value != nil {
				err = status.Error(codes.Internal, "recovered")
			}
			s.told <- struct{}{}
		}()
		return next(ctx, req)
	}
	g := grpc.NewServer(
		grpc.ChainUnaryInterceptor(recoverer, grpcstory.UnaryServerInterceptor(&opts)),
		grpc.ChainStreamInterceptor(grpcstory.StreamServerInterceptor(&opts)))
	pb.RegisterTestServiceServer(g, s.service)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcstory.UnaryClientInterceptor(&opts)),
		grpc.WithChainStreamInterceptor(grpcstory.StreamClientInterceptor(&opts)))
	if err != nil {
		t.Fatal(err)
	}
	s.client = pb.NewTestServiceClient(conn)
	t.Cleanup(func() {
		_ = conn.Close()
		g.Stop()
		if err := errors.Join(<-ended, s.h.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// read returns the latest story of a key.
func (s *server) read(kind, id string) story.Story {
	s.t.Helper()
	if err := s.h.Flush(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.store.Read(context.Background(), story.NewKey(kind, id), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// text returns a story's lines, and what its header has to say.
func text(s story.Story) string {
	b := new(strings.Builder)
	for _, line := range s.Lines {
		line.Offset = 0
		message, _, _ := strings.Cut(line.Message, "\n")
		fmt.Fprintf(b, "%s%s %s", strings.Repeat("  ", line.Depth), line.Level, message)
		if line.Attrs != "" {
			fmt.Fprintf(b, " %s", line.Attrs)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *server) expect(got story.Story, want string) {
	s.t.Helper()
	if got.State != story.Sealed || text(got) != want {
		s.t.Errorf("got %s\n%swant\n%s", got.State, text(got), want)
	}
}

func asking(what string) *pb.SimpleRequest {
	return &pb.SimpleRequest{Payload: &pb.Payload{Body: []byte(what)}}
}

const unaryMethod = "grpc.testing.TestService/UnaryCall"

// A call's last line is at a level by the code that the client gets.
func TestUnaryOutcomes(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("", func(t *testing.T) {
		s := serve(t, grpcstory.Options{})
		s.unary = func(_ context.Context, asked string) error {
			switch asked {
			case "not found":
				return status.Error(codes.NotFound, "no such order")
			case "wrapped":
				return fmt.Errorf("reading: %w", status.Error(codes.Unavailable, "no shelf"))
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
			code codes.Code
			last string
		}{
			"":          {codes.OK, "INFO gRPC 0 OK grpc_status=0"},
			"not found": {codes.NotFound, `INFO gRPC 5 NotFound grpc_status=5 error="no such order"`},
			"wrapped":   {codes.Unavailable, `ERROR gRPC 14 Unavailable grpc_status=14 error="reading: rpc error: code = Unavailable desc = no shelf"`},
			"plain":     {codes.Unknown, "ERROR gRPC 2 Unknown grpc_status=2 error=plain"},
			"cancelled": {codes.Canceled, `INFO gRPC 1 Canceled grpc_status=1 error="reading: context canceled"`},
			"late":      {codes.DeadlineExceeded, `WARN gRPC 4 DeadlineExceeded grpc_status=4 error="context deadline exceeded"`},
			"panics":    {codes.Internal, "ERROR panic: no ink"},
		} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "req-"+asked[:min(len(asked), 3)],
				"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			_, err := s.client.UnaryCall(ctx, asking(asked))
			if status.Code(err) != want.code {
				t.Errorf("%s: the client got %v", asked, err)
			}
			got := s.read("grpc", unaryMethod)
			s.expect(got, "INFO asked\n"+want.last+"\n")
			if got.Attrs["method"] != unaryMethod || got.Attrs["peer"] != "127.0.0.1" || got.Attrs["trace_id"] != "0af7651916cd43dd8448eb211c80319c" ||
				got.Attrs["request_id"] != "req-"+asked[:min(len(asked), 3)] && asked != "not found" || got.Attrs["deadline"] != "" {
				t.Errorf("%s: the header has %v", asked, got.Attrs)
			}
			if err := s.store.Delete(t.Context(), got.Key, got.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A service that does not look at its context answers nobody when the client has left.
func TestClientGone(t *testing.T) {
	s := serve(t, grpcstory.Options{})
	entered, leave := make(chan struct{}), make(chan struct{})
	s.unary = func(ctx context.Context, _ string) error {
		close(entered)
		<-ctx.Done()
		<-leave
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if _, err := s.client.UnaryCall(ctx, asking("")); status.Code(err) != codes.Canceled {
		t.Errorf("the client got %v", err)
	}
	close(leave)
	<-s.told
	s.expect(s.read("grpc", unaryMethod), "INFO asked\nINFO gRPC 1 Canceled grpc_status=1 error=\"context canceled\"\n")
}

func TestDeadline(t *testing.T) {
	s := serve(t, grpcstory.Options{})
	s.unary = func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.client.UnaryCall(ctx, asking("")); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the client got %v", err)
	}
	<-s.told
	got := s.read("grpc", unaryMethod)
	// Whether the server's clock or the client's word came first, nobody can tell.
	if last := got.Lines[len(got.Lines)-1]; last.Message != "gRPC 4 DeadlineExceeded" && last.Message != "gRPC 1 Canceled" {
		t.Errorf("the story ends with %s %s", last.Level, last.Message)
	}
	if left, err := time.ParseDuration(got.Attrs["deadline"]); err != nil || left <= 0 || left > 50*time.Millisecond {
		t.Errorf("the header has the deadline %q", got.Attrs["deadline"])
	}
}

func (s *server) order(ctx context.Context, deep func()) {
	s.logger.InfoContext(ctx, "ordering")
	deep()
}

// The lines of a client stand in its caller's story, where the calls are.
func TestStreamsAndClients(t *testing.T) {
	s := serve(t, grpcstory.Options{})
	s.unary = func(context.Context, string) error { return status.Error(codes.Internal, "no shelf") }
	ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
	s.order(ctx, func() {
		s.logger.InfoContext(ctx, "beside")
		_, _ = s.client.UnaryCall(ctx, asking(""))
		stream, err := s.client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := stream.Send(&pb.StreamingOutputCallRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = stream.Recv()
		}
		input, err := s.client.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := input.Send(&pb.StreamingInputCallRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := input.CloseAndRecv(); err != nil {
			t.Fatal(err)
		}
	})
	scope.End()
	from := s.read("order", "1")
	for _, key := range []string{"UnaryCall", "FullDuplexCall", "StreamingInputCall"} {
		if got := s.read("grpc", "grpc.testing.TestService/"+key); got.Attrs["trace_id"] != from.Attrs["trace_id"] || len(got.Attrs["parent_span"]) != 16 {
			t.Errorf("%s is of %v, and its caller of %v", key, got.Attrs, from.Attrs)
		}
	}
	s.expect(from, `INFO ordering
  INFO beside
  WARN called grpc.testing.TestService/UnaryCall: gRPC 13 Internal grpc_status=13 error="no shelf"
  INFO called grpc.testing.TestService/FullDuplexCall: gRPC 0 OK grpc_status=0 received=6 sent=3
  INFO called grpc.testing.TestService/StreamingInputCall: gRPC 0 OK grpc_status=0 received=1 sent=2
`)
	got := s.read("grpc", "grpc.testing.TestService/FullDuplexCall")
	s.expect(got, "INFO received\nINFO received\nINFO received\nINFO gRPC 0 OK grpc_status=0 received=3 sent=6\n")
	if got.Attrs["received"] != "3" || got.Attrs["sent"] != "6" || got.Attrs["peer"] != "127.0.0.1" {
		t.Errorf("the header has %v", got.Attrs)
	}
	s.expect(s.read("grpc", "grpc.testing.TestService/StreamingInputCall"), "INFO gRPC 0 OK grpc_status=0 received=2 sent=1\n")
}

// A stream that its client leaves ends with its context, on both sides.
func TestStreamLeft(t *testing.T) {
	ended := make(chan struct{})
	s := serve(t, grpcstory.Options{Level: func(code codes.Code) slog.Level {
		if code == codes.Canceled {
			ended <- struct{}{}
		}
		return slog.LevelDebug
	}})
	ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.client.FullDuplexCall(ctx)
	if err == nil {
		err = stream.Send(&pb.StreamingOutputCallRequest{})
	}
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	<-ended
	for err == nil { // waits until the end is told
		_, err = stream.Recv()
	}
	scope.End()
	s.expect(s.read("order", "1"), "DEBUG called grpc.testing.TestService/FullDuplexCall: gRPC 1 Canceled grpc_status=1 received=1 sent=1 error=\"context canceled\"\n")
}

func TestSkip(t *testing.T) {
	s := serve(t, grpcstory.Options{Skip: func(method string) bool { return method == unaryMethod }})
	ctx, scope := dynamoslog.Begin(t.Context(), "order", 1)
	if _, err := s.client.UnaryCall(ctx, asking("")); err != nil {
		t.Fatal(err)
	}
	scope.End()
	if err := s.h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for header, err := range story.All(t.Context(), s.store, story.Query{}) {
		if err != nil || header.Key.Kind != "app" {
			t.Errorf("there is %v, %v", header.Key, err)
		}
	}
}

// Without an interceptor that recovers a panic ends the program, but the story is stored
// before.
func TestPanicIsStoredBeforeTheEnd(t *testing.T) {
	const env = "GRPCSTORY_TEST_PANIC"
	if os.Getenv(env) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicIsStoredBeforeTheEnd$")
		cmd.Env = append(os.Environ(), env+"=1")
		out, err := cmd.CombinedOutput()
		for _, want := range []string{"stored: asked\n", "stored: panic: no ink\n", "panic: no ink", "grpcstory_test.(*service).UnaryCall"} {
			if err == nil || !strings.Contains(string(out), want) {
				t.Errorf("%v without %q:\n%s", err, want, out)
			}
		}
		return
	}
	h := dynamoslog.New(printing{story.NewMemory()}, nil)
	slog.SetDefault(slog.New(h))
	g := grpc.NewServer(grpc.ChainUnaryInterceptor(grpcstory.UnaryServerInterceptor(nil)))
	pb.RegisterTestServiceServer(g, &service{logger: slog.Default(), unary: func(context.Context, string) error { panic("no ink") }})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = g.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = pb.NewTestServiceClient(conn).UnaryCall(t.Context(), asking(""))
	t.Fatal("the program goes on, and the client has got", err)
}

// A printing store says what it has.
type printing struct{ *story.Memory }

func (p printing) Put(ctx context.Context, parts []story.Part) error {
	if err := p.Memory.Put(ctx, parts); err != nil {
		return err
	}
	for _, part := range parts {
		for _, line := range story.Parse(part.Text) {
			message, _, _ := strings.Cut(line.Message, "\n")
			fmt.Println("stored:", message)
		}
	}
	return nil
}

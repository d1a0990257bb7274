package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A service does what it is asked for.
type service struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (service) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	slog.InfoContext(ctx, "Looking for the service")
	switch r.Service {
	case "panics":
		panic("no such shelf")
	case "unknown":
		return nil, status.Error(codes.NotFound, "there is none")
	case "broken":
		return nil, status.Error(codes.Unavailable, "no shelf")
	}
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

// recoverer answers for services that panic.
func recoverer(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	defer func() {
		if recover() != nil {
			err = status.Error(codes.Internal, "sorry")
		}
	}()
	return handler(ctx, req)
}

func TestCalls(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(h))
	server := newServer(service{}, recoverer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client := grpc_health_v1.NewHealthClient(conn)
	for _, c := range []struct {
		service string
		code    codes.Code
		status  string // on the header; a panic leaves none
		last    string // line, as far as it is fixed
	}{
		{"fine", codes.OK, "0", "INFO gRPC 0 OK"},
		{"unknown", codes.NotFound, "5", "INFO gRPC 5 NotFound"},
		{"broken", codes.Unavailable, "14", "ERROR gRPC 14 Unavailable"},
		{"panics", codes.Internal, "", "ERROR panic: no such shelf"},
	} {
		_, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: c.service})
		if status.Code(err) != c.code {
			t.Errorf("%s: the client got %v", c.service, err)
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("grpc", "/grpc.health.v1.Health/Check"), "")
		if err != nil || len(s.Lines) != 2 {
			t.Fatalf("%s: %v\n%s", c.service, err, story.Format(s.Lines))
		}
		last := s.Lines[1]
		if got := last.Level.String() + " " + last.Message; !strings.HasPrefix(got, c.last) || s.Attrs["grpc_status"] != c.status {
			t.Errorf("%s: the story ends with %q and grpc_status %q", c.service, got, s.Attrs["grpc_status"])
		}
		if err := store.Delete(t.Context(), s.Key, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	server.GracefulStop()
	if errs := []error{conn.Close(), <-served, h.Close()}; slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		t.Error(errs)
	}
}

package grpcstory_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/grpcstory"
	"github.com/dynamoslog/dynamoslog/story"
)

type shop struct {
	health.UnimplementedHealthServer
}

func (shop) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	slog.InfoContext(ctx, "Looking for the service", "service", r.Service)
	return nil, status.Error(codes.NotFound, "there is none")
}

// A server and its client, in one program here.
func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	slog.SetDefault(slog.New(h))

	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcstory.UnaryServerInterceptor(nil)),
		grpc.ChainStreamInterceptor(grpcstory.StreamServerInterceptor(nil)))
	health.RegisterHealthServer(server, shop{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	conn, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcstory.UnaryClientInterceptor(nil)),
		grpc.WithChainStreamInterceptor(grpcstory.StreamClientInterceptor(nil)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_ = h.Run(context.Background(), "job", "nightly", func(ctx context.Context) error {
		slog.InfoContext(ctx, "Ordering")
		_, _ = health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{Service: "orders"})
		return nil
	})

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	for _, key := range []story.Key{story.NewKey("job", "nightly"), story.NewKey("grpc", "grpc.health.v1.Health/Check")} {
		s, _ := store.Read(context.Background(), key, "")
		fmt.Printf("%s peer=%s\n%s", s.Key, s.Attrs["peer"], story.Format(s.Lines))
	}
	// Output:
	// job_nightly peer=
	// +0.000 I Ordering
	// +0.000 I called grpc.health.v1.Health/Check: gRPC 5 NotFound	grpc_status=5 error="there is none"
	// +0.000 I done
	// grpc_grpc.health.v1.Health/Check peer=127.0.0.1
	// +0.000 I Looking for the service	service=orders
	// +0.000 I gRPC 5 NotFound	grpc_status=5 error="there is none"
}

// withoutTimes leaves out what differs from run to run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" || a.Key == "span_id" || a.Key == "host" {
		return slog.Attr{}
	}
	return a
}

// Grpc is a gRPC service that tells a story per unary call, grpc_/grpc.health.v1.Health/Check,
// by hand; contrib/grpcstory knows streams and clients as well.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
)

func main() {
	store, err := sqlitestore.Open("stories.db")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h := dynamoslog.New(store, nil)
	slog.SetDefault(slog.New(h))

	server := newServer(health.NewServer())
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(stopped, func() {
		defer time.AfterFunc(5*time.Second, server.Stop).Stop() // calls that do not end
		server.GracefulStop()
	})
	listener, err := net.Listen("tcp", "localhost:8080")
	if err == nil {
		err = server.Serve(listener)
	}
	if err = errors.Join(err, h.Close(), store.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newServer(service grpc_health_v1.HealthServer, outside ...grpc.UnaryServerInterceptor) *grpc.Server {
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(append(outside, tells)...))
	grpc_health_v1.RegisterHealthServer(server, service)
	return server
}

// tells tells a story per call. gRPC does not recover panics, so that one ends the program
// unless an interceptor outside of this one recovers it.
func tells(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	ctx, request := dynamoslog.BeginRequest(ctx, "grpc", info.FullMethod, &dynamoslog.RequestOptions{Crash: true})
	request.Guard(func() { reply, err = handler(ctx, req) })           // a panic ends the story, and goes on
	request.Finish(dynamoslog.GRPCOutcome(int(status.Code(err)), err)) // "gRPC 5 NotFound", at a level by the code
	return reply, err
}

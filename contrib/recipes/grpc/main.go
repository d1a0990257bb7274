// Grpc is a gRPC service that tells a story per unary call, grpc_/grpc.health.v1.Health/Check.
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
	"google.golang.org/grpc/codes"
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
	h := dynamoslog.New(store, &dynamoslog.Options{ErrorLevel: levelOf})
	slog.SetDefault(slog.New(h))

	server := newServer(h, health.NewServer())
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

func newServer(h *dynamoslog.Handler, service grpc_health_v1.HealthServer) *grpc.Server {
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(recoverer, tells(h)))
	grpc_health_v1.RegisterHealthServer(server, service)
	return server
}

// tells tells a story per call. Its last line is "done" or what the call has failed with.
func tells(h *dynamoslog.Handler) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
		err = h.Run(ctx, "grpc", info.FullMethod, func(ctx context.Context) error {
			resp, err = next(ctx, req)
			dynamoslog.FromContext(ctx).Set(slog.String("grpc_status", status.Code(err).String()))
			return err
		})
		return resp, err
	}
}

// recoverer answers for services that panic. gRPC does not: without it a panic ends the
// program, after Run has given the story two seconds to be stored.
func recoverer(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if recover() != nil {
			err = status.Error(codes.Internal, "sorry")
		}
	}()
	return next(ctx, req)
}

// levelOf is the level of a call that has failed: Error only where the service is to blame.
func levelOf(err error) slog.Level {
	switch status.Code(err) {
	case codes.Unknown, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return slog.LevelError
	case codes.DeadlineExceeded, codes.ResourceExhausted:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

package connectstory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/connectstory"
	"github.com/dynamoslog/dynamoslog/story"
)

// A service and its client, in one program here; generated handlers and clients take the
// same options.
func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	slog.SetDefault(slog.New(h))
	tells := connect.WithInterceptors(connectstory.Interceptor(nil))

	mux := http.NewServeMux()
	mux.Handle("/shop.Orders/Get", connect.NewUnaryHandler("/shop.Orders/Get",
		func(ctx context.Context, r *connect.Request[wrapperspb.Int64Value]) (*connect.Response[emptypb.Empty], error) {
			slog.InfoContext(ctx, "Looking for the order", "order", r.Msg.Value)
			return nil, connect.NewError(connect.CodeNotFound, errors.New("there is none"))
		}, tells))
	server := httptest.NewServer(mux)

	client := connect.NewClient[wrapperspb.Int64Value, emptypb.Empty](server.Client(), server.URL+"/shop.Orders/Get", tells)
	_ = h.Run(context.Background(), "job", "nightly", func(ctx context.Context) error {
		slog.InfoContext(ctx, "Ordering")
		_, _ = client.CallUnary(ctx, connect.NewRequest(wrapperspb.Int64(93)))
		return nil
	})

	server.Close()
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	for _, key := range []story.Key{story.NewKey("job", "nightly"), story.NewKey("connect", "shop.Orders/Get")} {
		s, _ := store.Read(context.Background(), key, "")
		fmt.Printf("%s peer=%s\n%s", s.Key, s.Attrs["peer"], story.Format(s.Lines))
	}
	// Output:
	// job_nightly peer=
	// +0.000 I Ordering
	// +0.000 I called shop.Orders/Get: gRPC 5 NotFound	grpc_status=5 error="there is none"
	// +0.000 I done
	// connect_shop.Orders/Get peer=127.0.0.1
	// +0.000 I Looking for the order	order=93
	// +0.000 I gRPC 5 NotFound	grpc_status=5 error="there is none"
}

// withoutTimes leaves out what differs from run to run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" || a.Key == "span_id" || a.Key == "host" {
		return slog.Attr{}
	}
	return a
}

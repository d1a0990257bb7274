package lambdastory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdaurl"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/lambdastory"
)

// The variables of a process that is a function, and no test.
const (
	functionEnv = "LAMBDASTORY_FUNCTION" // its name in functions
	tableEnv    = "LAMBDASTORY_TABLE"
	journalEnv  = "LAMBDASTORY_JOURNAL"
	patienceEnv = "LAMBDASTORY_PATIENCE" // the default one where it is empty
)

func TestMain(m *testing.M) {
	if f := functions[os.Getenv(functionEnv)]; f != nil {
		h := dynamoslog.New(&dynamoslog.Table{Name: os.Getenv(tableEnv)}, &dynamoslog.Options{Journal: os.Getenv(journalEnv)})
		slog.SetDefault(slog.New(h))
		f(h)
		return
	}
	os.Exit(m.Run())
}

func options() *lambdastory.Options {
	patience, _ := time.ParseDuration(os.Getenv(patienceEnv))
	return &lambdastory.Options{Patience: patience}
}

var functions = map[string]func(*dynamoslog.Handler){
	"start": func(h *dynamoslog.Handler) { lambdastory.Start(h, work, options()) },
	"connect": func(h *dynamoslog.Handler) {
		opts := options()
		opts.Store = &dynamoslog.Table{Name: os.Getenv(tableEnv)}
		lambdastory.Start(h, work, opts)
	},
	"wrap":  func(h *dynamoslog.Handler) { lambda.Start(lambdastory.Wrap(h, work, options())) },
	"batch": func(h *dynamoslog.Handler) { lambdastory.Start(h, batch, options()) },
	"stream": func(h *dynamoslog.Handler) {
		lambdastory.Start(h, lambdaurl.Wrap(lambdastory.WrapHTTP(h, site(), options())), options())
	},
	"site": func(h *dynamoslog.Handler) { lambdaurl.Start(lambdastory.WrapHTTP(h, site(), options())) },
	"api":  func(h *dynamoslog.Handler) { lambdastory.Start(h, api, options()) },
}

type order struct {
	ID  int
	End string
}

// work ends as it is told.
func work(ctx context.Context, o order) (string, error) {
	slog.InfoContext(ctx, "Packing the order", "order", o.ID)
	slog.Info("without a context")
	switch o.End {
	case "error":
		return "", errors.New("no such product")
	case "panic":
		panic("out of boxes")
	case "sleep":
		<-ctx.Done()
		select {} // until the process is killed
	}
	return fmt.Sprintf("packed %d", o.ID), nil
}

func batch(ctx context.Context, event events.SQSEvent) (failed events.SQSEventResponse, _ error) {
	for _, message := range event.Records {
		err := lambdastory.Record(ctx, message, func(ctx context.Context) error {
			slog.InfoContext(ctx, "Packing", "order", message.Body)
			if message.Body == "bad" {
				return errors.New("no such order")
			}
			return nil
		})
		if err != nil {
			failed.BatchItemFailures = append(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return failed, nil
}

// site answers at once, and goes on.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		for i := range 3 {
			slog.InfoContext(r.Context(), "Sending", "page", i)
			fmt.Fprintln(w, "page", i)
		}
		slog.InfoContext(r.Context(), "Sent")
	})
	return mux
}

func api(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	slog.InfoContext(ctx, "Looking for it")
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusNotFound, Body: "no such order"}, nil
}

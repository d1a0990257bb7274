package lambdastory_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/lambdastory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	logger := slog.New(h)
	handler := func(ctx context.Context, event events.SQSEvent) error {
		for _, message := range event.Records {
			err := lambdastory.Record(ctx, message, func(ctx context.Context) error {
				logger.InfoContext(ctx, "Packing the order", "order", message.Body)
				return charge(ctx, logger)
			})
			if err != nil {
				return err // SQS will send the messages once more
			}
		}
		return nil
	}

	// On Lambda: lambdastory.Start(h, handler, nil). Here it is invoked by hand.
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536"})
	_, err := lambda.NewHandler(lambdastory.Wrap(h, handler, nil)).Invoke(ctx, []byte(`{"Records":[
		{"messageId": "59af1", "body": "93", "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:parcels", "attributes": {"ApproximateReceiveCount": "2"}}]}`))
	fmt.Println("Lambda is told:", err)

	for _, key := range []story.Key{story.NewKey("parcels", "59af1"), story.NewKey("lambda", "function")} {
		s, err := store.Read(context.Background(), key, "")
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s request_id=%s received=%s\n%s", s.Key, s.Attrs["request_id"], s.Attrs["received"], story.Format(s.Lines))
	}
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Lambda is told: no money
	// parcels_59af1 request_id=8476a536 received=2
	// +0.000 I Packing the order	order=93
	// +0.000 I   Charging the customer	cents=1200
	// +0.000 E failed	error="no money"
	// lambda_function request_id=8476a536 received=
	// +0.000 E failed	records=1 failed=1 error="no money"
}

func charge(ctx context.Context, logger *slog.Logger) error {
	logger.InfoContext(ctx, "Charging the customer", "cents", 1200)
	return fmt.Errorf("no money")
}

func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

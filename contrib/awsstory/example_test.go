package awsstory_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/awsstory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-amzn-RequestId", "REQ-1")
		fmt.Fprint(w, "{}")
	}))
	defer server.Close()
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{Level: slog.LevelDebug, ReplaceAttr: withoutTimes})

	cfg := config(server.URL)                                  // or config.LoadDefaultConfig(ctx)
	awsstory.Add(&cfg, &awsstory.Options{Logger: slog.New(h)}) // or nil, for slog.Default()
	client := dynamodb.NewFromConfig(cfg)

	_ = h.Run(context.Background(), "job", "nightly", func(ctx context.Context) error {
		slog.New(h).InfoContext(ctx, "Looking for the item")
		_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("shop"), Key: key("1")})
		return err
	})

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("job", "nightly"), "")
	for i := range s.Lines {
		s.Lines[i].Offset = 0 // which differ from run to run, as took=4.2ms does
	}
	fmt.Print(story.Format(s.Lines))
	// Output:
	// +0.000 I Looking for the item
	// +0.000 D DynamoDB GetItem	status=200 request_id=REQ-1
	// +0.000 I done
}

// Bare is a function that tells no stories.
package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(ctx context.Context) (string, error) {
		slog.InfoContext(ctx, "Hello")
		return "hello", nil
	})
}

// Story is the same function with stories.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/lambdastory"
)

func main() {
	table := &dynamoslog.Table{Name: os.Getenv("LAMBDASTORY_TABLE")}
	h := dynamoslog.New(table, &dynamoslog.Options{
		Journal: os.Getenv("LAMBDASTORY_JOURNAL"),
	})
	slog.SetDefault(slog.New(h))
	lambdastory.Start(h, func(ctx context.Context) (string, error) {
		slog.InfoContext(ctx, "Hello")
		return "hello", nil
	}, &lambdastory.Options{Store: table})
}

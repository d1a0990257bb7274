// Beside is a program that logs JSON to standard output as before, and tells stories of
// the same records: one logger, two handlers. Nothing else of the program changes.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
)

func main() {
	store, err := sqlitestore.Open("stories.db") // or &dynamoslog.Table{Name: "app-logs"}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h := dynamoslog.New(store, nil)
	slog.SetDefault(slog.New(slog.NewMultiHandler(slog.NewJSONHandler(os.Stdout, nil), h)))

	ctx, scope := dynamoslog.Begin(context.Background(), "order", 93)
	slog.InfoContext(ctx, "Charging the card", "amount", 12.50)
	slog.WarnContext(ctx, "The bank asks for a second factor")
	scope.End()

	if err := h.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

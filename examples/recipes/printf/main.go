// Printf is a program whose code logs by package log: those lines stand in stories too.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

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
	slog.SetDefault(slog.New(h)) // log.Printf too writes to it from here on: to the program's story

	ctx, scope := dynamoslog.Begin(context.Background(), "import", "2026-11")
	slog.InfoContext(ctx, "Importing")
	// Code that takes a *log.Logger gets one that writes into the story.
	rows(slog.NewLogLogger(slog.New(h).With(scope.Attr()).Handler(), slog.LevelInfo))
	scope.End()

	if err := h.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := store.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// rows is code that knows nothing of stories. Where it ends the program by log.Fatal, that
// is on standard error at once, and everything is stored before.
func rows(logger *log.Logger) {
	for row := range 3 {
		logger.Printf("row %d", row)
	}
	if len(os.Args) > 1 {
		logger.Fatalf("what is %q?", os.Args[1])
	}
}

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
	slog.SetDefault(slog.New(h)) // package log writes to it as well, from here on

	ctx, scope := dynamoslog.Begin(context.Background(), "import", "2026-11")
	leave := scope.Enter() // as Run and the middleware do: log.Printf finds the story by the goroutine
	log.Print("Importing")
	rows(log.Default())
	leave()
	// On a goroutine of others, code that takes a *log.Logger gets one that writes there.
	rows(slog.NewLogLogger(slog.New(h).With(scope.Attr()).Handler(), slog.LevelInfo))
	slog.InfoContext(ctx, "Imported")
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

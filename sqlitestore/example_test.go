package sqlitestore_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "stories")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
	if err != nil {
		log.Fatal(err)
	}
	handler := dynamoslog.New(store, nil)
	ctx, scope := dynamoslog.Begin(context.Background(), "user", 42)
	slog.New(handler).InfoContext(ctx, "Starting workout generation", "phases", 3)
	scope.End()
	if err := handler.Close(); err != nil { // stores everything; then the store may be closed
		log.Print(err)
	}

	s, err := store.Read(context.Background(), story.NewKey("user", "42"), "")
	if err != nil {
		log.Print(err)
	}
	fmt.Println(s.Key, s.State, s.Lines[0].Message, s.Lines[0].Attrs)
	if err := store.Close(); err != nil {
		log.Print(err)
	}
	// Output: user_42 sealed Starting workout generation phases=3
}

package sqlstory_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/sqlstory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{Level: slog.LevelDebug, ReplaceAttr: withoutTimes})
	logger := slog.New(h)

	db, err := sqlstory.Open("sqlite", ":memory:", &sqlstory.Options{Logger: logger}) // or nil, for slog.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1)

	_ = h.Run(context.Background(), "job", "nightly", func(ctx context.Context) error {
		logger.InfoContext(ctx, "Counting")
		if _, err := db.ExecContext(ctx, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"); err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, "INSERT INTO items (name) VALUES ('a'), ('b')"); err != nil {
			return err
		}
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM items WHERE id > ?", 0).Scan(&n); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, "INSERT INTO items (name) VALUES (?)", "a")
		return err
	})

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("job", "nightly"), "")
	for i := range s.Lines {
		s.Lines[i].Offset = 0 // which differ from run to run, as took=152µs does
	}
	fmt.Print(story.Format(s.Lines))
	// Output:
	// +0.000 I Counting
	// +0.000 D CONNECT
	// +0.000 D CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)	rows=0
	// +0.000 D INSERT INTO items (name) VALUES ('…'), ('…')	rows=2
	// +0.000 D SELECT count(*) FROM items WHERE id > ?	rows=1
	// +0.000 E INSERT INTO items (name) VALUES (?)	error="constraint failed: UNIQUE constraint failed: items.name (2067)"
	// +0.000 E failed	error="constraint failed: UNIQUE constraint failed: items.name (2067)"
}

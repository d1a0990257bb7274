package riverstory_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/riverstory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	logger := slog.New(h)

	folder, err := os.MkdirTemp("", "river")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	db, err := sql.Open("sqlite", filepath.Join(folder, "river.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	silent := slog.New(slog.DiscardHandler)
	migrator, _ := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: silent})
	if _, err := migrator.Migrate(context.Background(), rivermigrate.DirectionUp, nil); err != nil {
		fmt.Println(err)
		return
	}

	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[newsletter]) error {
		logger.InfoContext(ctx, "Writing the newsletter")
		return river.JobSnooze(time.Hour)
	}))
	client, err := river.NewClient(riversqlite.New(db), &river.Config{
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}},
		Workers:    workers,
		Middleware: []rivertype.Middleware{riverstory.Middleware(&riverstory.Options{Logger: logger})}, // or nil, for slog.Default()
		Logger:     silent,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	events, _ := client.Subscribe(river.EventKindJobSnoozed)
	if err := client.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	_, _ = client.Insert(context.Background(), newsletter{}, nil)
	<-events
	_ = client.Stop(context.Background())

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("newsletter", "1"), "")
	fmt.Printf("%s queue=%s attempt=%s\n%s", s.Key, s.Attrs["queue"], s.Attrs["attempt"], story.Format(s.Lines))
	// Output:
	// newsletter_1 queue=default attempt=1
	// +0.000 I Writing the newsletter
	// +0.000 I snoozed	snoozed=1h0m0s
}

package river_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	_ "modernc.org/sqlite"

	"github.com/dynamoslog/dynamoslog"
	recipe "github.com/dynamoslog/dynamoslog/contrib/recipes/river"
	"github.com/dynamoslog/dynamoslog/story"
)

type newsletter struct {
	Ends string `json:"ends"`
}

func (newsletter) Kind() string { return "newsletter" }

// Jobs of a queue that ends each in another way.
func TestJobs(t *testing.T) {
	ctx := t.Context()
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{ErrorLevel: recipe.ErrorLevel})
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "river.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[newsletter]) error {
		slog.New(h).InfoContext(ctx, "Writing")
		switch job.Args.Ends {
		case "later":
			return river.JobSnooze(time.Hour)
		case "never":
			return river.JobCancel(errors.New("nobody reads it"))
		case "badly":
			return errors.New("the mail server is gone")
		case "in panic":
			panic("no ink")
		}
		return nil
	}))
	client, err := river.NewClient(driver, &river.Config{
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}},
		Workers:    workers,
		Middleware: []rivertype.Middleware{&recipe.Stories{Handler: h}},
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	events, cancel := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed, river.EventKindJobCancelled, river.EventKindJobFailed)
	defer cancel()
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ends, last string }{
		{"well", "INFO done"},
		{"later", "INFO done"},
		{"never", "WARN failed"},
		{"badly", "ERROR failed"},
		{"in panic", "ERROR panic: no ink"},
	} {
		inserted, err := client.Insert(ctx, newsletter{c.ends}, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-events
		if err := h.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(ctx, story.NewKey("newsletter", fmt.Sprint(inserted.Job.ID)), "")
		if err != nil || len(s.Lines) != 2 || s.Lines[0].Message != "Writing" || s.Attrs["queue"] != "default" || s.Attrs["attempt"] != "1" {
			t.Fatalf("%s: %v, %v\n%s", c.ends, err, s.Attrs, story.Format(s.Lines))
		}
		if got := s.Lines[1].Level.String() + " " + s.Lines[1].Message; !strings.HasPrefix(got, c.last) {
			t.Errorf("%s: the story ends with %q", c.ends, got)
		}
	}
	if err := errors.Join(client.Stop(ctx), h.Close()); err != nil {
		t.Error(err)
	}
}

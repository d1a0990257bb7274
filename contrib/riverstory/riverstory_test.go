package riverstory_test

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
	"github.com/dynamoslog/dynamoslog/contrib/riverstory"
	"github.com/dynamoslog/dynamoslog/story"
)

type newsletter struct {
	Ends string `json:"ends"`
}

func (newsletter) Kind() string { return "newsletter" }

// work starts a client whose jobs do as work says, and returns it with its events.
func work(t testing.TB, opts *riverstory.Options, work func(ctx context.Context, ends string) error) (*river.Client[*sql.Tx], <-chan *river.Event) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "river.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[newsletter]) error {
		return work(ctx, job.Args.Ends)
	}))
	client, err := river.NewClient(driver, &river.Config{
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}},
		Workers:    workers,
		Middleware: []rivertype.Middleware{riverstory.Middleware(opts)},
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	events, cancel := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed, river.EventKindJobCancelled, river.EventKindJobFailed)
	if err := client.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.StopAndCancel(context.Background()); err != nil {
			t.Error(err)
		}
		cancel()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return client, events
}

func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

func read(t testing.TB, h *dynamoslog.Handler, store story.Store, id int64) (story.Story, string) {
	t.Helper()
	if err := h.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(context.Background(), story.NewKey("newsletter", fmt.Sprint(id)), "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Lines {
		s.Lines[i].Offset, s.Lines[i].Depth, s.Lines[i].Up = 0, 0, 0
		s.Lines[i].Message, _, _ = strings.Cut(s.Lines[i].Message, "\n")
	}
	return s, strings.ReplaceAll(story.Format(s.Lines), "+0.000 ", "")
}

// Jobs of a queue that ends each in another way.
func TestJobs(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	defer h.Close()
	logger := slog.New(h)
	client, events := work(t, &riverstory.Options{Logger: logger}, func(ctx context.Context, ends string) error {
		logger.InfoContext(ctx, "Writing")
		logger.Info("without a context")
		switch ends {
		case "later":
			return river.JobSnooze(time.Hour)
		case "never":
			return fmt.Errorf("reading: %w", river.JobCancel(errors.New("nobody reads it")))
		case "badly":
			return errors.New("the mail server is gone")
		case "in panic":
			panic("no ink")
		}
		return nil
	})
	for _, c := range []struct{ ends, last string }{
		{"well", "I done\n"},
		{"later", "I snoozed\tsnoozed=1h0m0s\n"},
		{"never", "W cancelled\terror=\"reading: JobCancelError: nobody reads it\"\n"},
		{"badly", "E failed\terror=\"the mail server is gone\"\n"},
		{"in panic", "E panic: no ink\n"},
	} {
		inserted, err := client.Insert(t.Context(), newsletter{c.ends}, &river.InsertOpts{
			Metadata: []byte(`{"x-request-id": "req-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		<-events
		s, got := read(t, h, store, inserted.Job.ID)
		if want := "I Writing\nI without a context\n" + c.last; got != want || s.State != story.Sealed {
			t.Errorf("%s: got %s\n%swant\n%s", c.ends, s.State, got, want)
		}
		for name, want := range map[string]string{"queue": "default", "attempt": "1", "max_attempts": "25", "request_id": "req-1", "trace_id": "0af7651916cd43dd8448eb211c80319c"} {
			if s.Attrs[name] != want {
				t.Errorf("%s: %s is %q", c.ends, name, s.Attrs[name])
			}
		}
	}
}

// A client that stops ends what its jobs do.
func TestStop(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	defer h.Close()
	entered := make(chan struct{})
	client, _ := work(t, &riverstory.Options{Logger: slog.New(h)}, func(ctx context.Context, _ string) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	inserted, err := client.Insert(t.Context(), newsletter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := client.StopAndCancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, got := read(t, h, store, inserted.Job.ID); !strings.HasPrefix(got, "W cancelled\terror=") || strings.Count(got, "\n") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestOptions(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	defer h.Close()
	client, events := work(t, &riverstory.Options{
		Logger: slog.New(h),
		Skip:   func(job *rivertype.JobRow) bool { return strings.Contains(string(job.EncodedArgs), "well") },
		Level:  func(error) slog.Level { return slog.LevelWarn },
	}, func(_ context.Context, ends string) error {
		if ends == "well" {
			return nil
		}
		return errors.New("boom")
	})
	var last int64
	for _, ends := range []string{"well", "badly"} {
		inserted, err := client.Insert(t.Context(), newsletter{ends}, nil)
		if err != nil {
			t.Fatal(err)
		}
		last = inserted.Job.ID
		<-events
	}
	if _, got := read(t, h, store, last); got != "W failed\terror=boom\n" {
		t.Errorf("got\n%s", got)
	}
	n := 0
	for range story.All(t.Context(), store, story.Query{Kind: "newsletter"}) {
		n++
	}
	if n != 1 {
		t.Errorf("there are %d stories", n)
	}
}

// Jobs that a story inserts name the line that has inserted them.
func TestInsertedJobs(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	defer h.Close()
	logger := slog.New(h)
	client, events := work(t, &riverstory.Options{Logger: logger}, func(context.Context, string) error { return nil })

	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	logger.InfoContext(ctx, "Subscribing")
	const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if _, err := client.InsertMany(ctx, []river.InsertManyParams{
		{Args: newsletter{}, InsertOpts: &river.InsertOpts{Metadata: []byte(`{"for":"ada"}`)}},
		{Args: newsletter{}, InsertOpts: &river.InsertOpts{Metadata: []byte(`{"traceparent":"` + own + `"}`)}},
	}); err != nil {
		t.Fatal(err)
	}
	scope.End()
	<-events
	<-events
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	from, err := store.Read(t.Context(), story.NewKey("user", "42"), "")
	if err != nil || len(from.Lines) != 2 {
		t.Fatalf("%v\n%s", err, story.Format(from.Lines))
	}
	line := from.Lines[1]
	span, _ := line.Attr("span_id")
	if jobs, _ := line.Attr("jobs"); line.Message != "inserted newsletter" || line.Depth != 0 || jobs != "2" || len(span) != 16 {
		t.Errorf("got\n%s", story.Format(from.Lines))
	}
	for job, want := range map[string][2]string{
		"1": {from.Attrs["trace_id"], span},
		"2": {"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"},
	} {
		s, err := store.Read(t.Context(), story.NewKey("newsletter", job), "")
		if got := [2]string{s.Attrs["trace_id"], s.Attrs["parent_span"]}; err != nil || got != want {
			t.Errorf("job %s: got %v, %v, want %v", job, got, err, want)
		}
	}
}

package acceptance_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

func tellFifty(tb testing.TB, logger *slog.Logger, id int) {
	tb.Helper()
	ctx, scope := dynamoslog.Begin(tb.Context(), "user", id)
	logger.InfoContext(ctx, "Starting workout generation", "user", id)
	step := func(i int) {
		logger.WarnContext(ctx, fmt.Sprintf("No exercises available for filter %d of this user", i), "component", "flexibility", "tries", i*7%13)
	}
	for i := range 49 {
		step(i)
	}
	scope.End()
}

func TestTableIsAStore(t *testing.T) {
	table := handlertest.NewTable(t, &dynamoslog.Table{})
	storetest.Run(t, func(*testing.T) story.Store { return table })
}

func TestStoriesInDynamoDB(t *testing.T) {
	table := handlertest.NewTable(t, &dynamoslog.Table{})
	h := dynamoslog.New(table, nil)
	for i := range 60 {
		tellFifty(t, slog.New(h), i)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for header, err := range story.All(t.Context(), table, story.Query{Kind: "user", MinLevel: slog.LevelWarn}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		s, err := table.Read(t.Context(), header.Key, header.ID)
		if err != nil || len(s.Lines) != 50 || s.Lines[49].Depth != 1 || s.State != story.Sealed {
			t.Fatalf("got %+v, %v", s, err)
		}
	}
	if n != 60 {
		t.Errorf("got %d stories, want 60", n)
	}
	if units := h.Stats().WriteUnits; units < 60 || units > 4*60 {
		t.Errorf("%v write units for 60 stories of 50 lines, want at most 4 each", units)
	}
}

func TestTableIsMadeLater(t *testing.T) {
	table := &dynamoslog.Table{Name: dynamotest.TableName(t), Client: dynamotest.Start(t)}
	told := make(chan error, 10)
	h := dynamoslog.New(table, &dynamoslog.Options{OnError: func(err error) { told <- err }})
	tellFifty(t, slog.New(h), 1)
	if err := <-told; !errors.Is(err, dynamoslog.ErrNoTable) {
		t.Errorf("OnError: %v", err)
	}
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s, err := table.Read(t.Context(), story.NewKey("user", "1"), "")
	if err != nil || len(s.Lines) != 50 {
		t.Errorf("got %d lines, %v", len(s.Lines), err)
	}
}

// BenchmarkDynamoDB shows what a story of 50 lines consumes.
func BenchmarkDynamoDB(b *testing.B) {
	table := &dynamoslog.Table{Name: dynamotest.TableName(b), Client: dynamotest.Start(b)}
	if err := table.Create(b.Context()); err != nil {
		b.Fatal(err)
	}
	h := dynamoslog.New(table, nil)
	n := 0
	for b.Loop() {
		tellFifty(b, slog.New(h), n)
		n++
	}
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(h.Stats().WriteUnits/float64(n), "units/story")
}

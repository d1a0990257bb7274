package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// loss prints how many records of a burst arrive, where what takes them is quick and
// where every call takes a while.
func loss(out io.Writer) error {
	const records = 200_000
	var rows [][]string
	for _, delay := range []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond} {
		for _, c := range []struct {
			name  string
			burst func(int, time.Duration) (int64, error)
		}{
			{"OpenTelemetry, BatchProcessor", otelBurst},
			{oursName, storyBurst},
			{oursName + " with a journal", journalBurst},
		} {
			arrived, err := c.burst(records, delay)
			if err != nil {
				return err
			}
			rows = append(rows, []string{
				c.name, delay.String(), fmt.Sprint(records), fmt.Sprint(records - arrived),
				fmt.Sprintf("%.1f %%", 100*float64(records-arrived)/records),
			})
		}
	}
	printTable(out, []string{"a burst, then a clean shutdown", "a call takes", "records", "lost", ""}, rows)
	return nil
}

type slowExporter struct {
	delay   time.Duration
	arrived atomic.Int64
}

func (e *slowExporter) Export(_ context.Context, records []sdklog.Record) error {
	time.Sleep(e.delay)
	e.arrived.Add(int64(len(records)))
	return nil
}
func (e *slowExporter) Shutdown(context.Context) error   { return nil }
func (e *slowExporter) ForceFlush(context.Context) error { return nil }

func otelBurst(records int, delay time.Duration) (int64, error) {
	exporter := &slowExporter{delay: delay}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	logBurst(context.Background(), slog.New(otelslog.NewHandler("bench", otelslog.WithLoggerProvider(provider))), records)
	err := provider.Shutdown(context.Background())
	return exporter.arrived.Load(), err
}

type slowStore struct {
	countingStore
	delay time.Duration
}

func (s *slowStore) Put(ctx context.Context, parts []story.Part) error {
	time.Sleep(s.delay)
	return s.countingStore.Put(ctx, parts)
}

func storyBurst(records int, delay time.Duration) (int64, error) {
	return burstOf(records, delay, nil)
}

func journalBurst(records int, delay time.Duration) (int64, error) {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	return burstOf(records, delay, &dynamoslog.Options{Journal: dir})
}

func burstOf(records int, delay time.Duration, opts *dynamoslog.Options) (int64, error) {
	store := &slowStore{delay: delay}
	h := dynamoslog.New(store, opts)
	const lines = 50
	for i := range records / lines {
		ctx, scope := dynamoslog.Begin(context.Background(), "user", i)
		logBurst(ctx, slog.New(h), lines)
		scope.End()
	}
	err := h.Shutdown(context.Background())
	return store.lines.Load(), err
}

func logBurst(ctx context.Context, logger *slog.Logger, records int) {
	for i := range records {
		logger.LogAttrs(ctx, slog.LevelInfo, "No exercises available for current filter",
			slog.String("component", "flexibility"), slog.Int("tries", i%7), slog.Int("user", 42))
	}
}

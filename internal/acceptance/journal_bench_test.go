package acceptance_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
)

// BenchmarkJournalCost tells what a line costs without a journal, with it, and with a
// call of write(2) beside, in turns of a few milliseconds, so that all of them have the
// same share of whatever else the machine does. The figures are medians of the turns,
// and "more" that of the differences to the turn without a journal.
//
//	go test -run '^$' -bench BenchmarkJournalCost -benchtime 300x -count 10 ./internal/acceptance
func BenchmarkJournalCost(b *testing.B) {
	const lines = 4000 // a turn
	for _, goroutines := range []int{1, 8} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			loggers := map[string]*slog.Logger{}
			for _, kind := range []string{"memory", "journal", "write"} {
				loggers[kind] = slog.New(newHandler(b, kind))
			}
			times := map[string][]time.Duration{}
			for b.Loop() {
				for kind, logger := range loggers { // in random order
					times[kind] = append(times[kind], timed(func() {
						var all sync.WaitGroup
						for range goroutines {
							all.Go(func() { handlertest.LogLines(b.Context(), logger, lines/goroutines) })
						}
						all.Wait()
					})/lines)
				}
			}
			b.ReportMetric(0, "ns/op") // of a turn: of no interest
			for kind, took := range times {
				b.ReportMetric(float64(quantile(took, 0.5)), kind+"-ns/line")
				if kind != "memory" {
					more := slices.Clone(took)
					for i := range more {
						more[i] -= times["memory"][i]
					}
					b.ReportMetric(float64(quantile(more, 0.5)), kind+"-more-ns/line")
				}
			}
		})
	}
}

// newHandler returns a handler of a kind of BenchmarkHandle's, that ends with the benchmark.
func newHandler(b *testing.B, kind string) slog.Handler {
	b.Helper()
	opts := &dynamoslog.Options{}
	if kind == "journal" {
		opts.Journal = b.TempDir()
	}
	h := dynamoslog.New(handlertest.Discard{}, opts)
	b.Cleanup(func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	})
	if kind != "write" {
		return h
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "lines"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return handlertest.Written{Handler: h, File: file}
}

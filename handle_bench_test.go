package dynamoslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A discard store takes everything and keeps nothing.
type discard struct{ story.Store }

func (discard) Put(context.Context, []story.Part) error { return nil }

// A written handler writes each line to a file beside handing it on, as a journal
// without a mapping would.
type written struct {
	slog.Handler
	file *os.File
}

func (w written) Handle(ctx context.Context, r slog.Record) error {
	var buf [256]byte
	if _, err := w.file.Write(append(append(buf[:0], r.Message...), '\n')); err != nil {
		return err
	}
	return w.Handler.Handle(ctx, r)
}

// BenchmarkHandle logs lines of 100 bytes in stories of 50: without a journal,
// with it, and with a call of write(2) for each line.
func BenchmarkHandle(b *testing.B) {
	for _, goroutines := range []int{1, 8} {
		for _, kind := range []string{"memory", "journal", "write"} {
			b.Run(fmt.Sprintf("%s/%d", kind, goroutines), func(b *testing.B) {
				opts := &dynamoslog.Options{}
				if kind == "journal" {
					opts.Journal = b.TempDir()
				}
				h := dynamoslog.New(discard{}, opts)
				var handler slog.Handler = h
				if kind == "write" {
					file, err := os.Create(filepath.Join(b.TempDir(), "lines"))
					if err != nil {
						b.Fatal(err)
					}
					defer func() { _ = file.Close() }()
					handler = written{h, file}
				}
				logger := slog.New(handler)
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for range goroutines {
					all.Go(func() { logLines(b.Context(), logger, b.N/goroutines) })
				}
				all.Wait()
				b.StopTimer()
				err := h.Close()
				if s := h.Stats(); s.Dropped+s.Unprotected > 0 { // more than one writer can take, by many on few processors
					b.Logf("of %d lines %d were dropped, %d not in the journal", b.N, s.Dropped, s.Unprotected)
				} else if err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func logLines(ctx context.Context, logger *slog.Logger, count int) {
	for count > 0 {
		story, scope := dynamoslog.Begin(ctx, "user", 42)
		for range min(count, 50) {
			logger.LogAttrs(story, slog.LevelInfo, "No exercises available for current filter",
				slog.String("component", "flexibility"), slog.Int("tries", 7), slog.Int("user", 42))
		}
		scope.End()
		count -= 50
	}
}

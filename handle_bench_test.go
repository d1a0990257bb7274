package dynamoslog_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
)

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
				h := dynamoslog.New(handlertest.Discard{}, opts)
				var handler slog.Handler = h
				if kind == "write" {
					file, err := os.Create(filepath.Join(b.TempDir(), "lines"))
					if err != nil {
						b.Fatal(err)
					}
					defer func() { _ = file.Close() }()
					handler = handlertest.Written{Handler: h, File: file}
				}
				logger := slog.New(handler)
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for range goroutines {
					all.Go(func() { handlertest.LogLines(b.Context(), logger, b.N/goroutines) })
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

package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// BenchmarkAppend writes records of 100 bytes, beside a call of write(2) for each
// and a copy in memory.
func BenchmarkAppend(b *testing.B) {
	message, head, attrs := string(make([]byte, 60)), make([]byte, 20), make([]byte, 20)
	for _, goroutines := range []int{1, 8} {
		b.Run(fmt.Sprintf("journal/%d", goroutines), func(b *testing.B) {
			l := open(b, b.TempDir(), journal.Options{})
			defer func() { _ = l.Close() }()
			benchmark(b, goroutines, func(series uint64) error {
				_, err := l.Append(series, false, head, message, attrs)
				return err
			})
		})
		b.Run(fmt.Sprintf("write/%d", goroutines), func(b *testing.B) {
			file, err := os.Create(filepath.Join(b.TempDir(), "lines"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			line := make([]byte, 100)
			benchmark(b, goroutines, func(uint64) error {
				_, err := file.Write(line)
				return err
			})
		})
		b.Run(fmt.Sprintf("memory/%d", goroutines), func(b *testing.B) {
			var mu sync.Mutex
			var held []byte
			benchmark(b, goroutines, func(uint64) error {
				mu.Lock()
				defer mu.Unlock()
				if len(held) > 8<<20 {
					held = held[:0]
				}
				held = append(append(append(held, head...), message...), attrs...)
				return nil
			})
		})
	}
}

func benchmark(b *testing.B, goroutines int, write func(series uint64) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for series := range uint64(goroutines) {
		all.Go(func() {
			for range b.N / goroutines {
				if err := write(series); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkAdopt reads what 64 MiB of lines leave.
func BenchmarkAdopt(b *testing.B) {
	dir := b.TempDir()
	l := open(b, dir, journal.Options{})
	count := 0
	for l.Size() < 64<<20 {
		if _, err := l.Append(0, count == 0, nil, string(make([]byte, 100)), nil); err != nil {
			b.Fatal(err)
		}
		count++
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if found, _ := adoptCount(b, dir); found != count {
			b.Fatalf("%d records of %d", found, count)
		}
	}
	b.ReportMetric(float64(count), "records")
}

func adoptCount(b *testing.B, dir string) (n int, err error) {
	all, err := journal.Adopt(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range all {
		for range r.All() {
			n++
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return n, nil
}

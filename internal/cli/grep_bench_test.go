package cli_test

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/internal/processortime"
	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// BenchmarkWholeFile reads all of a file of 20,000 stories of the shop, of 6 lines each: for
// a text that no line has, for one that one in eight has, and to print them all. It tells
// how many processors it has kept busy.
func BenchmarkWholeFile(b *testing.B) {
	const count = 20_000
	path := filepath.Join(b.TempDir(), "stories.db")
	fillShop(b, path, count)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"grep-none", []string{"grep", "nothing-like-it", "--read", "100000"}},
		{"grep-many", []string{"grep", "stock", "--read", "100000", "-n", "1000000"}},
		{"export", []string{"export"}},
		{"ls", []string{"ls", "-n", "100000"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cpu := processortime.Used()
			for b.Loop() {
				cli.Run(append(c.args, "--file", path), io.Discard, io.Discard)
			}
			cpu = processortime.Used() - cpu
			b.ReportMetric(cpu.Seconds()*1e6/float64(b.N)/count, "cpu-µs/story")
			b.ReportMetric(cpu.Seconds()/b.Elapsed().Seconds(), "processors")
		})
	}
}

// fillShop makes a file of so many stories, of weeks of the shop at the same time.
func fillShop(b *testing.B, path string, count int) {
	b.Helper()
	store, err := sqlitestore.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var parts []story.Part
	now := time.Now()
	for week := 0; count > 0; week++ {
		for s := range shop.Week(now) {
			if count == 0 {
				break
			}
			count--
			s.Start = s.Start.Add(time.Duration(week) * time.Microsecond)
			s.ID = story.NewID(s.Start)
			parts = append(parts, story.Part{Key: s.Key, ID: s.ID, Header: &s.Header, Text: story.Format(s.Lines)})
			if len(parts) == 1000 || count == 0 {
				if err := store.Put(b.Context(), parts); err != nil {
					b.Fatal(err)
				}
				parts = parts[:0]
			}
		}
	}
}

package reading_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// typical makes a story of about so many lines as services write them: requests
// of a few nested steps, with numbers, ids, times and attributes.
func typical(count int) story.Story {
	var lines []story.Line
	at := time.Duration(0)
	add := func(depth int, level slog.Level, message, attrs string) {
		at += time.Millisecond
		lines = append(lines, story.Line{Offset: at, Level: level, Depth: depth, Message: message, Attrs: attrs})
	}
	add(0, slog.LevelInfo, "Importing orders", "file=orders-2026-11-22.csv")
	for i := 0; len(lines) < count; i++ {
		add(2, slog.LevelInfo, fmt.Sprintf("Importing order %d of customer user_%d", i, i*7919%100_000), fmt.Sprintf("row=%d order_id=%08x", i, uint64(i)*2654435761))
		add(5, slog.LevelDebug, "No exercises available for the current filter", "component=flexibility")
		add(5, slog.LevelDebug, fmt.Sprintf("SELECT * FROM orders WHERE id = %d took %v", i, time.Duration(i%977)*time.Microsecond), "rows=1 cached=false")
		if i%5 == 0 {
			add(7, slog.LevelDebug, "connection opened to 10.0.3.17:5432", "pool=main")
		}
		if i%997 == 0 {
			add(7, slog.LevelWarn, "payment is pending since 2026-11-22T16:41:41Z", "attempt=2")
		}
		add(2, slog.LevelInfo, "Stored", fmt.Sprintf("bytes=%d trace=%016x%016x", i*31%5000, uint64(i)*11400714819323198, i))
	}
	return newStory(lines...)
}

const benchLines = 100_000

func BenchmarkNewTree(b *testing.B) {
	s := typical(benchLines)
	b.ReportAllocs()
	for b.Loop() {
		reading.NewTree(s)
	}
}

func BenchmarkTreeAndShapes(b *testing.B) {
	s := typical(benchLines)
	b.ReportAllocs()
	for b.Loop() {
		reading.NewTree(s).Shapes()
	}
}

func BenchmarkGroups(b *testing.B) {
	tree := reading.NewTree(typical(benchLines))
	shapes := tree.Shapes()
	b.ReportAllocs()
	for b.Loop() {
		for _, lane := range tree.Lanes {
			groupAll(lane.Roots, shapes)
		}
	}
}

func groupAll(siblings []*reading.Node, shapes []uint64) {
	for _, g := range reading.Groups(siblings, shapes) {
		for _, n := range g.Once {
			groupAll(n.Children, shapes)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	tree := reading.NewTree(typical(benchLines))
	b.ReportAllocs()
	for b.Loop() {
		reading.Filter{Text: "Pending"}.Apply(tree)
	}
}

func BenchmarkPrintStory(b *testing.B) {
	tree := reading.NewTree(typical(benchLines))
	for name, view := range map[string]reading.View{
		"default": reading.NewView(),
		"all":     {Fold: reading.Unfolded, Each: true},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := (reading.Printer{}).Story(io.Discard, tree, view); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewDiff(b *testing.B) {
	was, is := reading.NewTree(typical(benchLines)), typical(benchLines+500)
	is.Lines = append(is.Lines[:1:1], is.Lines[300:]...)
	isTree := reading.NewTree(is)
	b.ReportAllocs()
	for b.Loop() {
		diffOf(was, isTree)
	}
}

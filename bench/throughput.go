package main

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/dynamoslog/dynamoslog"
)

// throughput prints how much more two goroutines log than one, each to a story of
// its own. Without a journal ours are so large that nothing is written meanwhile: two
// processors have no third one for that.
func throughput(out io.Writer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // collections, between the measurements, are not what is compared
	var rows [][]string
	for _, c := range contenders() {
		if c.name == oursName {
			c.open = func() (slog.Handler, func()) { return ours(&dynamoslog.Options{MaxStory: 64 << 20}) }
		}
		one := setting{attrs: 3, depth: 20, goroutines: 1}
		two := one
		two.goroutines = 2
		var times, ones, twos []float64
		for range 2 * rounds {
			a, b := one.measure(c), two.measure(c)
			ones, twos, times = append(ones, a), append(twos, b), append(times, float64(min(2, runtime.GOMAXPROCS(0)))*a/b)
		}
		rows = append(rows, []string{c.name, fmt.Sprintf("%.0f", median(ones)), fmt.Sprintf("%.0f", median(twos)), fmt.Sprintf("%.2f", median(times))})
	}
	printTable(out, []string{"ns a call on each processor", "1 goroutine", "2 goroutines", "times the throughput"}, rows)
	return nil
}

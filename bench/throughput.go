package main

import (
	"fmt"
	"io"
)

// throughput prints how much more two goroutines log than one, each to a story of
// its own that stays open: what Handle does, without what the writer does later.
func throughput(out io.Writer) error {
	var rows [][]string
	for _, c := range contenders() {
		one := setting{attrs: 3, depth: 20, goroutines: 1}
		two := one
		two.goroutines = 2
		var times, ones, twos []float64
		for range 2 * rounds {
			a, b := one.measure(c), two.measure(c)
			ones, twos, times = append(ones, a), append(twos, b), append(times, 2*a/b)
		}
		rows = append(rows, []string{c.name, fmt.Sprintf("%.0f", median(ones)), fmt.Sprintf("%.0f", median(twos)), fmt.Sprintf("%.2f", median(times))})
	}
	printTable(out, []string{"ns a call on each goroutine", "1 goroutine", "2 goroutines", "times the throughput"}, rows)
	return nil
}

package acceptance_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

const (
	envFaultTable = "DYNAMOSLOG_FAULT_TABLE"
	worstRatio    = 2      // of the 99.9th percentiles of Handle, with a fault and without
	fewTimes      = 10_000 // of fewer the 99.9th percentile says nothing
)

// TestFaultTable runs the faults one after the other, with some 40,000 lines
// each, and prints what became of them as a table in Markdown. Every line is
// logged to a second handler too, which no fault disturbs, so that the times of
// Handle are of the same moments of the same machine. It takes some minutes:
//
//	DYNAMOSLOG_FAULT_TABLE=1 go test -run '^TestFaultTable$' -v -timeout 60m ./internal/acceptance
func TestFaultTable(t *testing.T) {
	if os.Getenv(envFaultTable) == "" {
		t.Skip("times are measured where " + envFaultTable + " is set")
	}
	endpoint := dynamotest.Endpoint(t)
	var table strings.Builder
	table.WriteString("| fault | lines | lost | twice | out of order | told not to be stored | retries | p99.9 of Handle | without the fault | ratio |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, f := range allFaults() {
		t.Run(f.name, func(t *testing.T) {
			runtime.GC()
			tr := newTrial(t, endpoint, f, true)
			tr.run()
			r := tr.check()
			took, calm := quantile(tr.times, 0.999), quantile(tr.calmTimes, 0.999)
			retries := tr.h.Stats().Retries
			times := "– | – | –"
			if len(tr.times) >= fewTimes {
				ratio := float64(took) / float64(calm)
				times = fmt.Sprintf("%v | %v | %.2f", rounded(took), rounded(calm), ratio)
				if ratio > worstRatio {
					t.Errorf("the 99.9th percentile of Handle is %v, without the fault %v", took, calm)
				}
			}
			fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d | %d | %s |\n",
				f.name, r.lines, r.lost, r.twice, r.disorder, len(r.absent)-r.lost, retries, times)
		})
	}
	fmt.Print("\n", table.String(), "\n")
}

func rounded(d time.Duration) time.Duration { return d.Round(100 * time.Nanosecond) }

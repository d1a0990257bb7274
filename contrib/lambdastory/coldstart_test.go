//go:build unix

package lambdastory_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkColdStart measures what stories add to a cold start, on the fake of Lambda and
// DynamoDB Local, and to the program: medians of the time until the function asks for its
// first invocation, and until that is answered and until it is frozen.
func BenchmarkColdStart(b *testing.B) {
	for _, c := range []struct {
		name, program string
		journal       bool
	}{{"bare", "bare", false}, {"stories", "story", false}, {"stories and journal", "story", true}} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "bootstrap")
			build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags=lambda.norpc", "-o", path, "./testdata/"+c.program)
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			e := newEnvironment(b, "")
			e.path, e.noExtensions = path, c.program == "bare"
			var ready, answered, frozen, warm []time.Duration
			for b.Loop() {
				if c.journal { // in a folder that is empty, as it is at a cold start
					e.program = append(e.program, journalEnv+"="+b.TempDir())
				}
				began := time.Now()
				e.start()
				ready = append(ready, time.Since(began))
				for _, times := range []struct{ answered, frozen *[]time.Duration }{{&answered, &frozen}, {nil, &warm}} {
					r := e.call("{}", 10*time.Second)
					if r.body != `"hello"` {
						b.Fatalf("got %+v", r)
					}
					*times.frozen = append(*times.frozen, r.frozen)
					if times.answered != nil {
						*times.answered = append(*times.answered, r.answered)
					}
				}
				e.kill()
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			b.ReportMetric(median(ready), "ms-ready")
			b.ReportMetric(median(answered), "ms-cold-answer")
			b.ReportMetric(median(frozen), "ms-cold-freeze")
			b.ReportMetric(median(warm), "ms-warm-freeze")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1e3
}

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

// Programs that are compared: the same function without stories and with them.
var programs = []struct {
	name, folder string
	journal      bool
}{{"bare", "bare", false}, {"stories", "story", false}, {"stories and journal", "story", true}}

// build builds a program as one does for Lambda, and returns its path.
func build(tb testing.TB, folder string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags=lambda.norpc", "-o", path, "./testdata/"+folder)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return path
}

// coldStart starts the function and invokes it twice.
func (e *environment) coldStart(journal bool) (ready time.Duration, cold, warm result) {
	e.t.Helper()
	if journal { // in a folder that is empty, as it is at a cold start
		e.program = append(e.program, journalEnv+"="+e.t.TempDir())
	}
	began := time.Now()
	e.start()
	ready = time.Since(began)
	cold, warm = e.call("{}", 10*time.Second), e.call("{}", 10*time.Second)
	for _, r := range []result{cold, warm} {
		if r.body != `"hello"` || r.frozen == 0 {
			e.t.Fatalf("got %+v", r)
		}
	}
	e.kill()
	return ready, cold, warm
}

func TestPrograms(t *testing.T) {
	for _, p := range programs {
		e := newEnvironment(t, "")
		e.path, e.noExtensions = build(t, p.folder), p.folder == "bare"
		e.coldStart(p.journal)
	}
}

// BenchmarkColdStart measures what stories add to a cold start, on the fake of Lambda and
// DynamoDB Local, and to the program: medians of the time until the function asks for its
// first invocation, until that is answered and until it is frozen.
func BenchmarkColdStart(b *testing.B) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			e := newEnvironment(b, "")
			e.path, e.noExtensions = build(b, p.folder), p.folder == "bare"
			info, err := os.Stat(e.path)
			if err != nil {
				b.Fatal(err)
			}
			var readies, answers, freezes, warms []time.Duration
			for b.Loop() {
				ready, cold, warm := e.coldStart(p.journal)
				readies, answers = append(readies, ready), append(answers, cold.answered)
				freezes, warms = append(freezes, cold.frozen), append(warms, warm.frozen)
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			b.ReportMetric(median(readies), "ms-ready")
			b.ReportMetric(median(answers), "ms-cold-answer")
			b.ReportMetric(median(freezes), "ms-cold-freeze")
			b.ReportMetric(median(warms), "ms-warm-freeze")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1e3
}

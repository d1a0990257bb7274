package reading_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestSpark(t *testing.T) {
	for want, counts := range map[string][]int{
		"": nil, "▁▁": {0, 0}, "▁█": {0, 1}, "▂█▁": {1, 1000, 0}, "█▅▂": {7, 4, 1}, "▅█": {50, 100},
	} {
		if got := reading.Spark(counts); got != want {
			t.Errorf("%v: got %s, want %s", counts, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		share float64
		want  string
	}{
		{0, ""}, {-1, ""}, {0.001, "▏"}, {1, strings.Repeat("█", 12)}, {7, strings.Repeat("█", 12)}, {0.5, strings.Repeat("█", 6)}, {1.5 / 12, "█▌"},
	} {
		if got := reading.Bar(test.share, 12); got != test.want {
			t.Errorf("%v: got %q, want %q", test.share, got, test.want)
		}
	}
}

func TestTookShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"<1ms": 0, "44ms": 44 * time.Millisecond, "999ms": 999 * time.Millisecond, "1.00s": time.Second, "6.98s": 6984 * time.Millisecond,
		"10.0s": 9999 * time.Millisecond, "41.3s": 41262 * time.Millisecond, "1m00s": 59999 * time.Millisecond, "3m07s": 187 * time.Second,
		"59m59s": time.Hour - time.Second, "1h00m": time.Hour, "26h05m": 26*time.Hour + 5*time.Minute, "4d04h": 100 * time.Hour, "12µs": 12 * time.Microsecond,
	} {
		if got := reading.TookShort(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := reading.TookShort(-time.Second); got != "<1ms" {
		t.Errorf("a clock that went back: %s", got)
	}
}

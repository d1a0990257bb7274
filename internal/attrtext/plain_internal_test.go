package attrtext

import (
	"testing"
	"time"
)

func FuzzAppendDuration(f *testing.F) {
	for _, d := range []time.Duration{0, 1, -1, 999, 1000, 1001, 999_999, 1e6, 12e6, 1_234_567, 1e9 - 1, 1e9, 59_999_999_999, 6e10, 1<<63 - 1, -1 << 63} {
		f.Add(int64(d))
	}
	f.Fuzz(func(t *testing.T, n int64) {
		for _, d := range []time.Duration{time.Duration(n), time.Duration(n) % time.Minute, time.Duration(n) % time.Millisecond} {
			if got, want := string(appendDuration(nil, d)), d.String(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

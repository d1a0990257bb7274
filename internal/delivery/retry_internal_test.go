package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// TestAnswers tells stories a, b and c at once, and says of each answer of the store
// what is put next, and how long after the call before at most. A report of a store's
// answer that was dealt with wrongly belongs here.
func TestAnswers(t *testing.T) {
	const soon, probe = firstDelay, longestProbe
	first := call{"a b c", linger}
	for name, test := range map[string]struct {
		answers  []answer
		want     []call
		hears    []string
		fallback string // what is in it; nothing if empty
	}{
		"all are stored": {
			want: []call{first},
		},
		"a passing fault": {
			answers: []answer{says(errReset)},
			want:    []call{first, {"a b c", soon}}, hears: []string{"reset", "works again"},
		},
		"two in a row: a part alone probes, then comes the rest": {
			answers: []answer{says(errReset), says(errReset)},
			want:    []call{first, {"a b c", soon}, {"a", 2 * soon}, {"b c", linger}}, hears: []string{"reset", "works again"},
		},
		"one part fails": {
			answers: []answer{fails(story.Retry, errReset, "b")},
			want:    []call{first, {"b", linger}}, hears: []string{"reset", "works again"},
		},
		"one part is refused by a busy store": {
			answers: []answer{fails(story.Busy, errBusy, "b")},
			want:    []call{first, {"b", linger}}, hears: []string{"slow down"},
		},
		"a part that can never be stored": {
			answers: []answer{fails(story.Reject, errBad, "b")},
			want:    []call{first}, hears: []string{"not an item"},
			fallback: "job_b 1 part 0 not stored: not an item",
		},
		"one that can never be stored, beside one that fails": {
			answers: []answer{func(parts []story.Part) error {
				failed := fails(story.Reject, errBad, "b")(parts).(*story.PutError)
				failed.Failures = append(failed.Failures, fails(story.Retry, errReset, "c")(parts).(*story.PutError).Failures...)
				return failed
			}},
			want:  []call{first, {"c", linger}}, // the order in which both are told of is any
			hears: nil, fallback: "job_b 1 part 0 not stored: not an item",
		},
		"it cannot be used, and is mended": {
			answers: []answer{fails(story.Wait, errNoTable), fails(story.Wait, errNoTable)},
			want:    []call{first, {"a b c", probe}, {"a", probe}, {"b c", linger}}, hears: []string{"no table", "works again"},
		},
		"an error that names no part, as it has no failures": {
			answers: []answer{says(&story.PutError{})},
			want:    []call{first, {"a b c", soon}}, hears: []string{"", "works again"},
		},
		"an answer that names parts which were not put": {
			answers: []answer{says(&story.PutError{Failures: []story.PutFailure{{Index: 7, Err: errReset}}})},
			want:    []call{first},
		},
		"a panic": {
			answers: []answer{func([]story.Part) error { panic("boom") }},
			want:    []call{first, {"a b c", soon}}, hears: []string{"panicked: boom", "works again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Config{}, test.answers...)
				b.tell("a", "b", "c")
				time.Sleep(time.Minute)
				calls := b.store.done()
				if len(calls) != len(test.want) {
					t.Fatalf("got the calls %v, want %v", calls, test.want)
				}
				for i, want := range test.want {
					if got := calls[i]; got.ids != want.ids || got.after > want.after {
						t.Errorf("call %d: got %v, want %v at the latest", i, got, want)
					}
				}
				if test.hears != nil || name == "all are stored" {
					b.hears(test.hears...)
				}
				if test.fallback == "" && b.fallback.String() != "" || !strings.Contains(b.fallback.String(), test.fallback) {
					t.Errorf("in the fallback: %q", &b.fallback)
				}
				b.end()
			})
		})
	}
}

func TestBackoff(t *testing.T) {
	now := time.Unix(1764000000, 0)
	for range 200 {
		var b backoff
		for i, most := range []time.Duration{50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000, 20000} {
			b.fail(now, longestDelay)
			if left := b.left(now); left < 0 || left > most*time.Millisecond {
				t.Fatalf("after %d failures: %v, want at most %v", i+1, left, most*time.Millisecond)
			}
		}
		if b.fail(now, hurriedDelay); b.left(now) > hurriedDelay {
			t.Fatalf("while somebody waits: %v", b.left(now))
		}
		if left := b.left(now.Add(time.Hour)); left != 0 {
			t.Fatalf("an hour later: %v", left)
		}
	}
}

// What somebody waits for is tried at once, and then more often.
func TestFlushEndsDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make([]answer, 12)
		for i := range answers {
			answers[i] = says(errReset)
		}
		b := newBench(t, Config{}, answers...)
		b.tell("a")
		time.Sleep(20 * time.Second)
		start := time.Now()
		if left := b.Flush(t.Context()); left != nil {
			t.Errorf("Flush: %+v", left)
		}
		if took := time.Since(start); took > 12*hurriedDelay {
			t.Errorf("Flush took %v", took)
		}
		b.end()
	})
}

package delivery

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

func TestCost(t *testing.T) {
	for size, want := range map[int]float64{0: 1, 1024: 2, 512: 1.5} {
		p := &part{Part: story.Part{Text: string(make([]byte, size))}}
		if got := cost(p); got != want {
			t.Errorf("%d bytes cost %v, want %v", size, got, want)
		}
	}
}

// A store that takes 20 a second of a writer that would send 100 gets little more than
// that, and again all when it takes it.
func TestPaceFollowsTheStore(t *testing.T) {
	now := time.Unix(1764000000, 0)
	p := &pace{at: now, counted: now}
	room := 0.0
	second := func(takes float64) (sent, refused int) {
		for range 100 {
			now = now.Add(10 * time.Millisecond)
			room = min(room+takes/100, takes)
			if p.wait(now) > 0 {
				continue
			}
			sent++
			if room >= 1 {
				room--
				p.sent(now, 1, 1, false)
			} else {
				refused++
				p.sent(now, 1, 0, true)
			}
		}
		return sent, refused
	}
	if sent, refused := second(1000); sent != 100 || refused != 0 {
		t.Errorf("without a limit: %d sent, %d refused", sent, refused)
	}
	sent, refused := 0, 0
	for i := range 60 {
		s, r := second(20)
		if i >= 30 {
			sent, refused = sent+s, refused+r
		}
	}
	if taken := sent - refused; taken < 20*30*8/10 || refused > sent/3 {
		t.Errorf("of 600 that the store takes in half a minute: %d sent, %d refused", sent, refused)
	}
	for range 60 {
		sent, _ = second(1000)
	}
	if sent != 100 {
		t.Errorf("a minute after the store takes all again: %d of 100 are sent a second", sent)
	}
}

func TestPaceRefillsAsTimePasses(t *testing.T) {
	now := time.Unix(1764000000, 0)
	p := &pace{at: now, counted: now, slowed: now, rate: 10}
	p.credit = -5
	if wait := p.wait(now); wait < 400*time.Millisecond || wait > 700*time.Millisecond {
		t.Errorf("with a debt of 5 at 10 a second: wait %v", wait)
	}
	if wait := p.wait(now.Add(time.Second)); wait != 0 {
		t.Errorf("a second later: wait %v", wait)
	}
	if p.credit > p.rate {
		t.Errorf("an idle writer has gathered %v at %v a second", p.credit, p.rate)
	}
}

// A key that takes no more holds nobody else up, and its stories keep their order.
func TestBusyKeyHoldsBackItsOwnStories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slowFor = 30 * time.Second
		until := time.Now().Add(slowFor)
		var mu sync.Mutex
		var stored []string // texts of the busy key
		others := 0
		b := newBench(t, Config{})
		for range 10_000 {
			b.store.answers = append(b.store.answers, func(parts []story.Part) error {
				mu.Lock()
				defer mu.Unlock()
				failed := &story.PutError{}
				for i, p := range parts {
					switch {
					case p.Key.ID != "busy":
						others++
					case time.Now().Before(until):
						failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: errBusy})
					default:
						stored = append(stored, p.Text)
					}
				}
				if len(failed.Failures) == 0 {
					return nil
				}
				return failed
			})
		}
		const many = 10 * batchParts
		for i := range many {
			b.HandOver(b.chunk("busy", slog.LevelInfo, fmt.Sprintf("busy %03d", i)))
		}
		b.tell("a", "b")
		time.Sleep(5 * time.Second)
		b.tell("c", "d")
		time.Sleep(5 * time.Second)
		mu.Lock()
		if others != 4 {
			t.Errorf("%d of 4 stories about something else are stored", others)
		}
		mu.Unlock()
		b.Delivery.mu.Lock()
		held := len(b.heldBack[story.Key{Kind: "job", ID: "busy"}].all)
		b.Delivery.mu.Unlock()
		if held < many-5*batchParts { // four batches are composed before it is known to be busy
			t.Errorf("%d of %d stories are held back", held, many)
		}
		time.Sleep(slowFor)
		b.end()
		if len(stored) != many {
			t.Errorf("%d of %d stories about the busy key are stored", len(stored), many)
		}
	})
}

// A key of which the store takes no more leaves the others their requests: to a store that
// is far they go four at a time.
func TestBusyKeyLeavesOthersTheirRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			under += n
			most = max(most, under)
		}
		far := func(do answer) answer {
			return func(parts []story.Part) error {
				count(1)
				time.Sleep(200 * time.Millisecond)
				count(-1)
				return do(parts)
			}
		}
		b := newBench(t, Config{MaxBuffered: 64 << 20}, far(fails(story.Busy, errBusy, "hot")))
		for range 100 {
			b.store.answers = append(b.store.answers, far(stores))
		}
		b.tell("hot", "hot")
		for i := range 23 { // one full batch, of which two parts are refused
			b.tell(fmt.Sprint("x", i))
		}
		time.Sleep(time.Second)
		mu.Lock()
		most = 0
		mu.Unlock()
		for i := range 1000 {
			b.tell(fmt.Sprint("y", i))
		}
		time.Sleep(500 * time.Millisecond)
		mu.Lock()
		if most != mostRequests {
			t.Errorf("%d requests at once, want %d", most, mostRequests)
		}
		mu.Unlock()
		time.Sleep(time.Minute)
		b.end()
	})
}

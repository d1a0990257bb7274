package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

func problemAlias(problem string, n int) story.Part {
	key := story.Key{Kind: story.KindProblem, ID: problem}
	id := fmt.Sprintf("%04d", n)
	return story.Part{Key: key, ID: id, Header: &story.Header{Key: key, ID: id, Of: story.Key{Kind: "job", ID: id}, State: story.Sealed}}
}

// A clock is a process that tells of problems, and notes which aliases are stored when.
type clock struct {
	problems problems
	now      time.Time
	start    time.Time
	stored   []string
}

func newClock() *clock {
	start := time.Unix(1764000000, 0)
	return &clock{problems: problems{}, now: start, start: start}
}

func (c *clock) note(p story.Part, count int) {
	c.stored = append(c.stored, fmt.Sprintf("%v: %s %s ×%d", c.now.Sub(c.start), p.Key.ID, p.ID, count))
}

func (c *clock) tell(problem string, n int) {
	alias := problemAlias(problem, n)
	if stored, _ := c.problems.admit(c.now, alias); stored {
		c.note(alias, alias.Header.Stories())
	}
}

// pass lets time go by, as a writer does that sleeps until something is due.
func (c *clock) pass(d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(min(c.problems.wait(c.now), end.Sub(c.now)))
		c.release(false)
	}
}

func (c *clock) release(all bool) {
	for _, of := range c.problems.due(c.now, all) {
		c.note(of.last, of.last.Header.Stories())
	}
}

func (c *clock) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.stored, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(c.stored, ", "), strings.Join(want, ", "))
	}
}

func TestBurstIsTwoAliases(t *testing.T) {
	c := newClock()
	for n := range 50 {
		c.tell("a", n)
		c.pass(100 * time.Millisecond)
	}
	c.pass(time.Hour)
	c.want(t, "0s: a 0000 ×1", "10s: a 0049 ×49")
}

func TestOutageIsAnAliasInTenSeconds(t *testing.T) {
	c := newClock()
	for n := range 350 { // ten a second
		c.tell("a", n)
		if n == 0 {
			c.tell("b", 0)
		}
		c.pass(100 * time.Millisecond)
	}
	c.want(t, "0s: a 0000 ×1", "0s: b 0000 ×1", "10s: a 0099 ×99", "20s: a 0199 ×100", "30s: a 0299 ×100")
	c.pass(time.Minute)
	c.tell("a", 350)
	c.want(t, "0s: a 0000 ×1", "0s: b 0000 ×1", "10s: a 0099 ×99", "20s: a 0199 ×100", "30s: a 0299 ×100", "40s: a 0349 ×50", "1m35s: a 0350 ×1")
}

// Whoever waits for all to be stored waits for counts as well; the time begins anew then.
func TestFlushStoresCounts(t *testing.T) {
	c := newClock()
	for n := range 3 {
		c.tell("a", n)
	}
	c.pass(time.Second)
	c.release(true)
	c.release(true)
	c.tell("a", 3)
	c.pass(9 * time.Second)
	c.want(t, "0s: a 0000 ×1", "1s: a 0002 ×2")
	c.pass(2 * time.Second)
	c.want(t, "0s: a 0000 ×1", "1s: a 0002 ×2", "11s: a 0003 ×1")
}

// Problems that are all different take bounded memory, and bounded units; those of before
// make room.
func TestProblemsAreBounded(t *testing.T) {
	c := newClock()
	for n := range 10 * mostProblems {
		c.tell(fmt.Sprint(n), n)
	}
	if len(c.stored) != mostProblems || len(c.problems) != mostProblems {
		t.Errorf("%d aliases were stored of %d problems", len(c.stored), len(c.problems))
	}
	c.pass(problemEvery)
	c.tell("new", 1)
	if len(c.stored) != mostProblems+1 || len(c.problems) != 1 {
		t.Errorf("after ten seconds: %d aliases were stored, %d problems are known", len(c.stored), len(c.problems))
	}
}

// A listed store notes the aliases, and says no to some.
type listedStore struct {
	story.Store
	refuse func(story.Part) (story.Outcome, error)

	mu    sync.Mutex
	calls []string
}

func (s *listedStore) Put(_ context.Context, parts []story.Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := &story.PutError{}
	var call []string
	for i, p := range parts {
		name := p.Key.String()
		if p.Header != nil && p.Header.Count > 0 {
			name += fmt.Sprint(" ×", p.Header.Count)
		}
		if p.Number > 0 {
			name += fmt.Sprint(" text ", p.Number)
		}
		if s.refuse != nil {
			if outcome, err := s.refuse(p); err != nil {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: outcome, Err: err})
				name += " " + outcome.String()
			}
		}
		call = append(call, name)
	}
	slices.Sort(call)
	s.calls = append(s.calls, strings.Join(call, ", "))
	if len(failed.Failures) > 0 {
		return failed
	}
	return nil
}

func (s *listedStore) done() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.calls, "; ")
}

func newListed(t *testing.T, refuse func(story.Part) (story.Outcome, error)) (*bench, *listedStore) {
	b := newBench(t, Config{})
	store := &listedStore{refuse: refuse}
	b.Delivery.store = containedStore{store}
	return b, store
}

// listed hands over a story with aliases.
func (b *bench) listed(id string, level slog.Level, keys ...story.Key) {
	k := b.chunk(id, level, "of the kind")
	k.Header.Also = keys
	b.HandOver(k)
}

var order, item = story.Key{Kind: "order", ID: "93"}, story.Key{Kind: "item", ID: "7"}

// The aliases of a story are put when its header is stored, all at once; and those of a
// problem when their time comes.
func TestAliasesArePutBehindTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := newListed(t, nil)
		b.listed("1", slog.LevelInfo, order, item)
		for id := range 3 {
			b.listed(fmt.Sprint(id+2), slog.LevelError)
		}
		time.Sleep(5 * time.Second)
		problem := strings.Fields(strings.ReplaceAll(store.done(), ",", " "))
		key := problem[len(problem)-1]
		want := "job_1, job_2, job_3, job_4; item_7, order_93, " + key
		if got := store.done(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		time.Sleep(10 * time.Second)
		want += "; " + key + " ×2"
		if got := store.done(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if n := &b.Counts; n.Stories.Load() != 4 || n.Aliases.Load() != 4 || n.Parts.Load() != 8 {
			t.Errorf("got %d stories, %d aliases, %d parts", n.Stories.Load(), n.Aliases.Load(), n.Parts.Load())
		}
		b.end()
	})
}

// Flush and Shutdown wait for counts, and hold nothing back for ten seconds.
func TestThoseWhoWaitGetCounts(t *testing.T) {
	for _, name := range []string{"Flush", "Shutdown"} {
		synctest.Test(t, func(t *testing.T) {
			b, store := newListed(t, nil)
			for id := range 5 {
				b.listed(fmt.Sprint(id), slog.LevelError)
			}
			if name == "Flush" {
				time.Sleep(time.Second) // the counts wait already
				began := time.Now()
				b.listed("5", slog.LevelError)
				if left := b.Flush(t.Context()); left != nil || time.Since(began) > time.Second {
					t.Errorf("Flush: %+v after %v", left, time.Since(began))
				}
				if got := store.done(); !strings.Contains(got, " ×") {
					t.Errorf("%s: the counts are not stored: %s", name, got)
				}
			}
			b.end()
			stands := 0
			for call := range strings.SplitSeq(strings.ReplaceAll(store.done(), ";", ","), ", ") {
				if key, count, counted := strings.Cut(call, " ×"); strings.HasPrefix(key, "problem_") {
					n := 1
					if counted {
						if _, err := fmt.Sscan(count, &n); err != nil {
							t.Error(err)
						}
					}
					stands += n
				}
			}
			if want := 5; name == "Shutdown" && stands != want || name == "Flush" && stands != want+1 {
				t.Errorf("%s: the aliases stand for %d stories: %s", name, stands, store.done())
			}
		})
	}
}

// An alias that the store refuses is put again alone, or told of; its story is stored.
func TestRefusedAliases(t *testing.T) {
	refused := 2
	for outcome, want := range map[story.Outcome]string{
		story.Busy:   "job_1; item_7, order_93 busy; order_93 busy; order_93",
		story.Retry:  "job_1; item_7, order_93 retry; order_93 retry; order_93",
		story.Reject: "job_1; item_7, order_93 reject",
	} {
		synctest.Test(t, func(t *testing.T) {
			times := 0
			b, store := newListed(t, func(p story.Part) (story.Outcome, error) {
				if p.Key != order || times == refused {
					return 0, nil
				}
				times++
				return outcome, errBusy
			})
			b.listed("1", slog.LevelInfo, order, item)
			time.Sleep(time.Minute)
			if got := store.done(); got != want {
				t.Errorf("%v: got  %s\nwant %s", outcome, got, want)
			}
			b.end()
			told := strings.Contains(b.fallback.String(), "is not listed under order_93")
			if told != (outcome == story.Reject) || (b.Counts.Rejected.Load() == 1) != told {
				t.Errorf("%v: the fallback has %q", outcome, b.fallback.String())
			}
		})
	}
}

// What is not stored in time is told of, but for what was a count only.
func TestAliasesThatAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newListed(t, func(p story.Part) (story.Outcome, error) {
			if p.Header.IsAlias() {
				return story.Retry, errReset
			}
			return 0, nil
		})
		b.listed("1", slog.LevelInfo, order)
		b.listed("2", slog.LevelError)
		b.listed("3", slog.LevelError)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if left, err := b.Shutdown(ctx); err != nil || left != nil && left.Lines > 0 {
			t.Errorf("Shutdown: %+v, %v", left, err)
		}
		text := b.fallback.String()
		if !strings.Contains(text, "is not listed under order_93: not stored before the handler was closed") || strings.Contains(text, "job_3") {
			t.Errorf("the fallback has %q", text)
		}
		if held := b.Budget.Held(); held != 0 {
			t.Errorf("%d bytes are held at the end", held)
		}
	})
}

package delivery

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// unseenChunks returns how many chunks the writer was not woken for.
func (b *bench) unseenChunks() int {
	b.Delivery.mu.Lock()
	defer b.Delivery.mu.Unlock()
	return b.unseen
}

// The writer takes the first of the stories that end at once, some of those that follow
// together, and what is left when a request is due; all at once where somebody waits.
func TestWriterTakesSomeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		for i := range 2 * someChunks {
			b.tell(fmt.Sprint("n", i))
			synctest.Wait()
			if got, want := b.unseenChunks(), i%someChunks; got != want {
				t.Errorf("after %d stories %d are not seen, want %d", i+1, got, want)
			}
		}
		time.Sleep(linger)
		synctest.Wait()
		if calls := b.store.done(); len(calls) != 1 || strings.Count(calls[0].ids, " ") != 2*someChunks-1 || calls[0].after != linger {
			t.Errorf("got the calls %v, want one of %d stories", calls, 2*someChunks)
		}
		b.tell("a", "b", "c")
		if left := b.Flush(t.Context()); left != nil {
			t.Error(left)
		}
		if calls := b.store.done(); len(calls) != 2 || calls[1].ids != "a b c" || calls[1].after != 0 {
			t.Errorf("got the calls %v, want a second one of a, b and c at once", calls)
		}
		b.end()
	})
}

// A large story is taken at once, and so are few that are large together: their memory is
// used again sooner.
func TestWriterTakesLargeOnesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		b.tell("a")
		synctest.Wait()
		for i, step := range []struct{ size, unseen int }{{1, 1}, {someMemory / 2, 2}, {someMemory / 2, 0}, {1, 1}, {someMemory, 0}, {2 * someMemory, 0}} {
			b.HandOver(b.chunk(fmt.Sprint("n", i), slog.LevelInfo, strings.Repeat("x", step.size)))
			synctest.Wait()
			if got := b.unseenChunks(); got != step.unseen {
				t.Errorf("after a story of %d bytes %d are not seen, want %d", step.size, got, step.unseen)
			}
		}
		b.end()
	})
}

// While a request is under way, what is handed over is taken all the same.
func TestWriterTakesDuringARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func([]story.Part) error {
			time.Sleep(5 * time.Second)
			return nil
		}
		b := newBench(t, Config{}, slow)
		b.tell("a")
		time.Sleep(linger + time.Second) // it is being put
		b.tell("b")
		time.Sleep(linger)
		synctest.Wait()
		if got := b.unseenChunks(); got != 0 {
			t.Errorf("%d stories are not seen", got)
		}
		b.end()
	})
}

// A writer that sleeps is woken for a story that is due before it would wake, and not for
// one that is due later.
func TestWakeBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		tends := &tending{}
		b.stories = tends
		b.Start()
		synctest.Wait()
		for _, step := range []struct {
			due   time.Duration
			tends int // in all
		}{
			{2 * time.Minute, 2}, {3 * time.Minute, 2}, {time.Minute, 3},
		} {
			due := time.Now().Add(step.due)
			tends.set(due)
			b.WakeBy(due)
			synctest.Wait()
			if got := tends.count(); got != step.tends {
				t.Errorf("due in %v: looked at %d times, want %d", step.due, got, step.tends)
			}
		}
		b.end()
	})
}

// A tending stands for stories of which the next is due at a time.
type tending struct {
	noStories
	mu    sync.Mutex
	due   time.Time
	times int
}

func (s *tending) Tend(time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times++
	return s.due
}

func (s *tending) set(due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = due
}

func (s *tending) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times
}

// A chunk that is complete is used again, with nothing of what it was.
func TestChunksAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{}, fails(story.Retry, errReset, "3"))
		for round := range 20 {
			for i := range 5 {
				k := b.NewChunk()
				if k.Story != nil || k.Lines.Count() != 0 || k.Header.Attrs != nil || k.phase != announced || k.sequence != 0 || k.left != 0 {
					t.Fatalf("got %+v", k)
				}
				b.free(k)
				b.HandOver(b.chunk(fmt.Sprintf("%d-%d", round, i), slog.LevelInfo, "hello"))
			}
			time.Sleep(time.Minute)
		}
		b.end()
		stored := make(map[string]int)
		for _, c := range b.store.done() {
			for _, id := range strings.Fields(c.ids) {
				stored[id]++
			}
		}
		if len(stored) != 20*5 || b.Counts.Lines.Load() != 20*5 {
			t.Errorf("%d stories of %d lines are stored", len(stored), b.Counts.Lines.Load())
		}
	})
}

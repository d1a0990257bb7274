package delivery

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// unfetched returns a delivery whose writer has not begun, so that all stays queued.
func unfetched(t *testing.T, cfg Config) *bench {
	b := newBench(t, cfg)
	b.writer = newWriter(b.Delivery)
	return b
}

// lines adds lines of a level to a chunk.
func (b *bench) lines(k *Chunk, level slog.Level, count int) *Chunk {
	for range count {
		before := k.Lines.Held
		k.Lines.Add(b.Lines, &linebuf.Meta{Level: level, Message: 5}, "of it", nil)
		b.Budget.Add(int64(k.Lines.Held - before))
	}
	k.Header.MaxLevel = max(k.Header.MaxLevel, level)
	return k
}

// queued tells what is queued: each story's id and how many lines it has.
func (b *bench) queued() (all []string) {
	for _, k := range b.queue.all {
		all = append(all, fmt.Sprint(k.Header.Key.ID, " ", k.Lines.Count()))
	}
	return all
}

func TestEvictionTakesWhatIsWantedLeast(t *testing.T) {
	fill := func(b *bench, stories int) {
		for i := range stories {
			calm := b.lines(b.chunk(fmt.Sprint("calm", i), slog.LevelInfo, "calm"), slog.LevelDebug, 9)
			loud := b.lines(b.chunk(fmt.Sprint("loud", i), slog.LevelWarn, "loud"), slog.LevelDebug, 1)
			b.HandOver(calm)
			b.HandOver(b.lines(loud, slog.LevelInfo, 3))
		}
	}
	t.Run("nothing while there is memory", func(t *testing.T) {
		b := unfetched(t, Config{})
		fill(b, 4)
		before := b.queued()
		b.evict()
		if got := b.queued(); !slices.Equal(got, before) || b.Counts.Dropped.Load() != 0 {
			t.Errorf("got %v, %d dropped", got, b.Counts.Dropped.Load())
		}
	})
	t.Run("calm stories whole, the oldest first", func(t *testing.T) {
		b := unfetched(t, Config{MaxBuffered: 12 << 10})
		fill(b, 4) // some 10 KiB
		b.evict()
		want := []string{"loud0 5", "loud1 5", "loud2 5", "calm3 10", "loud3 5"}
		if got := b.queued(); !strings.HasSuffix(strings.Join(got, ", "), strings.Join(want[2:], ", ")) || slices.Contains(got, "calm0 10") || b.Budget.Short() {
			t.Errorf("got %v, %d bytes are held", got, b.Budget.Held())
		}
	})
	t.Run("then lines of the others, the lowest levels first", func(t *testing.T) {
		b := unfetched(t, Config{MaxBuffered: 5 << 10})
		fill(b, 4)
		b.evict()
		for _, got := range b.queued() {
			if !strings.HasPrefix(got, "loud") || !strings.HasSuffix(got, " 1") {
				t.Errorf("got %v, want what is at Warn of the loud ones only", b.queued())
				break
			}
		}
		dropped, _, _ := b.Counts.Details()
		if dropped["job"] != 4*10+4*4 || b.Counts.Dropped.Load() != dropped["job"] {
			t.Errorf("dropped by kind: %v, in all %d", dropped, b.Counts.Dropped.Load())
		}
	})
	t.Run("never what is in the journal", func(t *testing.T) {
		b := unfetched(t, Config{MaxBuffered: 4 << 10, Journal: t.TempDir()})
		b.Log.Open()
		for i := range 8 {
			b.HandOver(b.journaled(fmt.Sprint("calm", i), 5))
		}
		b.evict()
		if got := b.Counts.Dropped.Load(); got != 0 || b.Budget.Short() || len(b.spilled) == 0 {
			t.Errorf("%d lines are dropped, %d stories left memory, %d bytes are held", got, len(b.spilled), b.Budget.Held())
		}
	})
}

// Those who log make room themselves, where the goroutine that sheds gets no turn: also
// behind any number of chunks whose lines have left memory, but which are still queued.
func TestMakeRoom(t *testing.T) {
	b := unfetched(t, Config{MaxBuffered: 128 << 10, Journal: t.TempDir()})
	b.shedding <- struct{}{}
	b.Log.Open()
	const wanted = 4 << 10
	for round := range 3 {
		for i := 0; !b.Budget.Lacks(wanted); i++ {
			b.HandOver(b.journaled(fmt.Sprintf("small %d-%d", round, i), 100))
			if i%4 == 0 {
				for range atOnce / 2 {
					large := b.journaled("large", 2*story.MaxHeaderText/10)
					b.HandOver(large)
					b.Delivery.mu.Lock()
					b.spillLocked(large)
					b.Delivery.mu.Unlock()
				}
			}
		}
		if b.MakeRoom(wanted); b.Budget.Lacks(wanted) {
			t.Fatalf("round %d: %d bytes are held, %d stories left memory", round, b.Budget.Held(), len(b.spilled))
		}
		if got := b.Counts.Dropped.Load(); got != 0 {
			t.Errorf("%d lines are dropped", got)
		}
	}
}

// Stories that waited for Options.Keep are handed over behind those that ended after them.
func TestMakeRoomOfStoriesThatWaited(t *testing.T) {
	b := unfetched(t, Config{MaxBuffered: 128 << 10, Journal: t.TempDir()})
	b.shedding <- struct{}{}
	b.Log.Open()
	var waited, after []*Chunk
	for i := range 4 * atOnce {
		waited = append(waited, b.journaled(fmt.Sprint("waited ", i), 10))
		b.Announce(waited[i])
	}
	for i := range 4 * atOnce {
		after = append(after, b.journaled(fmt.Sprint("after ", i), 10))
	}
	b.Budget.Add(1 << 20) // held by others
	for _, all := range [][]*Chunk{after, waited} {
		for _, k := range all {
			b.HandOver(k)
		}
		if b.MakeRoom(1); len(b.queue.all) > 0 {
			t.Errorf("%d stories are queued, %d left memory", len(b.queue.all), len(b.spilled))
		}
	}
	b.Budget.Add(-1 << 20)
}

// A dropped story is one of which late lines are dropped too, and counted.
func TestDroppedStoryTakesItsLateLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		k := b.chunk("a", slog.LevelInfo, "of a")
		k.Story.composer.Drop()
		late := b.chunk("a", slog.LevelError, "late")
		late.Story, late.Place, late.Header.State = k.Story, compose.Late, story.Open
		b.HandOver(k)
		b.HandOver(late)
		time.Sleep(time.Second)
		if got := b.Counts.Dropped.Load(); got != 2 || len(b.store.done()) > 0 {
			t.Errorf("%d lines are dropped, %d calls made", got, len(b.store.done()))
		}
		b.end()
	})
}

package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// journaled makes a whole story whose lines are in the journal.
func (b *bench) journaled(id string, lines int) *Chunk {
	b.Helper()
	return b.journaledAs(compose.Whole, story.Sealed, id, lines)
}

func (b *bench) journaledAs(place compose.Place, state story.State, id string, lines int) *Chunk {
	b.Helper()
	k := b.chunk(id, slog.LevelInfo, "first")
	b.Budget.Add(-int64(k.Lines.Held))
	k.Lines.Release(b.Lines)
	k.Place, k.Header.State = place, state
	var entry storylog.Entry
	for i := range lines {
		message := fmt.Sprintf("%s line %d", id, i)
		m := linebuf.Meta{Message: uint32(len(message))}
		k.Lines.Add(b.Lines, &m, message, nil)
		if b.Log.Stale(&entry, 1) {
			b.Log.Story(&entry, 1, *k.Header, false, nil)
		}
		if !b.Log.Line(&entry, &m, message, nil) {
			b.Fatalf("line %d is not in the journal", i)
		}
	}
	k.Mark = b.Log.Chunk(&entry, &storylog.Handed{Header: *k.Header, Whole: place == compose.Whole, Lines: lines})
	b.Budget.Add(int64(k.Lines.Held))
	return k
}

func messagesOf(l *linebuf.Lines) string {
	var all []string
	l.Each(func(_ linebuf.Meta, message, _ string) { all = append(all, strings.Clone(message)) })
	return strings.Join(all, ", ")
}

func TestSpill(t *testing.T) {
	b := unfetched(t, Config{Journal: t.TempDir()})
	b.Log.Open()
	small, large := b.journaled("small", 3), b.journaled("large", 2*story.MaxHeaderText/10)
	unprotected := b.chunk("memory", slog.LevelInfo, "in memory only")
	for _, test := range []struct {
		chunk         *Chunk
		spilled, gone bool
	}{{small, true, true}, {large, true, false}, {unprotected, false, false}} {
		b.HandOver(test.chunk)
		b.Delivery.mu.Lock()
		gone := b.spillLocked(test.chunk)
		b.Delivery.mu.Unlock()
		spilled := test.chunk.Lines.Count() == 0
		if spilled != test.spilled || gone != test.gone {
			t.Errorf("%s: spilled %v, gone %v, %d lines are in memory", test.chunk.Header.Key, spilled, gone, test.chunk.Lines.Count())
		}
	}
	again := b.reload(b.spilled[0])
	b.load(again)
	if got := messagesOf(&again.Lines); got != "small line 0, small line 1, small line 2" || again.Header.Key.ID != "small" || again.Story != small.Story {
		t.Errorf("read back: %s of %+v", got, again.Header)
	}
	b.load(large)
	if large.Lines.Count() != large.count || large.lost.unread != 0 {
		t.Errorf("of %d lines %d are read back, %d lost", large.count, large.Lines.Count(), large.lost.unread)
	}
}

// In whatever order stories leave memory, they come back in that in which they were handed
// over, and the late lines of one after it.
func TestSpilledInOrder(t *testing.T) {
	b := unfetched(t, Config{Journal: t.TempDir()})
	b.Log.Open()
	first, late, other := b.journaled("a", 3), b.chunk("a", slog.LevelInfo, "late"), b.journaled("b", 3)
	late.Story, late.Place, late.Header.State = first.Story, compose.Late, story.Open
	for _, k := range []*Chunk{first, late, other} {
		b.HandOver(k)
	}
	b.Delivery.mu.Lock()
	defer b.Delivery.mu.Unlock()
	for _, k := range []*Chunk{other, first} {
		if !b.spillLocked(k) {
			t.Fatalf("%s stays in memory", k.Header.Key)
		}
	}
	b.queue.all = []*Chunk{late}
	var got []string
	for k := b.dequeueLocked(true); k != nil; k = b.dequeueLocked(true) {
		got = append(got, fmt.Sprint(k.Header.Key.ID, " ", k.count))
	}
	if want := []string{"a 3", "a 1", "b 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Text that is stored is found by nobody without its header: where the store took one
// and not the other until the end, the story stays in the journal, even if not all of it
// is there, or the fallback says so.
func TestHeaderThatIsLeft(t *testing.T) {
	headers := func(parts []story.Part) error {
		failed := &story.PutError{}
		for i, p := range parts {
			if p.Number == 0 {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: errBusy})
			}
		}
		return failed
	}
	for name, test := range map[string]struct {
		journal, left bool
	}{"in the journal": {true, true}, "in memory": {false, false}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := Config{}
			if test.journal {
				cfg.Journal = dir
			}
			answers := make([]answer, 1000)
			for i := range answers {
				answers[i] = headers
			}
			b := newBench(t, cfg, answers...)
			var k *Chunk
			if test.journal {
				b.Log.Open()
				k = b.journaledAs(compose.Middle, story.Open, "a", 3)
				k.Mark.Spoil() // as if a line had found no room
			} else {
				k = b.chunk("a", slog.LevelInfo, "of a")
				k.Place, k.Header.State = compose.Middle, story.Open
			}
			b.HandOver(k)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if left := b.Flush(ctx); left == nil || left.Lines != 0 || left.Stories != 1 {
				t.Errorf("Flush: %+v", left)
			}
			cancel()
			left, err := b.Shutdown(ctx)
			if _, again := b.Shutdown(t.Context()); left == nil || err != nil || again != nil {
				t.Errorf("Shutdown: %+v, %v, %v", left, err, again)
			}
			orphans, err := storylog.Claim(dir, b.Budget, compose.Ended)
			if err != nil || (len(orphans) == 1) != test.left {
				t.Fatalf("%d journals are left, %v", len(orphans), err)
			}
			if told := strings.Contains(b.fallback.String(), "its header is not"); told == test.left {
				t.Errorf("in the fallback: %q", &b.fallback)
			}
			if !test.left {
				return
			}
			defer orphans[0].Close()
			if r, more := orphans[0].Next(b.Lines); !more || r.Stored.Count() != 3 {
				t.Errorf("the next process finds %+v", r)
			}
		})
	}
}

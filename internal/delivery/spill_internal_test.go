package delivery

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// journaled makes a whole story whose lines are in the journal.
func (b *bench) journaled(id string, lines int) *Chunk {
	b.Helper()
	k := b.chunk(id, slog.LevelInfo, "first")
	k.Lines.Release(b.Lines)
	var entry storylog.Entry
	for i := range lines {
		message := fmt.Sprintf("%s line %d", id, i)
		m := linebuf.Meta{Message: uint32(len(message))}
		k.Lines.Add(b.Lines, &m, message, nil)
		if b.Log.Stale(&entry, 1) {
			b.Log.Story(&entry, 1, k.Header, false, nil)
		}
		if !b.Log.Line(&entry, &m, message, nil) {
			b.Fatalf("line %d is not in the journal", i)
		}
	}
	k.Mark = b.Log.Chunk(&entry, &storylog.Handed{Header: k.Header, Whole: true, Lines: lines})
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
		spilled, gone := b.spillLocked(test.chunk)
		b.Delivery.mu.Unlock()
		if spilled != test.spilled || gone != test.gone || (test.chunk.Lines.Count == 0) != spilled {
			t.Errorf("%s: spilled %v, gone %v, %d lines are in memory", test.chunk.Header.Key, spilled, gone, test.chunk.Lines.Count)
		}
	}
	again := b.reload(b.spilled[0])
	b.load(again)
	if got := messagesOf(&again.Lines); got != "small line 0, small line 1, small line 2" || again.Header.Key.ID != "small" || again.Story != small.Story {
		t.Errorf("read back: %s of %+v", got, again.Header)
	}
	b.load(large)
	if large.Lines.Count != large.count || large.lost.unread != 0 {
		t.Errorf("of %d lines %d are read back, %d lost", large.count, large.Lines.Count, large.lost.unread)
	}
}

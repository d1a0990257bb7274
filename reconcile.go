package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A journal that found no room, or is damaged, does not tell all that its process
// did. What it has of a chunk may then be stored already, with lines that it lacks,
// and a story that looks as if it were open may have ended. Before such a chunk is
// stored the store is asked what it has, so that nothing is replaced by less.

// readLimit is how long reading one story may take.
const readLimit = time.Minute

// storedStory is what the store has of the story of a chunk in doubt.
type storedStory struct {
	story story.Story
	err   error
}

// ask reads what is stored of a chunk's story, after a delay, on a goroutine of its own.
func (w *writer) ask(k *chunk, after time.Duration) {
	w.asked = k
	go w.read(k.header, after)
}

func (w *writer) read(h story.Header, after time.Duration) {
	ctx, cancel := context.WithTimeout(w.ctx, after+readLimit)
	defer cancel()
	select {
	case <-time.After(after):
		s, err := w.core.store.Read(ctx, h.Key, h.ID)
		w.answers <- storedStory{s, err}
	case <-ctx.Done():
		w.answers <- storedStory{err: ctx.Err()}
	}
}

// reconcile acts on what the store has: the chunk is ready to be stored, or the store is
// asked again.
func (w *writer) reconcile(a storedStory) {
	k := w.asked
	w.asked = nil
	switch {
	case errors.Is(a.err, story.ErrNotFound):
		k.beginAnew()
	case w.ctx.Err() != nil:
		w.drop(k)
		return
	case a.err != nil:
		kind, longest := fault, longestDelay
		if errors.Is(a.err, story.ErrUnusable) {
			kind, longest = misconfigured, longestProbe
		}
		now := time.Now()
		w.asking.fail(now, longest)
		w.tell(kind, fmt.Errorf("recovering: what is stored of %s %s cannot be read: %w", k.header.Key, k.header.ID, a.err))
		w.ask(k, w.asking.left(now))
		return
	default:
		k.goOnFrom(&a.story, &w.core.blocks)
	}
	w.asking, w.ready = delay{}, k
}

// drop gives up a chunk that stays in the journal.
func (w *writer) drop(k *chunk) {
	if k != nil {
		k.lines.release(&w.core.blocks)
	}
}

// beginAnew makes a chunk one of a story of which nothing is stored: late lines are
// all that there is of it, and where there are no lines there is nothing to end.
func (k *chunk) beginAnew() {
	if k.late && !k.telling.begun {
		k.telling.empty = true
	}
	k.late = k.late || k.lines.count == 0
}

// goOnFrom makes a chunk go on behind what is stored of its story: the lines that
// are there are left out, and a story that has ended is not ended again.
func (k *chunk) goOnFrom(stored *story.Story, pool *blocks) {
	t := k.telling
	t.key, t.begun, t.empty = k.header.Key, true, false
	t.parts, t.lines = stored.Parts, len(stored.Lines)
	if t.ended = stored.State != story.Open; t.ended {
		k.late, k.header.State = true, story.Open
	}
	k.whole = false
	k.header.MaxLevel = max(k.header.MaxLevel, stored.MaxLevel)
	there := make(map[story.Line]int, len(stored.Lines))
	for _, line := range stored.Lines {
		line.Depth, line.Up = 0, 0
		there[line]++
	}
	left := k.lines.keep(pool, func(facts lineFacts, message, attrs string) bool {
		line := story.Line{
			Offset: milliseconds(facts.offset), Level: facts.level, Lane: int(facts.lane),
			Message: message, Attrs: attrs,
		}
		if there[line] == 0 {
			return true
		}
		there[line]--
		return false
	})
	if k.count = k.lines.count; left > 0 {
		k.refused = 0 // that too is told there
	}
}

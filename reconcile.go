package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// A journal that found no room, or is damaged, does not tell all that its process
// did. What it has of a chunk may then be stored already, with lines that it lacks,
// and a story that looks as if it were open may have ended. Before such a chunk is
// stored the store is asked what it has: nothing is replaced, and only what is not
// there is added, in the places that are free.

// readLimit is how long reading one story may take.
const readLimit = time.Minute

// A storedStory is what the store has of a story.
type storedStory struct {
	key   story.Key // under which it is, and was rekeyed perhaps
	parts []story.Part
	moved []story.Part // what stayed under the key of before
	err   error
}

// askNext asks about the doubtful chunk, once what came before it is stored.
func (w *writer) askNext() {
	k := w.doubtful
	w.core.mu.Lock()
	early := k.after != nil && k.after.unsettled != nil
	w.core.mu.Unlock()
	if !early {
		w.doubtful = nil
		w.ask(k, 0)
	}
}

// ask reads what is stored of a chunk's story, after a delay, on a goroutine of its own.
func (w *writer) ask(k *chunk, after time.Duration) {
	w.asked = k
	go w.read(k.header, k.keys, after)
}

func (w *writer) read(h story.Header, keys []story.Key, after time.Duration) {
	ctx, cancel := context.WithTimeout(w.ctx, after+readLimit)
	defer cancel()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.answers <- w.core.readStored(ctx, h, keys)
	case <-ctx.Done():
		w.answers <- storedStory{err: ctx.Err()}
	}
}

// readStored reads what is stored of a story, under the key that is known, others that
// it is known to have had, and the one under which lists have it.
func (c *core) readStored(ctx context.Context, h story.Header, keys []story.Key) (stored storedStory) {
	keys = append(slices.DeleteFunc(slices.Clone(keys), func(key story.Key) bool { return key == h.Key }), h.Key)
	q := story.Query{Since: h.Start, Until: h.Start.Add(time.Microsecond)}
	for listed, err := range story.All(ctx, c.calls, q) {
		if err != nil {
			return storedStory{err: err}
		}
		if listed.ID == h.ID {
			keys = append(slices.DeleteFunc(keys, func(key story.Key) bool { return key == listed.Key }), listed.Key)
		}
	}
	stored.key = h.Key
	for _, key := range keys {
		parts, err := c.calls.ReadParts(ctx, key, h.ID)
		switch {
		case errors.Is(err, story.ErrNotFound):
		case err != nil:
			return storedStory{err: err}
		default:
			stored.moved = append(stored.moved, stored.parts...)
			stored.key, stored.parts = key, parts
		}
	}
	return stored
}

// unknownParts is a number beyond those of parts that a store has and does not tell.
const unknownParts = 10 * story.MaxReadParts

// reconcile acts on what the store has: the chunk is ready to be stored, or the store
// is asked again.
func (w *writer) reconcile(stored storedStory) {
	k := w.asked
	w.asked = nil
	switch err := stored.err; {
	case err == nil:
		k.header.Key = stored.key
		k.found = k.compare(stored, &w.core.blocks)
	case w.ctx.Err() != nil:
		w.drop(k)
		return
	default:
		kind, longest := fault, longestDelay
		if errors.Is(err, story.ErrUnusable) {
			kind, longest = misconfigured, longestProbe
		}
		now := time.Now()
		w.asking.fail(now, longest)
		w.tell(kind, fmt.Errorf("what is stored of %s %s cannot be read, before it is recovered: %w", k.header.Key, k.header.ID, unnamed{err}))
		w.ask(k, w.asking.left(now))
		return
	}
	w.asking, w.ready = delay{}, k
}

// drop gives up a chunk that stays in the journal.
func (w *writer) drop(k *chunk) {
	if k != nil {
		k.lines.Release(&w.core.blocks)
	}
}

// found is what was found of a story in the store.
type found struct {
	header *story.Header // nil if there is none
	lines  int
	taken  map[int]bool // parts beside the header, and whether each ends within a line
	before int          // number of the last part whose lines are older than the chunk's
}

// compare takes out of a chunk the lines that are stored.
func (k *chunk) compare(stored storedStory, pool *linebuf.Pool) *found {
	f := &found{taken: make(map[int]bool)}
	there := make(map[story.Line]*int)
	for _, parts := range [][]story.Part{stored.moved, stored.parts} {
		f.lines = 0
		for text := range runs(parts) {
			for _, line := range story.Parse(text) {
				line.Depth, line.Up = 0, 0
				if there[line] == nil {
					there[line] = new(int)
				}
				*there[line]++
				f.lines++
			}
		}
	}
	left := k.lines.Keep(pool, func(facts linebuf.Meta, message, attrs string) bool {
		line := story.Line{
			Offset: facts.Since(), Level: facts.Level, Lane: int(facts.Lane),
			Message: message, Attrs: attrs,
		}
		times := there[line] // of which the key is kept: that of line is valid for now only
		if times == nil || *times == 0 {
			return true
		}
		*times--
		return false
	})
	if k.count = k.lines.Count; left > 0 {
		k.refused = 0 // that too is told there
	}
	oldest := time.Duration(math.MinInt64)
	if k.count > 0 {
		oldest = math.MaxInt64
	}
	k.lines.Each(func(facts linebuf.Meta, _, _ string) { oldest = min(oldest, facts.Since()) })
	for _, part := range stored.parts {
		if part.Number == 0 {
			f.header = part.Header
			continue
		}
		f.taken[part.Number] = part.Text != "" && !strings.HasSuffix(part.Text, "\n")
		if lines := story.Parse(part.Text); len(lines) > 0 && lines[len(lines)-1].Offset < oldest {
			f.before = part.Number
		}
	}
	if len(stored.parts) > story.MaxReadParts { // and perhaps others
		f.taken[unknownParts] = false
	}
	return f
}

// runs yields the texts of parts that follow each other without a gap.
func runs(parts []story.Part) iter.Seq[string] {
	return func(yield func(string) bool) {
		var run strings.Builder
		last := 0
		for _, part := range parts {
			if part.Number > last+1 {
				if !yield(run.String()) {
					return
				}
				run.Reset()
			}
			run.WriteString(part.Text)
			last = part.Number
		}
		yield(run.String())
	}
}

// goOnFrom makes the story go on behind what was found of it when the chunk was in
// doubt: one that has ended is not ended again.
func (t *telling) goOnFrom(k *chunk) {
	f := k.found
	switch {
	case f.header == nil && len(f.taken) == 0: // nothing is stored
		if k.late && !t.begun {
			t.empty = true // late lines are all that there is
		}
		k.late = k.late || k.lines.Count == 0 // there is nothing to end
		return
	case f.header != nil && f.header.State != story.Open:
		t.key, t.ended = k.header.Key, true
		k.late, k.header.State = true, story.Open
	case k.late: // its end is not there
		k.late, k.header.State = false, story.Sealed
	}
	if t.key.IsZero() {
		t.key = k.header.Key
	}
	t.begun = t.begun || f.header != nil
	t.lines, t.empty, k.whole = f.lines, false, false
	if f.header != nil {
		k.header.MaxLevel, t.level = max(k.header.MaxLevel, f.header.MaxLevel), f.header.MaxLevel
	}
	if t.taken == nil {
		t.taken = make(map[int]bool)
	}
	maps.Copy(t.taken, f.taken)
	t.parts = max(t.parts, f.before)
	if _, beyond := f.taken[unknownParts]; beyond { // one place for each second, so that another try takes another
		t.parts = max(t.parts, unknownParts+int(time.Since(k.header.Start).Seconds()))
	}
}

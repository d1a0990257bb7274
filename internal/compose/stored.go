package compose

import (
	"iter"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// Stored is what a store has of a story. Before a chunk is written down of which it is
// not known whether it is stored already, the store is asked: nothing is replaced, and
// only what is not there is added, in the places that are free.
type Stored struct {
	Key   story.Key // under which it is, and was rekeyed perhaps
	Parts []story.Part
	Moved []story.Part // what stayed under keys of before
}

// found is what was found of a story in the store.
type found struct {
	header *story.Header // nil if there is none
	lines  int
	taken  map[int]bool // parts beside the header, and whether each ends within a line
	before int          // number of the last part whose lines are older than the chunk's
}

// UnknownParts is a number beyond those of parts that a store has and does not tell.
const UnknownParts = 10 * story.MaxReadParts

// Reconcile takes out of a chunk the lines that are stored, and lets the story go on
// behind what is: one that has ended is not ended again.
func (c *Composer) Reconcile(k *Chunk, stored Stored, pool *linebuf.Pool) {
	k.Header.Key = stored.Key
	f := k.compare(stored, pool)
	c.goOn(k, f)
	c.noteStored(stored.Key.Kind, stored, f.header)
}

// compare takes out of a chunk the lines that are stored.
func (k *Chunk) compare(stored Stored, pool *linebuf.Pool) *found {
	f := &found{taken: make(map[int]bool)}
	there := f.count(stored)
	left := k.Lines.Keep(pool, func(m linebuf.Meta, message, attrs string) bool {
		line := story.Line{Offset: m.Since(), Level: m.Level, Lane: int(m.Lane), Message: message, Attrs: attrs}
		times := there[line] // of which the key is kept: that of line is valid for now only
		if times == nil || *times == 0 {
			return true
		}
		*times--
		return false
	})
	if left > 0 {
		k.Dropped = 0 // that too is told there
	}
	oldest := time.Duration(math.MinInt64)
	if k.Lines.Count() > 0 {
		oldest = math.MaxInt64
	}
	k.Lines.Each(func(m linebuf.Meta, _, _ string) { oldest = min(oldest, m.Since()) })
	for _, part := range stored.Parts {
		if part.Number == 0 {
			f.header = part.Header
			continue
		}
		f.taken[part.Number] = part.Text != "" && !strings.HasSuffix(part.Text, "\n")
		if lines := story.Parse(part.Text); len(lines) > 0 && lines[len(lines)-1].Offset < oldest {
			f.before = part.Number
		}
	}
	if len(stored.Parts) > story.MaxReadParts { // and perhaps others
		f.taken[UnknownParts] = false
	}
	return f
}

// count returns how often each line is stored.
func (f *found) count(stored Stored) map[story.Line]*int {
	there := make(map[story.Line]*int)
	for _, parts := range [][]story.Part{stored.Moved, stored.Parts} {
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
	return there
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

// goOn makes the story go on behind what was found of it.
func (c *Composer) goOn(k *Chunk, f *found) {
	switch {
	case f.header == nil && len(f.taken) == 0: // nothing is stored
		if k.Place == Late && c.phase == unwritten {
			c.phase = empty // late lines are all that there is
		}
		if k.Lines.Count() == 0 { // there is nothing to end
			k.Place = Late
		}
		return
	case f.header != nil && f.header.State != story.Open:
		c.key, c.ended = k.Header.Key, true
		c.again = f.header
		c.also = &alias.Keys{}
		c.also.AddAll(f.header.Also)
		k.Place, k.Header.State = Late, story.Open
	case k.Place == Late: // its end is not there
		k.Place, k.Header.State = Last, story.Sealed
	case k.Place == Whole:
		k.Place = Last
	}
	if c.key.IsZero() {
		c.key = k.Header.Key
	}
	if c.phase == empty {
		c.phase = unwritten
	}
	if f.header != nil {
		if c.phase == unwritten {
			c.phase = written
		}
		k.Header.MaxLevel, c.level = max(k.Header.MaxLevel, f.header.MaxLevel), f.header.MaxLevel
	}
	c.lines = f.lines
	if c.taken == nil {
		c.taken = make(map[int]bool)
	}
	maps.Copy(c.taken, f.taken)
	c.parts = max(c.parts, f.before)
	if _, beyond := f.taken[UnknownParts]; beyond { // one place for each second, so that another try takes another
		c.parts = max(c.parts, UnknownParts+int(time.Since(k.Header.Start).Seconds()))
	}
}

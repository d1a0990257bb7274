package dynamoslog

import (
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/dynamoslog/dynamoslog/story"
)

// A telling is how far a story has been written down: the writer's side of it.
type telling struct {
	tree    tree
	key     story.Key
	parts   int        // text parts made under the key
	lines   int        // lines in them
	begun   bool       // a header was made
	level   slog.Level // of its final header
	ended   bool       // its end was made: a final header, or none as it was dropped or not kept
	empty   bool       // it has ended, and nothing of it is stored
	refused bool       // by Keep, or for want of memory: late lines are not stored either
	shed    bool       // for want of memory: they are counted as dropped
	former  map[story.Key]formerKey

	// The parts that were found under the key when a recovered chunk was in doubt, and
	// whether each ends within a line; those that were made since then as well. Nil
	// where parts says it all.
	taken map[int]bool

	aside    int       // chunks that were put aside, of
	asideKey story.Key // guarded by core.mu, both
	waiting  int       // chunks that are not settled; guarded by core.mu

	resume atomic.Pointer[resumePoint] // where the journal resumes it; nil without one
}

func (c *core) newTelling() *telling { return &telling{tree: tree{indent: c.opts.Indent}} }

// A formerKey is what of a story is stored under a key that it had before.
type formerKey struct{ parts, lines int }

// A parcel is a part on its way to the store.
type parcel struct {
	story.Part
	chunk   *chunk
	lines   int  // that begin in it
	refused bool // the store was busy
}

// tell makes the parts of a chunk, in the order in which they must be stored.
func (t *telling) tell(k *chunk, c *core) []*parcel {
	if k.unreadable {
		return nil
	}
	if k.from != nil {
		t.resumeFrom(k.from)
	}
	if k.found != nil {
		t.goOnFrom(k)
	}
	t.ended = t.ended || k.ends()
	if k.refusedByKeep {
		t.refused = true
		c.counts.notKept.Add(1)
	}
	if t.refused {
		if t.shed {
			c.mu.Lock()
			k.drop(c, k.lines.count)
			c.mu.Unlock()
		}
		return nil
	}
	parcels := t.move(k)
	k.leaveOut(c)
	if k.whole && k.lines.count == 0 && t.parts == 0 {
		t.empty = true
		return nil
	}
	text, starts := t.format(&k.lines, &c.sheet)
	t.lines += k.lines.count
	header := k.header
	header.LineCount = t.lines

	final := k.ends()
	if k.late && t.empty {
		final, header.State = true, story.Sealed // late lines are all that there is
	}
	t.empty = false
	if final {
		t.level = header.MaxLevel
	}
	if final && (t.parts == 0 && len(t.taken) == 0 || k.whole) && story.FitsHeader(len(text)) { // late lines may have overtaken it
		t.begun = true
		return append(parcels, t.parcel(k, story.Part{Header: &header, Text: text}, len(starts)))
	}
	if !final && !t.begun && !k.late {
		open := header
		t.begun = true
		parcels = append(parcels, t.parcel(k, story.Part{Header: &open}, 0))
	}
	parcels = append(parcels, t.textParts(k, text, starts)...)
	if final {
		header.Parts = t.unbroken()
		parcels = append(parcels, t.parcel(k, story.Part{Header: &header}, 0))
	}
	return append(parcels, t.raise(k, header, final)...)
}

// raise makes the part by which late lines that went wrong are found in lists: it
// raises the level of the header that is stored.
func (t *telling) raise(k *chunk, header story.Header, final bool) []*parcel {
	if !k.late || final || !t.begun {
		return nil
	}
	k.lines.each(func(facts lineFacts, _, _ string) { header.MaxLevel = max(header.MaxLevel, facts.level) })
	if header.MaxLevel < warn || header.MaxLevel <= t.level {
		return nil
	}
	t.level, header.State = header.MaxLevel, story.Sealed
	return []*parcel{t.parcel(k, story.Part{Header: &header, Raise: true}, 0)}
}

// leaveOut takes the quieter lines out of a calm story, and says what is missing.
func (k *chunk) leaveOut(c *core) {
	if quiet, ok := c.quietLevel(); ok && k.header.MaxLevel < warn {
		dropped := k.lines.keepFrom(&c.blocks, quiet)
		c.counts.quiet.Add(int64(dropped))
		if dropped > 0 && !k.whole {
			k.note(c, slog.LevelDebug, count(dropped, "quieter line", "quieter lines")+" left out")
		}
	}
	if k.refused > 0 {
		k.note(c, warn, k.droppedNote())
	}
}

// droppedNote is the message that stands for lines that were dropped.
func (k *chunk) droppedNote() string {
	return count(k.refused, "line", "lines") + " dropped: memory was full"
}

// textParts makes the parts of a text whose lines begin at starts.
func (t *telling) textParts(k *chunk, text string, starts []int) (parcels []*parcel) {
	pieces := slices.Collect(story.Pieces(text))
	number := t.place(len(pieces))
	end := 0
	for _, piece := range pieces {
		n := 0
		for end += len(piece); len(starts) > 0 && starts[0] < end; n++ {
			starts = starts[1:]
		}
		if t.taken[number-1] {
			piece = "\n" + piece
		}
		if t.taken != nil {
			t.taken[number] = false
		}
		parcels = append(parcels, t.parcel(k, story.Part{Number: number, Text: piece}, n))
		t.parts = number
		number++
	}
	return parcels
}

// place returns the number of the first of so many further parts, which follow each
// other.
func (t *telling) place(parts int) int {
	first := t.parts + 1
	for i := 0; i < parts; i++ {
		if _, taken := t.taken[first+i]; taken {
			first, i = first+i+1, -1
		}
	}
	return first
}

// unbroken returns up to which number there is every part.
func (t *telling) unbroken() int {
	if t.taken == nil {
		return t.parts
	}
	n := 0
	for taken := true; taken; n++ {
		_, taken = t.taken[n+1]
	}
	return n - 1
}

func (t *telling) parcel(k *chunk, part story.Part, lines int) *parcel {
	part.Key, part.ID = t.key, k.header.ID
	return &parcel{Part: part, chunk: k, lines: lines}
}

// move goes over to the chunk's key. What is stored under another one ends there.
func (t *telling) move(k *chunk) []*parcel {
	from := t.key
	t.key = k.header.Key
	if !t.begun || from == t.key || k.late {
		if t.begun && k.late {
			t.key = from
		}
		return nil
	}
	moved := k.header
	moved.Key, moved.State, moved.LineCount, moved.Parts = from, story.Moved, t.lines, t.parts
	moved.Attrs = map[string]string{story.AttrMovedTo: t.key.String()}
	end := &parcel{Part: story.Part{Key: from, ID: k.header.ID, Header: &moved}, chunk: k}
	attrs := map[string]string{story.AttrMovedFrom: from.String()}
	for name, value := range k.header.Attrs {
		attrs[name] = value
	}
	k.header.Attrs = attrs
	if t.former == nil {
		t.former = make(map[story.Key]formerKey)
	}
	t.former[from] = formerKey{t.parts, t.lines}
	before := t.former[t.key] // perhaps it was about this before
	t.parts, t.lines, t.begun = before.parts, before.lines, false
	return []*parcel{end}
}

const largestSheet = 1 << 20 // that is kept

// A sheet is what lines are written down on, again and again.
type sheet struct {
	text   []byte
	starts []int // of the lines
}

// format writes the lines down. Where they begin is valid until the next time.
func (t *telling) format(l *lines, on *sheet) (text string, starts []int) {
	on.text, on.starts = slices.Grow(on.text[:0], l.size), on.starts[:0]
	l.each(func(facts lineFacts, message, attrs string) {
		on.starts = append(on.starts, len(on.text))
		on.text = t.tree.line(facts, message, attrs).AppendText(on.text)
	})
	text, starts = string(on.text), on.starts
	if cap(on.text) > largestSheet {
		*on = sheet{}
	}
	return text, starts
}

// note appends a line of the handler's own to the chunk.
func (k *chunk) note(c *core, level slog.Level, message string) {
	facts := lineFacts{level: level, message: uint32(len(message))}
	k.lines.each(func(last lineFacts, _, _ string) { facts.offset, facts.lane = last.offset, last.lane })
	k.lines.add(&c.blocks, &facts, message, nil)
}

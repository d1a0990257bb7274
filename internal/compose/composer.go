// Package compose writes stories down: it makes of the lines that were handed over the
// parts that a store keeps, in the order in which they have to be stored.
package compose

import (
	"log/slog"
	"maps"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Composer is how far one story is written down. Its zero value is for a story of
// which nothing is, with depths by frames. One goroutine at a time uses it.
type Composer struct {
	tree  tree
	key   story.Key
	parts int // text parts made under the key
	lines int // lines in them
	phase phase
	// ended is set when the story's end was made, or left: what follows it is late.
	ended bool
	level slog.Level // of the final header, once that is made
	cause *cause     // of what is written down
	// also are keys found in lines; once the story has ended, all under which it is listed. Nil
	// where there are none.
	also *alias.Keys
	// again is the final header that was found of a story whose aliases may be missing; else nil.
	again *story.Header
	// former is what of the story is stored under keys that it had before; nil if it had none.
	former map[story.Key]formerKey
	// taken are the parts that were found under the key when a recovered chunk was in
	// doubt, and whether each ends within a line; those that were made since then as well.
	// It is nil where parts says it all.
	taken map[int]bool
}

// A phase is what of a story is written down. Without ended:
//
//	unwritten ──▶ written
//
// and with it, where the whole of the story was handed over at once:
//
//	unwritten ──▶ written, empty, notKept or dropped;  empty ──late lines──▶ written
type phase uint8

const (
	unwritten phase = iota
	written         // a header was made, or is known to be stored
	empty           // nothing of it is stored: it had no line left
	notKept         // Options.Keep refused it: late lines are not stored either
	dropped         // it was dropped for want of memory: late lines are as well
)

// A formerKey is what of a story is stored under a key that it had before.
type formerKey struct{ parts, lines int }

// New returns a Composer for a story of which nothing is written down. Depths are steps
// for each caller that logged if byCaller is set, else for each frame.
func New(byCaller bool) *Composer { return &Composer{tree: tree{byCaller: byCaller}} }

// Key returns the key under which the story is written down; zero if nothing is.
func (c *Composer) Key() story.Key { return c.key }

// Drop makes the story one that was dropped for want of memory.
func (c *Composer) Drop() { c.phase = dropped }

// Leave takes note of a chunk that is left unwritten, and of which formatted tells whether
// it was at least formatted: what comes after it goes on from here.
func (c *Composer) Leave(k *Chunk, formatted bool) {
	c.ended = c.ended || k.Ends()
	if !formatted {
		k.Lines.Each(func(m linebuf.Meta, _, _ string) { c.tree.lose(int(m.Lane), m.Place) })
	}
}

// A Part is a part of a story, with the number of the lines that begin in it.
type Part struct {
	story.Part
	Lines int
}

// Told is what became of a chunk.
type Told struct {
	Parts   []Part      // in the order in which they must be stored; none where there is nothing to be stored
	Problem *story.Part // the alias of the problem that the story is one of, to be stored behind them; nil if it has none
	Quiet   int         // lines that are left out, as below the quiet level
	Dropped int         // lines that are dropped, as the story was
}

// A Scratch is memory that Composers use one after the other.
type Scratch struct {
	Pool   *linebuf.Pool // for blocks of lines
	Index  *alias.Index  // of the attributes of lines whose values are keys
	text   []byte
	starts []int  // of the lines in text
	across []byte // for lines that begin in one block and go on in another
	parts  []Part
	open   []openLine // for the trees of new stories, as is:
	shown  []int
}

// Parts makes the parts of a chunk. Lines below quiet, unless nil, are left out where
// the story is calm. What it returns is valid until the scratch is used again.
func (c *Composer) Parts(k *Chunk, quiet *slog.Level, s *Scratch) Told {
	clear(s.parts)
	told := c.tell(k, quiet, s)
	s.parts = told.Parts
	return told
}

func (c *Composer) tell(k *Chunk, quiet *slog.Level, s *Scratch) (told Told) {
	c.ended = c.ended || k.Ends()
	if k.Place == NotKept {
		c.phase = notKept
	}
	switch c.phase {
	case dropped:
		return Told{Dropped: k.Lines.Count()}
	case notKept:
		return Told{}
	}
	told.Parts = append(s.parts[:0], c.move(k)...)
	told.Quiet = k.leaveOut(quiet, s.Pool)
	if k.IsWhole() && k.Lines.Count() == 0 && c.parts == 0 {
		c.phase = empty
		return told
	}
	text, starts := c.format(k, s)
	c.lines += k.Lines.Count()
	for _, moved := range told.Parts {
		c.cause.explain(moved.Header)
	}
	header := k.Header
	header.LineCount = c.lines
	c.cause.explain(header)

	final := k.Ends()
	if k.Place == Late && c.phase == empty { // late lines are all that there is
		final, header.State = true, story.Sealed
	}
	if c.phase == empty {
		c.phase = unwritten
	}
	if final {
		c.level = header.MaxLevel
		text, starts = c.listUnder(k, header, text, starts)
	} else {
		header.Also = nil
	}
	if final && (c.parts == 0 && len(c.taken) == 0 || k.IsWhole()) && story.FitsHeader(len(text)) { // late lines may have overtaken it
		told.add(c.part(k, story.Part{Header: header, Text: text}, len(starts)))
		told.list(header)
		c.phase = written
		return told
	}
	if !final && c.phase == unwritten && k.Place != Late {
		open := *header
		told.add(c.part(k, story.Part{Header: &open}, 0))
		c.phase = written
	}
	told.Parts = append(told.Parts, c.textParts(k, text, starts)...)
	if final {
		header.Parts = c.unbroken()
		told.add(c.part(k, story.Part{Header: header}, 0))
		told.list(header)
		c.phase = written
	}
	if c.again != nil {
		told.list(c.again)
		c.again = nil
	}
	return c.raise(told, k, header, final)
}

func (t *Told) add(p Part) { t.Parts = append(t.Parts, p) }

// raise adds the part by which late lines that went wrong are found in lists: it raises
// the level of the header that is stored.
func (c *Composer) raise(told Told, k *Chunk, header *story.Header, final bool) Told {
	if k.Place != Late || final || c.phase != written {
		return told
	}
	if header.MaxLevel < slog.LevelWarn || header.MaxLevel <= c.level {
		return told
	}
	c.level, header.State = header.MaxLevel, story.Sealed
	var aliases Told
	c.raiseAliases(&aliases, header)
	told.add(c.part(k, story.Part{Header: header, Raise: true}, 0))
	told.Parts = append(told.Parts, aliases.Parts...)
	if aliases.Problem != nil {
		told.Problem = aliases.Problem
	}
	return told
}

// textParts makes the parts of a text whose lines begin at starts.
func (c *Composer) textParts(k *Chunk, text string, starts []int) (parts []Part) {
	pieces := slices.Collect(story.Pieces(text))
	number := c.free(len(pieces))
	added := 0             // bytes before the text
	if c.taken[number-1] { // the part before ends within a line
		text, added = "\n"+text, 1
		pieces = slices.Collect(story.Pieces(text))
		number = c.free(len(pieces))
	}
	end := -added
	for _, piece := range pieces {
		n := 0
		for end += len(piece); len(starts) > 0 && starts[0] < end; n++ {
			starts = starts[1:]
		}
		if c.taken != nil {
			c.taken[number] = false
		}
		parts = append(parts, c.part(k, story.Part{Number: number, Text: piece}, n))
		c.parts = number
		number++
	}
	return parts
}

// free returns the number of the first of so many further parts, which follow each
// other.
func (c *Composer) free(parts int) int {
	first := c.parts + 1
	for i := 0; i < parts; i++ {
		if _, taken := c.taken[first+i]; taken {
			first, i = first+i+1, -1
		}
	}
	return first
}

// unbroken returns up to which number there is every part.
func (c *Composer) unbroken() int {
	if c.taken == nil {
		return c.parts
	}
	n := 0
	for taken := true; taken; n++ {
		_, taken = c.taken[n+1]
	}
	return n - 1
}

func (c *Composer) part(k *Chunk, part story.Part, lines int) Part {
	part.Key, part.ID = c.key, k.Header.ID
	return Part{part, lines}
}

// move goes over to the chunk's key. What is stored under another one ends there.
func (c *Composer) move(k *Chunk) []Part {
	from := c.key
	begun := c.phase == written
	if !begun || from == k.Header.Key || k.Place == Late {
		if !begun || k.Place != Late {
			c.key = k.Header.Key
		}
		return nil
	}
	c.key = k.Header.Key
	moved := *k.Header
	moved.Also = nil
	moved.Key, moved.State, moved.LineCount, moved.Parts = from, story.Moved, c.lines, c.parts
	moved.Attrs = map[string]string{story.AttrMovedTo: c.key.String()}
	attrs := map[string]string{story.AttrMovedFrom: from.String()}
	maps.Copy(attrs, k.Header.Attrs)
	k.Header.Attrs = attrs
	if c.former == nil {
		c.former = make(map[story.Key]formerKey)
	}
	c.former[from] = formerKey{c.parts, c.lines}
	before := c.former[c.key] // perhaps it was about this before
	c.parts, c.lines, c.phase = before.parts, before.lines, unwritten
	return []Part{{story.Part{Key: from, ID: k.Header.ID, Header: &moved}, 0}}
}

// Format writes lines down as text.
func (c *Composer) Format(l *linebuf.Lines, s *Scratch) string {
	text, _ := c.format(&Chunk{Lines: *l}, s)
	return text
}

// format returns the text and where in it each line begins, which is valid until the
// scratch is used again. The last lines are notes, which cause nothing.
func (c *Composer) format(k *Chunk, s *Scratch) (text string, starts []int) {
	const largest = 1 << 20 // that is kept
	l, notes := &k.Lines, k.notes
	index := s.Index
	if k.Place == Late && c.phase != empty { // its aliases are made
		index = nil
	}
	var also alias.Keys
	if c.also != nil {
		also = *c.also
	}
	first := len(c.tree.lanes) == 0
	if first {
		c.tree.borrow(s)
	}
	s.text, s.starts = slices.Grow(s.text[:0], l.Size), s.starts[:0]
	lines := l.Read(s.across)
	for lines.Next() {
		m := &lines.Meta
		line := story.Line{Offset: m.Since(), Level: m.Level, Lane: int(m.Lane), Message: lines.Message, Attrs: lines.Attrs}
		number := len(s.starts)
		s.starts = append(s.starts, len(s.text))
		if number >= l.Count()-notes {
			line.Depth = c.tree.note(line.Lane)
			s.text = line.AppendText(s.text)
			continue
		}
		line.Depth, line.Up = c.tree.line(m, line.Message)
		s.text = line.AppendText(s.text)
		index.Line(line.Attrs, &also)
		if c.cause.worse(m.Level) {
			c.noteCause(&line)
		}
	}
	s.across = lines.Memory()
	for lane, gap := range l.TakeLost() {
		c.tree.lose(int(lane), gap.Place())
	}
	if first {
		c.tree.giveBack(s)
	}
	if index != nil && also.Any() {
		found := also
		c.also = &found
	}
	c.tree.keepCallers()
	text, starts = string(s.text), s.starts
	if cap(s.text) > largest {
		*s = Scratch{Pool: s.Pool, Index: s.Index}
	}
	return text, starts
}

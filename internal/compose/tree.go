package compose

import (
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/problem"
)

// A tree turns the frames of a story's lines into the depths that are stored.
// Its zero value is ready for the first line.
type tree struct {
	byCaller bool // a step for each caller that logged, instead of each frame
	lanes    []branch
	lane1    [1]branch // room for lanes, while there is one
}

// A branch is the tree of one lane.
type branch struct {
	frames int        // of the last line whose place is known
	base   int        // fewest frames of any line so far: the margin
	lost   int        // one more than the frames that a line may have which the next one stands under, as lines dropped since then say; 0 if none were
	open   []openLine // the line before and the lines it stands under, outermost first
	shown  []int      // depths of the lines that the indent alone would name as parents
	open1  [1]openLine
	shown1 [1]int // room for open and shown between chunks: most stories end at the margin
}

// An openLine is one under which further lines may stand.
type openLine struct {
	frames  int
	message string       // of which the path is to be made: in the chunk's memory while that is written down; empty once it is known
	path    problem.Path // of it and its callers
	known   bool         // path is
	quiet   bool         // it does not count as a caller
}

func (t *tree) lane(number int) *branch {
	if number < len(t.lanes) {
		return &t.lanes[number]
	}
	if t.lanes == nil {
		t.lanes = t.lane1[:0]
	}
	for len(t.lanes) <= number {
		t.lanes = append(t.lanes, branch{})
	}
	return &t.lanes[number]
}

// place places the lane's next line.
func (b *branch) place(byCaller bool, p linebuf.Place) (depth, up int) {
	frames, limit := p.Frames, p.Limit()
	if frames == 0 { // beside the line before
		frames, limit = b.frames, b.frames-1
		if frames == 0 {
			return 0, 0
		}
	} else if b.lost > 0 {
		limit, b.lost = min(limit, b.lost-1), 0
	}
	return b.add(byCaller, frames, limit)
}

func (b *branch) add(byCaller bool, frames, limit int) (depth, up int) {
	if b.frames == 0 {
		b.base = frames
	}
	b.frames = frames
	b.base = min(b.base, frames)

	callers := len(b.open)
	for callers > 0 && (b.open[callers-1].frames > limit || b.open[callers-1].frames >= frames) {
		callers--
	}
	parent := -1
	if callers > 0 {
		parent = b.open[callers-1].frames - b.base
	}
	b.open = append(b.open[:callers], openLine{frames: frames})
	if byCaller {
		return callers, 0
	}
	depth = frames - b.base
	b.popShown(depth - 1)
	implied := -1
	if len(b.shown) > 0 {
		implied = b.shown[len(b.shown)-1]
	}
	if parent != implied {
		up = depth - parent
	}
	b.popShown(parent)
	b.shown = append(b.shown, depth)
	return depth, up
}

// popShown takes from shown the depths beyond one.
func (b *branch) popShown(depth int) {
	n := len(b.shown)
	for n > 0 && b.shown[n-1] > depth {
		n--
	}
	b.shown = b.shown[:n]
}

// note places one of the handler's own lines, which nothing stands under: below the line
// before, so that this stays the caller of those that follow.
func (t *tree) note(lane int) (depth int) {
	b := t.lane(lane)
	switch {
	case len(b.open) == 0:
		return 0
	case t.byCaller:
		return len(b.open)
	}
	depth = b.shown[len(b.shown)-1] + 1
	b.shown = append(b.shown, depth)
	return depth
}

// borrow lets the tree of a story's first chunk use memory that is the writer's.
func (t *tree) borrow(s *Scratch) {
	b := t.lane(0)
	b.open, b.shown = s.open[:0], s.shown[:0]
}

// giveBack gives that memory back: what the tree needs further on it has in its own.
func (t *tree) giveBack(s *Scratch) {
	b := t.lane(0)
	s.open, s.shown = b.open[:0], b.shown[:0]
	b.open, b.shown = append(b.open1[:0], b.open...), append(b.shown1[:0], b.shown...)
}

// lose takes note of a line of a lane that is not told: no later one stands under what
// had returned by then.
func (t *tree) lose(lane int, p linebuf.Place) {
	if p.Frames > 0 {
		if b := t.lane(lane); b.lost == 0 || p.Limit() < b.lost-1 {
			b.lost = p.Limit() + 1
		}
	}
}

// line places a line of a chunk.
func (t *tree) line(m *linebuf.Meta, message string) (depth, up int) {
	b := t.lane(int(m.Lane))
	depth, up = b.place(t.byCaller, m.Place)
	if len(b.open) > 0 { // else its place is not known
		last := &b.open[len(b.open)-1]
		last.message, last.quiet = message, !problem.IsCaller(m.Level)
	}
	return depth, up
}

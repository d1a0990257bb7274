package compose

import (
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/problem"
	"github.com/dynamoslog/dynamoslog/story"
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
	real   []int      // frames of the line before and of the lines it stands under
	shown  []int      // depths of the lines that the indent alone would name as parents
	lines  []treeLine // those of real
	room   branchRoom
	lost   int // one more than the frames that a line may have which the next one stands under, as lines dropped since then say; 0 if none were
}

// A branchRoom is room for what is known of the lines that one of a few stands under.
type branchRoom struct {
	real, shown [4]int
	lines       [2]treeLine
}

// A treeLine is one under which further lines may stand.
type treeLine struct {
	message string       // of which the path is to be made: in the chunk's memory while that is written down; empty once it is known
	known   bool         // path is
	quiet   bool         // it does not count as a caller
	path    problem.Path // of it and its callers
}

func (t *tree) lane(number int) *branch {
	if t.lanes == nil {
		t.lanes = t.lane1[:0]
	}
	for len(t.lanes) <= number {
		t.lanes = append(t.lanes, branch{})
	}
	return &t.lanes[number]
}

// add places the next line of a lane.
func (t *tree) add(lane int, p linebuf.Place) (depth, up int) {
	b := t.lane(lane)
	frames, limit := p.Frames, p.Limit()
	if frames == 0 { // beside the line before
		frames, limit = b.frames, b.frames-1
		if frames == 0 {
			return 0, 0
		}
	} else if b.lost > 0 {
		limit, b.lost = min(limit, b.lost-1), 0
	}
	return b.add(t.byCaller, frames, limit)
}

func (b *branch) add(byCaller bool, frames, limit int) (depth, up int) {
	if b.frames == 0 {
		b.base = frames
	}
	if b.real == nil {
		b.real, b.shown, b.lines = b.room.real[:0], b.room.shown[:0], b.room.lines[:0]
	}
	b.frames = frames
	b.base = min(b.base, frames)

	b.real = popWhile(b.real, func(top int) bool { return top > limit || top >= frames })
	if byCaller {
		depth = len(b.real)
		b.real = append(b.real, frames)
		return depth, 0
	}
	parent := -1
	if len(b.real) > 0 {
		parent = b.real[len(b.real)-1] - b.base
	}
	b.real = append(b.real, frames)

	depth = frames - b.base
	b.shown = popWhile(b.shown, func(top int) bool { return top >= depth })
	implied := -1
	if len(b.shown) > 0 {
		implied = b.shown[len(b.shown)-1]
	}
	if parent != implied {
		up = depth - parent
	}
	b.shown = append(popWhile(b.shown, func(top int) bool { return top > parent }), depth)
	return depth, up
}

func popWhile(stack []int, pop func(top int) bool) []int {
	for len(stack) > 0 && pop(stack[len(stack)-1]) {
		stack = stack[:len(stack)-1]
	}
	return stack
}

// note places one of the handler's own lines, which nothing stands under: below the line
// before, so that this stays the caller of those that follow.
func (t *tree) note(lane int) (depth int) {
	b := t.lane(lane)
	switch {
	case len(b.real) == 0:
		return 0
	case t.byCaller:
		return len(b.real)
	}
	depth = b.shown[len(b.shown)-1] + 1
	b.shown = append(b.shown, depth)
	return depth
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
func (t *tree) line(m *linebuf.Meta, message, attrs string) story.Line {
	depth, up := t.add(int(m.Lane), m.Place)
	if b := t.lane(int(m.Lane)); len(b.real) > 0 { // else its place is not known
		b.lines = append(b.lines[:len(b.real)-1], treeLine{message: message, quiet: !problem.IsCaller(m.Level)})
	}
	return story.Line{
		Offset: m.Since(), Level: m.Level, Lane: int(m.Lane),
		Depth: depth, Up: up, Message: message, Attrs: attrs,
	}
}

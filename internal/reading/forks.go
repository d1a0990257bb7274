package reading

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"
)

// A Fork is lanes that look alike, which begin at one place among the lines of the lane in
// which the story began.
type Fork struct {
	Lanes   []*Lane // in the order of their first lines
	Counts          // of all of them
	Longest time.Duration
}

// First returns the line that the fork begins with.
func (f Fork) First() *Node { return f.Lanes[0].Roots[0] }

// Took returns how long the lane's lines took together.
func (l *Lane) Took() time.Duration { return l.end - l.Roots[0].Offset }

// Forks are the lanes of a story but the first, by the line after which they stand.
type Forks struct {
	tree    *Tree
	lanes   []*Lane
	anchors []int    // number of the line of the first lane after which each of lanes stands, ascending
	shapes  []uint64 // of the lines; nil where nothing is merged
	seed    maphash.Seed
}

// Forks finds the places of the lanes other than the first: behind the last line of the
// first lane that comes before them. From then on [View.Folded] leaves nothing folded in
// which a lane with a warning or an error stands.
func (t *Tree) Forks(shapes []uint64) *Forks {
	f := &Forks{tree: t, shapes: shapes, seed: maphash.MakeSeed()}
	if len(t.Lanes) < 2 {
		return f
	}
	main := t.Lanes[0].Number
	last := 0
	for i, next := 0, 1; i < len(t.Nodes) && next < len(t.Lanes); i++ {
		if t.Nodes[i].Line.Lane == main {
			last = i + 1
		}
		if lane := &t.Lanes[next]; t.Nodes[i].Line.Lane == lane.Number {
			f.lanes, f.anchors = append(f.lanes, lane), append(f.anchors, last)
			next++
		}
	}
	for i, lane := range f.lanes {
		if !lane.Calm() {
			t.setBad(f.anchors[i])
		}
	}
	return f
}

// setBad says that the line of a number, and those above it, lead to something bad.
func (t *Tree) setBad(number int) {
	if t.bad == nil {
		t.bad = make(map[*Node]bool)
	}
	for n := t.Line(number); n != nil && !t.bad[n]; n = n.Parent {
		t.bad[n] = true
	}
}

// At returns the forks whose place is behind one of the lines from number first to last,
// of which each lane stands in one, however alike they are.
func (f *Forks) At(first, last int) []Fork {
	from, _ := slices.BinarySearch(f.anchors, first)
	to, _ := slices.BinarySearch(f.anchors, last+1)
	var forks []Fork
	alike := make(map[uint64]int) // index in forks
	for _, lane := range f.lanes[from:to] {
		shape := f.shape(lane)
		i, known := alike[shape]
		if !known {
			i = len(forks)
			alike[shape] = i
			forks = append(forks, Fork{})
		}
		fork := &forks[i]
		fork.Lanes = append(fork.Lanes, lane)
		fork.Lines += lane.Lines
		fork.Warnings += lane.Warnings
		fork.Errors += lane.Errors
		fork.Longest = max(fork.Longest, lane.Took())
	}
	slices.SortStableFunc(forks, func(a, b Fork) int { return cmp.Compare(b.badness(), a.badness()) })
	return forks
}

// badness orders forks: those with an error first, then those with a warning.
func (f Fork) badness() int {
	switch {
	case f.Errors > 0:
		return 2
	case f.Warnings > 0:
		return 1
	}
	return 0
}

// shape returns a number that is the same for lanes that look alike.
func (f *Forks) shape(lane *Lane) uint64 {
	if f.shapes == nil { // nothing is merged
		return uint64(lane.Number)
	}
	facts := appendTurns([]byte(lane.Name), lane.Roots, f.shapes)
	facts = binary.NativeEndian.AppendUint64(facts, uint64(len(lane.Name)))
	return maphash.Bytes(f.seed, facts)
}

// Last returns the number of the last line at or below a line.
func (n *Node) Last() int {
	for len(n.Children) > 0 {
		n = n.Children[len(n.Children)-1]
	}
	return n.Number
}

// Above returns the lines of the first lane above the place of the lane that a line is in,
// the nearest first; none where it is in the first lane.
func (f *Forks) Above(n *Node) []*Node {
	for i, lane := range f.lanes {
		if lane.Number == n.Line.Lane {
			return f.tree.Path(f.anchors[i])
		}
	}
	return nil
}

// KeepPlaces keeps what stands above lanes of which the filter keeps a line.
func (f *Forks) KeepPlaces() {
	for i, lane := range f.lanes {
		if slices.ContainsFunc(lane.Roots, func(n *Node) bool { return n.Keep }) {
			for _, n := range f.tree.Path(f.anchors[i]) {
				n.Keep = true
			}
		}
	}
}

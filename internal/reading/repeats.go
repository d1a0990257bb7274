package reading

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

// A Group is what stands in one place among siblings: a line, or a run of lines
// that repeats.
type Group struct {
	Once  []*Node // the first time
	More  []*Node // the others, with everything below them
	Times int     // 1 where nothing repeats
	Under Counts  // of More and what is below them
}

const (
	leastTimes    = 3 // fewer are easier read than merged
	longestPeriod = 8 // lines of one turn of a loop
)

// NextGroup cuts the first group off siblings. Runs of them that repeat are merged: three
// or more of the same shape one after another, each a line or up to eight of them, with
// all that is below. Shapes are those of the whole tree, see [Tree.Shapes]; without them
// each line is a group of its own.
func NextGroup(siblings []*Node, shapes []uint64) (g Group, rest []*Node) {
	period, times := 1, 1
	if shapes != nil {
		period, times = repeatAt(siblings, shapes, leastTimes)
	}
	all := siblings[:period*times]
	g = Group{Once: all[:period:period], More: all[period:], Times: times}
	for _, n := range g.More {
		g.Under.add(n.Level)
		g.Under.Lines += n.Under.Lines
		g.Under.Warnings += n.Under.Warnings
		g.Under.Errors += n.Under.Errors
	}
	return g, siblings[period*times:]
}

// repeatAt returns the shortest run of lines at the start that repeats at least so
// often, and how often it does.
func repeatAt(siblings []*Node, shapes []uint64, least int) (period, times int) {
	for period = 1; period <= longestPeriod && period*least <= len(siblings); period++ {
		same := period
		for same < len(siblings) && shapes[siblings[same].Number-1] == shapes[siblings[same-period].Number-1] {
			same++
		}
		if times = same / period; times >= least {
			return period, times
		}
	}
	return 1, 1
}

// Shapes returns for each line what its branch looks like: equal numbers mean the
// same levels and shapes of messages, there and all the way down. A loop under a
// line counts as its first turn: it looks the same, however often it turned.
func (t *Tree) Shapes() []uint64 {
	seed := maphash.MakeSeed()
	shapes := make([]uint64, len(t.Nodes))
	var facts []byte
	for i := len(t.Nodes) - 1; i >= 0; i-- { // callers after what is under them
		n := &t.Nodes[i]
		facts = binary.NativeEndian.AppendUint64(facts[:0], uint64(n.Level))
		facts = appendTurns(facts, n.Children, shapes)
		facts = binary.NativeEndian.AppendUint64(facts, uint64(len(facts)))
		facts = normal.AppendShape(facts, n.Message)
		shapes[i] = maphash.Bytes(seed, facts)
	}
	return shapes
}

func appendTurns(facts []byte, siblings []*Node, shapes []uint64) []byte {
	for len(siblings) > 0 {
		period, times := repeatAt(siblings, shapes, 2)
		for _, n := range siblings[:period] {
			facts = binary.NativeEndian.AppendUint64(facts, shapes[n.Number-1])
		}
		siblings = siblings[period*times:]
	}
	return facts
}

// Turns returns the times that a group's lines come, the first one first.
func (g Group) Turns() [][]*Node {
	all := [][]*Node{g.Once}
	for more := g.More; len(more) >= len(g.Once); more = more[len(g.Once):] {
		all = append(all, more[:len(g.Once)])
	}
	return all
}

// A Spread says how long the turns of a group took.
type Spread struct {
	Total, Least, Most time.Duration
	Slowest            int // index of the turn that took Most
}

// SpreadOf returns how long each of some turns took. Where nothing is below the lines of a
// turn, how long the last one took is not known: what came after it may be another's.
func SpreadOf(turns [][]*Node) (s Spread) {
	if last := turns[len(turns)-1]; len(turns) > 1 && len(last[len(last)-1].Children) == 0 {
		turns = turns[:len(turns)-1]
	}
	for i, turn := range turns {
		took := time.Duration(0)
		for _, n := range turn {
			took += n.Took
		}
		s.Total += took
		if i == 0 || took < s.Least {
			s.Least = took
		}
		if i == 0 || took > s.Most {
			s.Most, s.Slowest = took, i
		}
	}
	return s
}

// Text says how long the turns took: "159 ms in all, 29 ms to 43 ms each".
func (s Spread) Text() string {
	text := Brief(s.Total) + " in all"
	switch {
	case s.Total == 0:
		return text
	case s.Least == s.Most:
		return text + ", " + Brief(s.Most) + " each"
	}
	return text + ", " + Brief(s.Least) + " to " + Brief(s.Most) + " each"
}

package reading

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/normal"
	"github.com/dynamoslog/dynamoslog/story"
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
// same levels and shapes of messages, and levels of the stories that they have called, there
// and all the way down. A loop under a line counts as its first turn: it looks the same,
// however often it turned.
func (t *Tree) Shapes() []uint64 {
	seed := maphash.MakeSeed()
	shapes := make([]uint64, len(t.Nodes))
	var facts []byte
	for i := len(t.Nodes) - 1; i >= 0; i-- { // callers after what is under them
		n := &t.Nodes[i]
		facts = binary.NativeEndian.AppendUint64(facts[:0], uint64(n.Level))
		for _, h := range t.Calls.of[n.Number] {
			facts = binary.NativeEndian.AppendUint64(facts, uint64(h.MaxLevel))
		}
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

// times says how often a group's lines come, and where they tell it how long they took
// together: "×37, 1.20 s".
func (g Group) times() string {
	text := "×" + strconv.Itoa(g.Times)
	if spread := SpreadOf(g.Turns()); spread.Told {
		text += ", " + Brief(spread.Total)
	}
	return text
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
	Slowest            int           // index of the turn that took Most
	From               time.Duration // when the first one began
	Told               bool          // by the lines themselves, which were logged when what they tell was over
}

// SpreadOf returns how long each of some turns took: what their lines say, where each has an
// attribute took, as those of queries do, else the time until the line after them. Where
// nothing is below the lines of a turn, how long the last one took is then not known: what
// came after it may be another's.
func SpreadOf(turns [][]*Node) (s Spread) {
	s.From = turns[0][0].Offset
	if told := toldBy(turns); told != nil {
		s.Told = true
		s.From = max(s.From-told[0], 0)
		s.add(told)
		return s
	}
	if last := turns[len(turns)-1]; len(turns) > 1 && len(last[len(last)-1].Children) == 0 {
		turns = turns[:len(turns)-1]
	}
	took := make([]time.Duration, len(turns))
	for i, turn := range turns {
		for _, n := range turn {
			took[i] += n.Took
		}
	}
	s.add(took)
	return s
}

// toldBy returns how long each turn took as its lines say, or nil where one does not.
func toldBy(turns [][]*Node) []time.Duration {
	took := make([]time.Duration, len(turns))
	for i, turn := range turns {
		for _, n := range turn {
			d, told := toldTook(n.Line)
			if !told || len(n.Children) > 0 {
				return nil
			}
			took[i] = sum(took[i], d)
		}
	}
	return took
}

// toldTook returns how long a line says that took which it tells of.
func toldTook(line story.Line) (took time.Duration, told bool) {
	if !strings.Contains(line.Attrs, "took=") { // as most, which saves reading them
		return 0, false
	}
	text, ok := line.Attr("took")
	took, err := time.ParseDuration(text)
	return took, ok && err == nil && took >= 0
}

// sum adds durations of which anybody may have made any.
func sum(a, b time.Duration) time.Duration { return a + min(b, math.MaxInt64-a) }

func (s *Spread) add(turns []time.Duration) {
	for i, took := range turns {
		s.Total = sum(s.Total, took)
		if i == 0 || took < s.Least {
			s.Least = took
		}
		if i == 0 || took > s.Most {
			s.Most, s.Slowest = took, i
		}
	}
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

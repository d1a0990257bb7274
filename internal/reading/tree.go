// Package reading turns stories into what people look at, in a page or in a
// terminal: the call tree with what it counts, what is folded, filtered or merged
// of it, the difference of two stories, and the neighbours of one.
package reading

import (
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Tree is a story's lines by who called whom, a lane at a time. It is not for
// several goroutines at once.
type Tree struct {
	Story story.Story
	Nodes []Node // one for each line, in their order
	Lanes []Lane // in the order of their first lines
	All   Counts // of the whole story
	Calls Calls  // of its lines, see SetCalls

	lanes   map[int]int    // index in Lanes, by number
	parents []int          // index of each line's caller, or -1, however deep
	pathTo  int            // number of the line that path leads to
	path    map[*Node]bool // the lines above that one
	bad     map[*Node]bool // the lines that lead to a lane, or to a story that was called, with a warning or an error
}

// MostDepth bounds the depth of a tree, so that who goes down in it comes back. What
// is deeper, which only a recursion that got out of hand writes, stands at this depth.
const MostDepth = 1000

// A Lane is the part of a story that one goroutine told.
type Lane struct {
	Number int
	Name   string // that the header has for it, or ""
	After  int    // number of the line before its first one, in any lane; 0 if there is none
	Roots  []*Node
	Counts

	end time.Duration // when its last line was, since the story's start
}

// A Node is a line in the tree.
type Node struct {
	story.Line // Depth is that in the tree: one step under the nearest caller that logged
	Number     int
	Stored     int // the depth as stored
	Beyond     int // how many callers deeper it is than [MostDepth]; 0 as a rule
	Parent     *Node
	Children   []*Node
	Under      Counts        // of the lines below this one
	Step       time.Duration // since the line before in its lane
	Took       time.Duration // until the lane's next line that is not below this one, or until its last
	Slow       bool          // whether Step is long, for its story
	Match      bool          // whether the filter selects this very line
	Keep       bool          // whether it is selected, or above one that is
}

// Counts says what a part of a story holds.
type Counts struct{ Lines, Warnings, Errors int }

func (c *Counts) add(level slog.Level) {
	c.Lines++
	switch {
	case level >= slog.LevelError:
		c.Errors++
	case level >= slog.LevelWarn:
		c.Warnings++
	}
}

// Calm reports whether no line reached [slog.LevelWarn].
func (c Counts) Calm() bool { return c.Warnings == 0 && c.Errors == 0 }

// A gap is slow when it takes a good part of its story, and a person could feel it.
const (
	slowGap   = 100 * time.Millisecond
	slowShare = 20
)

// NewTree returns the tree of a story, with no filter.
func NewTree(s story.Story) *Tree {
	t := &Tree{Story: s, Nodes: make([]Node, len(s.Lines)), parents: story.Parents(s.Lines), lanes: make(map[int]int)}
	t.reserve()
	names := laneNames{header: s.Header}
	var last []*Node // of each of Lanes
	slow := max(slowGap, s.Duration/slowShare)
	lane := -1 // index of that of the line before
	for i := range s.Lines {
		line, n := &s.Lines[i], &t.Nodes[i]
		n.Line, n.Number, n.Stored, n.Match, n.Keep = *line, i+1, line.Depth, true, true
		n.Depth, n.Up = 0, 0
		if lane < 0 || t.Lanes[lane].Number != line.Lane {
			var known bool
			if lane, known = t.lanes[line.Lane]; !known {
				lane = len(t.Lanes)
				t.lanes[line.Lane] = lane
				t.Lanes = append(t.Lanes, Lane{Number: line.Lane, Name: names.of(line.Lane), After: i})
				last = append(last, nil)
			}
		}
		if parent := t.parents[i]; parent >= 0 {
			n.under(&t.Nodes[parent])
		} else {
			t.Lanes[lane].Roots = append(t.Lanes[lane].Roots, n)
		}
		if before := last[lane]; before != nil {
			n.Step = line.Offset - before.Offset
			n.Slow = n.Step >= slow
		}
		last[lane] = n
		t.Lanes[lane].add(line.Level)
		t.All.add(line.Level)
	}
	t.countUnder()
	for i := range t.Lanes {
		lane := &t.Lanes[i]
		lane.end = last[i].Offset
		measure(lane.Roots, lane.end)
	}
	return t
}

// reserve gives the lines room for their children, all of it in one piece.
func (t *Tree) reserve() {
	children, all := make([]int32, len(t.Nodes)), 0
	for _, parent := range t.parents {
		if parent >= 0 {
			children[parent]++
			all++
		}
	}
	room := make([]*Node, all)
	for i, n := range children {
		if n > 0 {
			t.Nodes[i].Children, room = room[:0:n], room[n:]
		}
	}
}

// under puts a line under its caller, or beside it where that is as deep as can be.
func (n *Node) under(caller *Node) {
	if n.Parent = caller; caller.Depth == MostDepth {
		n.Parent, n.Beyond = caller.Parent, caller.Beyond+1
	}
	n.Depth = n.Parent.Depth + 1
	n.Parent.Children = append(n.Parent.Children, n)
}

// countUnder adds every line to what its callers hold. A line stands after its
// caller, so that going backwards each is complete when it is added.
func (t *Tree) countUnder() {
	for i := len(t.Nodes) - 1; i >= 0; i-- {
		n := &t.Nodes[i]
		if n.Parent == nil {
			continue
		}
		under := &n.Parent.Under
		under.add(n.Level)
		under.Lines += n.Under.Lines
		under.Warnings += n.Under.Warnings
		under.Errors += n.Under.Errors
	}
}

// measure sets how long each branch took; end is when their caller's was over.
func measure(siblings []*Node, end time.Duration) {
	for i, n := range siblings {
		over := end
		if i+1 < len(siblings) {
			over = siblings[i+1].Offset
		}
		n.Took = max(over-n.Offset, 0)
		measure(n.Children, over)
	}
}

// Line returns the node of a line's number, or nil.
func (t *Tree) Line(number int) *Node {
	if number < 1 || number > len(t.Nodes) {
		return nil
	}
	return &t.Nodes[number-1]
}

// Time returns when a line was logged.
func (t *Tree) Time(n *Node) time.Time { return t.Story.Start.Add(n.Offset) }

// Path returns the line of a number and its callers, the nearest first, as they stand
// in the tree; nothing where there is no such line.
func (t *Tree) Path(number int) (path []*Node) {
	for n := t.Line(number); n != nil; n = n.Parent {
		path = append(path, n)
	}
	return path
}

// leads reports whether a line stands above the one of a number. It is asked for
// every branch of a story: the path is looked for once.
func (t *Tree) leads(n *Node, number int) bool {
	if t.pathTo != number {
		t.pathTo, t.path = number, make(map[*Node]bool)
		if path := t.Path(number); len(path) > 0 {
			for _, above := range path[1:] {
				t.path[above] = true
			}
		}
	}
	return t.path[n]
}

// Branch returns the story with only the line, what is under it, and the callers
// above it.
func (t *Tree) Branch(n *Node) story.Story {
	first := n.Number - 1
	keep := make([]bool, len(t.Nodes))
	for at := first; at >= 0; at = t.parents[at] {
		keep[at] = true
	}
	for i := first + 1; i < len(keep); i++ {
		keep[i] = t.parents[i] >= first && keep[t.parents[i]]
	}
	branch := t.Story
	branch.Lines = nil
	for i, line := range t.Story.Lines {
		if keep[i] {
			line.Depth, line.Up = t.Nodes[i].Depth+t.Nodes[i].Beyond, 0 // callers that are gone would make the stored ones wrong
			branch.Lines = append(branch.Lines, line)
		}
	}
	return branch
}

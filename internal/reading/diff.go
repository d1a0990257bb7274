package reading

import (
	"bytes"
	"context"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/normal"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Change says how a line differs from the one in its place.
type Change string

// The changes.
const (
	Same    Change = ""
	New     Change = "new"
	Gone    Change = "gone"
	Changed Change = "changed"
	Slower  Change = "slower"
)

// A Diff is the difference of two stories: the lines of both, aligned by their
// place in the call tree and the shape of their messages.
type Diff struct {
	Was, Is  *Tree
	Header   []Value // what differs in the headers
	Findings []*Finding
	Lanes    [][]*DiffNode
	Changes  // of all lines

	Alike bool // whether the stories are, see [Alike]
	// Better is a story that is like the one that is, and NoBetter says why there is
	// none. Only [Compare] sets one of them, of stories that are not alike.
	Better   *story.Header
	NoBetter *NoOtherError
}

// Changes counts lines by their change.
type Changes struct{ Same, New, Gone, Changed, Slower int }

// Equal reports whether nothing differs but times and ids.
func (c Changes) Equal() bool { return c.New+c.Gone+c.Changed+c.Slower == 0 }

// Lines is how many lines there are.
func (c Changes) Lines() int { return c.Same + c.New + c.Gone + c.Changed + c.Slower }

func (c *Changes) add(o Changes) {
	c.Same += o.Same
	c.New += o.New
	c.Gone += o.Gone
	c.Changed += o.Changed
	c.Slower += o.Slower
}

func (c *Changes) count(change Change) {
	switch change {
	case Same:
		c.Same++
	case New:
		c.New++
	case Gone:
		c.Gone++
	case Changed:
		c.Changed++
	case Slower:
		c.Slower++
	}
}

// A DiffNode is a line of one story, or of both.
type DiffNode struct {
	Change   Change
	Was, Is  *Node // nil where the line is new, or gone
	Values   []Value
	Children []*DiffNode
	Under    Changes
	// Told says that it and what is under it need not be looked at: they are equal, or
	// their differences are found in several lines, of which another one stands for all.
	Told bool

	slower      bool   // whether the last of Values is how long it took
	shape       uint64 // of its message
	place       int32  // among the lines that differ
	found, told int32  // findings that it is one of, and those that another line stands for
}

// Node returns the line as it is, or as it was where it is gone.
func (d *DiffNode) Node() *Node {
	if d.Is != nil {
		return d.Is
	}
	return d.Was
}

// A Value is something in a line that changed; one of the two may be empty: there
// was none. A value without a character is written as "".
type Value struct{ Name, Was, Is string }

// A line is slower when the difference is one that a person could feel.
const (
	slowerFactor = 2
	slowerBy     = 50 * time.Millisecond
)

// NewDiff returns the difference of two stories. Once its context is done it compares
// no further, and returns the context's error.
func NewDiff(ctx context.Context, was, is *Tree) (*Diff, error) {
	d := &differ{ctx: ctx, seed: maphash.MakeSeed()}
	diff := &Diff{Was: was, Is: is, Alike: Alike(was.Story.Header, is.Story.Header), Header: d.headerValues(was.Story.Header, is.Story.Header)}
	for _, p := range d.pairLanes(was.Lanes, is.Lanes) {
		var rootsWas, rootsIs []*Node
		if p.a >= 0 {
			rootsWas = was.Lanes[p.a].Roots
		}
		if p.b >= 0 {
			rootsIs = is.Lanes[p.b].Roots
		}
		nodes, changes, _ := d.siblings(rootsWas, rootsIs)
		diff.Lanes = append(diff.Lanes, nodes)
		diff.Changes.add(changes)
	}
	diff.find()
	return diff, ctx.Err()
}

type differ struct {
	ctx            context.Context
	free           []DiffNode // made together, since a long story has very many
	pairs          []pair     // of the attributes of a line
	seed           maphash.Seed
	textA, textB   []byte // where texts are normalised
	attrsA, attrsB []Attr
}

func (d *differ) newNode() *DiffNode {
	const together = 64
	if len(d.free) == 0 {
		d.free = make([]DiffNode, together)
	}
	node := &d.free[0]
	d.free = d.free[1:]
	return node
}

func (d *differ) shape(n *Node) uint64 {
	d.textA = normal.AppendShape(d.textA[:0], n.Message)
	return maphash.Bytes(d.seed, d.textA)
}

func (d *differ) shapes(nodes []*Node) []uint64 {
	shapes := make([]uint64, len(nodes))
	for i, n := range nodes {
		shapes[i] = d.shape(n)
	}
	return shapes
}

// equal reports whether two texts differ in nothing but times and ids.
func (d *differ) equal(a, b string) bool {
	if a == b {
		return true
	}
	d.textA, d.textB = normal.AppendText(d.textA[:0], a), normal.AppendText(d.textB[:0], b)
	return bytes.Equal(d.textA, d.textB)
}

// pairLanes pairs lanes that begin alike, the first with the first in any case;
// -1 stands for one that the other story has not.
func (d *differ) pairLanes(was, is []Lane) []pair {
	var pairs []pair
	free := make(map[uint64][]int) // lanes of the one story by their first line
	for a, lane := range was {
		if a > 0 {
			shape := d.shape(lane.Roots[0])
			free[shape] = append(free[shape], a)
		}
	}
	taken := make([]bool, len(was))
	for b, lane := range is {
		a := -1
		if b == 0 && len(was) > 0 {
			a = 0
		} else if shape := d.shape(lane.Roots[0]); len(free[shape]) > 0 {
			a, free[shape] = free[shape][0], free[shape][1:]
		}
		if a >= 0 {
			taken[a] = true
		}
		pairs = append(pairs, pair{a, b})
	}
	for a := range was {
		if !taken[a] {
			pairs = append(pairs, pair{a, -1})
		}
	}
	return pairs
}

// siblings aligns lines under one caller. It returns how much longer they took,
// as far as it is said in them.
func (d *differ) siblings(was, is []*Node) (nodes []*DiffNode, changes Changes, told time.Duration) {
	take := func(n *DiffNode, longer time.Duration) {
		nodes = append(nodes, n)
		changes.add(n.Under)
		changes.count(n.Change)
		told += longer
	}
	if d.ctx.Err() != nil || len(was)+len(is) == 0 {
		return nil, Changes{}, 0
	}
	nodes = make([]*DiffNode, 0, max(len(was), len(is)))
	a, b := 0, 0
	shapesWas, shapesIs := d.shapes(was), d.shapes(is)
	for _, p := range append(align(d.ctx, shapesWas, shapesIs), pair{len(was), len(is)}) {
		for ; a < p.a; a++ {
			take(d.alone(was[a], Gone, shapesWas[a]), 0)
		}
		for ; b < p.b; b++ {
			take(d.alone(is[b], New, shapesIs[b]), is[b].Took)
		}
		if a < len(was) && b < len(is) {
			node, longer := d.both(was[a], is[b])
			node.shape = shapesIs[b]
			take(node, longer)
		}
		a, b = a+1, b+1
	}
	return nodes, changes, told
}

// alone returns a line that only one story has, with what is under it.
func (d *differ) alone(n *Node, change Change, shape uint64) *DiffNode {
	node := d.newNode()
	node.Change, node.shape = change, shape
	if change == New {
		node.Is = n
	} else {
		node.Was = n
	}
	for _, child := range n.Children {
		under := d.alone(child, change, d.shape(child))
		node.Children = append(node.Children, under)
		node.Under.add(under.Under)
		node.Under.count(change)
	}
	return node
}

// both compares two lines in one place.
func (d *differ) both(was, is *Node) (*DiffNode, time.Duration) {
	node := d.newNode()
	node.Was, node.Is, node.Values = was, is, d.changedValues(was, is)
	var told time.Duration
	node.Children, node.Under, told = d.siblings(was.Children, is.Children)
	longer := is.Took - was.Took
	slower := longer >= slowerBy && is.Took >= slowerFactor*was.Took
	node.slower = slower && told < longer/2 // otherwise what is under it tells
	switch {
	case len(node.Values) > 0:
		node.Change = Changed
	case node.slower:
		node.Change = Slower
	}
	if node.slower {
		node.Values = append(node.Values, Value{"took", was.Took.String(), is.Took.String()})
	}
	if !slower {
		longer = told
	}
	return node, longer
}

// Level returns the higher of the levels that the line has and had.
func (d *DiffNode) Level() slog.Level {
	level := d.Node().Level
	if d.Was != nil {
		level = max(level, d.Was.Level)
	}
	return level
}

package reading

import (
	"hash/maphash"
	"log/slog"
	"strings"
	"time"
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
	Was, Is *Tree
	Lanes   [][]*DiffNode
	Changes // of all lines
}

// Changes counts lines by their change.
type Changes struct{ Same, New, Gone, Changed, Slower int }

// Equal reports whether nothing differs but times and ids.
func (c Changes) Equal() bool { return c.New+c.Gone+c.Changed+c.Slower == 0 }

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
}

// Node returns the line as it is, or as it was where it is gone.
func (d *DiffNode) Node() *Node {
	if d.Is != nil {
		return d.Is
	}
	return d.Was
}

// A Value is something in a line that changed; one of the two may be empty.
type Value struct{ Name, Was, Is string }

// A line is slower when the difference is one that a person could feel.
const (
	slowerFactor = 2
	slowerBy     = 50 * time.Millisecond
)

// NewDiff returns the difference of two stories.
func NewDiff(was, is *Tree) *Diff {
	d := &differ{seed: maphash.MakeSeed()}
	diff := &Diff{Was: was, Is: is}
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
	return diff
}

type differ struct{ seed maphash.Seed }

func (d *differ) shapes(nodes []*Node) []uint64 {
	shapes := make([]uint64, len(nodes))
	for i, n := range nodes {
		shapes[i] = maphash.String(d.seed, Shape(n.Message))
	}
	return shapes
}

// pairLanes pairs lanes that begin alike, the first with the first in any case;
// -1 stands for one that the other story has not.
func (d *differ) pairLanes(was, is []Lane) []pair {
	var pairs []pair
	taken := make([]bool, len(was))
	for b := range is {
		a := -1
		for i := range was {
			alike := Shape(was[i].Roots[0].Message) == Shape(is[b].Roots[0].Message)
			if !taken[i] && (i == 0) == (b == 0) && (b == 0 || alike) {
				a = i
				break
			}
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
	a, b := 0, 0
	for _, p := range append(align(d.shapes(was), d.shapes(is)), pair{len(was), len(is)}) {
		for ; a < p.a; a++ {
			take(alone(was[a], Gone), 0)
		}
		for ; b < p.b; b++ {
			take(alone(is[b], New), is[b].Took)
		}
		if a < len(was) && b < len(is) {
			take(d.both(was[a], is[b]))
		}
		a, b = a+1, b+1
	}
	return nodes, changes, told
}

// alone returns a line that only one story has, with what is under it.
func alone(n *Node, change Change) *DiffNode {
	d := &DiffNode{Change: change}
	if change == New {
		d.Is = n
	} else {
		d.Was = n
	}
	for _, child := range n.Children {
		under := alone(child, change)
		d.Children = append(d.Children, under)
		d.Under.add(under.Under)
		d.Under.count(change)
	}
	return d
}

// both compares two lines in one place.
func (d *differ) both(was, is *Node) (*DiffNode, time.Duration) {
	node := &DiffNode{Was: was, Is: is, Values: changedValues(was, is)}
	var told time.Duration
	node.Children, node.Under, told = d.siblings(was.Children, is.Children)
	longer := is.Took - was.Took
	slower := longer >= slowerBy && is.Took >= slowerFactor*was.Took
	switch {
	case len(node.Values) > 0:
		node.Change = Changed
	case slower && told < longer/2: // otherwise what is under it tells
		node.Change = Slower
	}
	if slower && told < longer/2 {
		node.Values = append(node.Values, Value{"took", was.Took.String(), is.Took.String()})
	}
	if !slower {
		longer = told
	}
	return node, longer
}

// changedValues compares level, message and attributes, without times and ids.
func changedValues(was, is *Node) []Value {
	var values []Value
	if was.Level != is.Level {
		values = append(values, Value{"level", was.Level.String(), is.Level.String()})
	}
	if was.Message != is.Message && Normal(was.Message) != Normal(is.Message) {
		values = append(values, Value{"message", was.Message, is.Message})
	}
	if was.Attrs == is.Attrs {
		return values
	}
	before := make(map[string][]string)
	for name, value := range was.AllAttrs() {
		before[name] = append(before[name], value)
	}
	for name, value := range is.AllAttrs() {
		old := before[name]
		switch {
		case len(old) == 0:
			values = append(values, Value{Name: name, Is: value})
			continue
		case !namesID(name) && Normal(old[0]) != Normal(value):
			values = append(values, Value{name, old[0], value})
		}
		before[name] = old[1:]
	}
	for name, value := range was.AllAttrs() {
		if left := before[name]; len(left) > 0 && left[0] == value {
			values = append(values, Value{Name: name, Was: value})
			before[name] = left[1:]
		}
	}
	return values
}

// namesID reports whether an attribute of that name holds an id.
func namesID(name string) bool {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	lower := strings.ToLower(name)
	return lower == "id" || strings.HasSuffix(lower, "_id") || strings.HasSuffix(lower, "-id") ||
		strings.HasSuffix(name, "ID") || strings.HasSuffix(name, "Id")
}

// Level returns the higher of the levels that the line has and had.
func (d *DiffNode) Level() slog.Level {
	level := d.Node().Level
	if d.Was != nil {
		level = max(level, d.Was.Level)
	}
	return level
}

package reading_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// onRandomTrees calls check with the trees of many random stories and their
// known parents.
func onRandomTrees(t *testing.T, check func(t *testing.T, tree *reading.Tree, parents []int)) {
	t.Helper()
	for seed := range uint64(200) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			lines, parents := randomCalls(rng, rng.IntN(200), 1+rng.IntN(3))
			check(t, reading.NewTree(newStory(lines...)), parents)
		})
	}
}

func TestTreeHasTheCallersAsParents(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, parents []int) {
		for i, want := range parents {
			got := -1
			if parent := tree.Nodes[i].Parent; parent != nil {
				got = parent.Number - 1
			}
			if got != want {
				t.Fatalf("parent of line %d: got %d, want %d", i+1, got+1, want+1)
			}
		}
	})
}

func TestTreeHasEachLineOnce(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, _ []int) {
		seen := make([]int, len(tree.Nodes))
		for _, lane := range tree.Lanes {
			walk(lane.Roots, func(n *reading.Node) {
				seen[n.Number-1]++
				if n.Lane != lane.Number {
					t.Errorf("line %d: got it in lane %d, want %d", n.Number, lane.Number, n.Lane)
				}
				if n.Parent != nil && (n.Parent.Number >= n.Number || n.Depth != n.Parent.Depth+1) {
					t.Errorf("line %d at depth %d: got the parent %d at depth %d", n.Number, n.Depth, n.Parent.Number, n.Parent.Depth)
				}
				if !slices.IsSortedFunc(n.Children, func(a, b *reading.Node) int { return a.Number - b.Number }) {
					t.Errorf("line %d: its children are not in order", n.Number)
				}
			})
		}
		for i, times := range seen {
			if times != 1 {
				t.Errorf("line %d: got it %d times, want once", i+1, times)
			}
		}
	})
}

func TestTreeCounts(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, _ []int) {
		var all reading.Counts
		for _, lane := range tree.Lanes {
			if got := countOf(lane.Roots); lane.Counts != got {
				t.Errorf("lane %d: got %+v, want %+v", lane.Number, lane.Counts, got)
			}
			all = plus(all, lane.Counts)
			walk(lane.Roots, func(n *reading.Node) {
				if want := countOf(n.Children); n.Under != want {
					t.Errorf("under line %d: got %+v, want %+v", n.Number, n.Under, want)
				}
			})
		}
		if tree.All != all {
			t.Errorf("all: got %+v, want the lanes' sum %+v", tree.All, all)
		}
	})
}

// What the branches under one caller took, and the time before the first of
// them, is what the caller took.
func TestTreeTook(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, _ []int) {
		for i := range tree.Nodes {
			n := &tree.Nodes[i]
			if n.Took < 0 || n.Step < 0 {
				t.Errorf("line %d: took %v, step %v, want none negative", n.Number, n.Took, n.Step)
			}
			if len(n.Children) == 0 {
				continue
			}
			sum := n.Children[0].Offset - n.Offset
			for _, child := range n.Children {
				sum += child.Took
			}
			if sum != n.Took {
				t.Errorf("line %d: got %v, want %v as its branches", n.Number, n.Took, sum)
			}
		}
	})
}

func countOf(nodes []*reading.Node) (c reading.Counts) {
	walk(nodes, func(n *reading.Node) {
		switch c.Lines++; n.Level {
		case slog.LevelError:
			c.Errors++
		case slog.LevelWarn:
			c.Warnings++
		}
	})
	return c
}

func plus(a, b reading.Counts) reading.Counts {
	return reading.Counts{Lines: a.Lines + b.Lines, Warnings: a.Warnings + b.Warnings, Errors: a.Errors + b.Errors}
}

// walk calls f for nodes and all that is under them, in order.
func walk(nodes []*reading.Node, f func(*reading.Node)) {
	for _, n := range nodes {
		f(n)
		walk(n.Children, f)
	}
}

const orderText = `+0.000 I POST /order
+0.000 D           token accepted	kid=abc
+0.000 I<0             creating order	user=42
+0.002 D                   age ok	age=31
+0.003 D<7                       INSERT INTO orders	args=[A-1]
+0.250 I&1 notify	channel=mail
+0.253 W               audit: disk full	retry=true
+0.290 I&1   sent
`

func TestTreeTimes(t *testing.T) {
	const ms = time.Millisecond
	tree := parseTree(orderText)
	for i, want := range []struct {
		step, took time.Duration
		slow       bool
	}{
		{0, 253 * ms, false}, {0, 0, false}, {0, 253 * ms, false}, {2 * ms, 1 * ms, false}, {1 * ms, 250 * ms, false},
		{0, 40 * ms, false}, {250 * ms, 0, true}, {40 * ms, 0, false},
	} {
		n := tree.Line(i + 1)
		if n.Step != want.step || n.Took != want.took || n.Slow != want.slow {
			t.Errorf("line %d: got step %v, took %v, slow %v, want %v", n.Number, n.Step, n.Took, n.Slow, want)
		}
	}
	if got, want := tree.Time(tree.Line(7)), noon.Add(253*ms); !got.Equal(want) {
		t.Errorf("Time: got %v, want %v", got, want)
	}
}

// A gap that a person would feel in a short story is nothing in a long one.
func TestTreeSlowDependsOnTheStory(t *testing.T) {
	tree := parseTree("+0.000 I a\n+0.500 I b\n+60.000 I c\n+60.099 I d\n")
	for i, want := range []bool{false, false, true, false} {
		if got := tree.Line(i + 1).Slow; got != want {
			t.Errorf("line %d slow: got %v, want %v", i+1, got, want)
		}
	}
}

func TestTreeLanes(t *testing.T) {
	tree := parseTree("+0.000 I a\n+0.000 I   b\n+0.000 I&3 c\n+0.000 I&1 d\n+0.000 I&3   e\n+0.000 I   f\n")
	var got [][3]int
	for _, lane := range tree.Lanes {
		got = append(got, [3]int{lane.Number, lane.After, lane.Lines})
	}
	if want := [][3]int{{0, 0, 3}, {3, 2, 2}, {1, 3, 1}}; !slices.Equal(got, want) {
		t.Errorf("number, after, lines of each lane: got %v, want %v", got, want)
	}
}

func TestTreeOfNothing(t *testing.T) {
	tree := reading.NewTree(newStory())
	if len(tree.Lanes) != 0 || !tree.All.Calm() || tree.Line(1) != nil || tree.Line(0) != nil || len(tree.Shapes()) != 0 {
		t.Errorf("tree of no lines: got %+v", tree)
	}
}

// A handler's clock never goes back, but a store may hold any text.
func TestTreeOfOffsetsThatGoBack(t *testing.T) {
	tree := parseTree("+1.000 I a\n+0.500 I   b\n-0.500 I c\n")
	for i, want := range []time.Duration{0, 0, 0} {
		if got := tree.Nodes[i].Took; got != want {
			t.Errorf("line %d took: got %v, want %v", i+1, got, want)
		}
	}
}

func TestBranch(t *testing.T) {
	tree := parseTree(orderText)
	branch := tree.Branch(tree.Line(3))
	want := `+0.000 I POST /order
+0.000 I   creating order	user=42
+0.002 D     age ok	age=31
+0.003 D     INSERT INTO orders	args=[A-1]
`
	if got := story.Format(branch.Lines); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := story.Format(tree.Story.Lines); got != orderText {
		t.Errorf("the story after Branch: got:\n%swant:\n%s", got, orderText)
	}
}

// The tree of a branch is that branch of the tree.
func TestBranchIsItsPartOfTheTree(t *testing.T) {
	onRandomTrees(t, func(t *testing.T, tree *reading.Tree, _ []int) {
		for i := range tree.Nodes {
			n := &tree.Nodes[i]
			branch := reading.NewTree(tree.Branch(n))
			if got, want := branch.All.Lines, n.Depth+1+n.Under.Lines; got != want {
				t.Fatalf("lines in the branch of %d: got %d, want %d", n.Number, got, want)
			}
			got := branch.Line(n.Depth + 1)
			if got.Message != n.Message || got.Under != n.Under || !reflect.DeepEqual(depths(got), depths(n)) {
				t.Fatalf("branch of line %d: got %+v, want %+v", n.Number, got, n)
			}
		}
	})
}

func depths(n *reading.Node) (d []int) {
	walk([]*reading.Node{n}, func(n *reading.Node) { d = append(d, n.Depth) })
	return d
}

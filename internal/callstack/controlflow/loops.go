package controlflow

import "slices"

// A loop is one that is entered by its first block only.
type loop struct {
	head   int32
	parent int32 // the loop around it, or -1
}

// findLoops finds the loops of a function. Where control may jump anywhere, or into the
// middle of a loop, there are none that are known.
func (g *graph) findLoops() {
	order := g.order()
	place := make([]int, len(g.blocks)) // in the order, from 1 on
	for i, b := range order {
		if g.blocks[b].last == anywhere {
			return
		}
		place[b] = i + 1
	}
	before := g.predecessors(order)
	leader := g.dominators(order, place, before)
	dominates := func(a, b int32) bool {
		for place[b] > place[a] {
			b = leader[b]
		}
		return a == b
	}
	for _, head := range slices.Backward(order) { // those within others first
		var latches []int32
		for _, b := range before[head] {
			if place[b] < place[head] {
				continue
			}
			if !dominates(head, b) {
				g.forgetLoops()
				return
			}
			latches = append(latches, b)
		}
		if len(latches) > 0 {
			g.addLoop(head, latches, before)
		}
	}
}

func (g *graph) forgetLoops() {
	g.loops = nil
	for i := range g.blocks {
		g.blocks[i].loop = -1
	}
}

// addLoop adds the loop of all blocks from which its latches can be reached without
// passing its head. Those within it are there already.
func (g *graph) addLoop(head int32, latches []int32, before [][]int32) {
	added := int32(len(g.loops))
	g.loops = append(g.loops, loop{head, -1})
	g.blocks[head].loop = added
	for open := latches; len(open) > 0; {
		b := open[len(open)-1]
		open = open[:len(open)-1]
		inner := g.blocks[b].loop
		if inner < 0 {
			g.blocks[b].loop = added
			open = append(open, before[b]...)
			continue
		}
		for inner != added && g.loops[inner].parent >= 0 {
			inner = g.loops[inner].parent
		}
		if inner != added {
			g.loops[inner].parent = added
			open = append(open, before[g.loops[inner].head]...)
		}
	}
}

// order returns the blocks that can be reached from the function's begin, each before
// those that follow it but for further turns of loops.
func (g *graph) order() []int32 {
	type step struct {
		block int32
		next  int
	}
	seen := make([]bool, len(g.blocks))
	var order []int32
	path := []step{{0, 0}}
	seen[0] = true
	for len(path) > 0 {
		at := &path[len(path)-1]
		if at.next == len(g.blocks[at.block].next) {
			order = append(order, at.block)
			path = path[:len(path)-1]
			continue
		}
		next := g.blocks[at.block].next[at.next]
		at.next++
		if next >= 0 && !seen[next] {
			seen[next] = true
			path = append(path, step{next, 0})
		}
	}
	slices.Reverse(order)
	return order
}

func (g *graph) predecessors(order []int32) [][]int32 {
	before := make([][]int32, len(g.blocks))
	for _, b := range order {
		for _, next := range g.blocks[b].next {
			if next >= 0 {
				before[next] = append(before[next], b)
			}
		}
	}
	return before
}

// dominators returns for each block the nearest one that all ways to it pass, by the
// algorithm of Cooper, Harvey and Kennedy.
func (g *graph) dominators(order []int32, place []int, before [][]int32) []int32 {
	leader := make([]int32, len(g.blocks))
	for i := range leader {
		leader[i] = -1
	}
	leader[order[0]] = order[0]
	for changed := true; changed; {
		changed = false
		for _, b := range order[1:] {
			nearest := int32(-1)
			for _, p := range before[b] {
				switch {
				case leader[p] < 0:
					continue
				case nearest < 0:
					nearest = p
					continue
				}
				for nearest != p {
					for place[p] > place[nearest] {
						p = leader[p]
					}
					for place[nearest] > place[p] {
						nearest = leader[nearest]
					}
				}
			}
			if leader[b] != nearest {
				leader[b], changed = nearest, true
			}
		}
	}
	return leader
}

// turns reports whether going from one block to the next begins another turn of a loop,
// or of one around it. There is no loop with the number -1.
func (g *graph) turns(from, to, loop int32) bool {
	for ; loop >= 0; loop = g.loops[loop].parent {
		if g.loops[loop].head == to {
			return g.within(int(from), loop)
		}
	}
	return false
}

// within reports whether a block is in a loop.
func (g *graph) within(block int, loop int32) bool {
	for l := g.blocks[block].loop; l >= 0; l = g.loops[l].parent {
		if l == loop {
			return true
		}
	}
	return false
}

// common returns the innermost loop around two blocks, or -1.
func (g *graph) common(a, b int) int32 {
	for l := g.blocks[a].loop; l >= 0; l = g.loops[l].parent {
		if g.within(b, l) {
			return l
		}
	}
	return -1
}

// around reports whether the innermost loop around two calls is around a third one.
func (g *graph) around(from, to, third uintptr) bool {
	a, b, c := g.block(from), g.block(to), g.block(third)
	if a < 0 || b < 0 || c < 0 {
		return false
	}
	loop := g.common(a, b)
	return loop >= 0 && g.within(c, loop)
}

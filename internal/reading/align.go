package reading

import "slices"

// maxEdits bounds the search for the shortest difference; sequences further apart
// are aligned as they come, which may miss some pairs.
const maxEdits = 1000

// A pair holds the indexes of two equal elements.
type pair struct{ a, b int }

// align returns the pairs of a longest common subsequence, in order.
func align(a, b []uint64) []pair {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	pairs := make([]pair, 0, min(len(a), len(b)))
	for i := range head {
		pairs = append(pairs, pair{i, i})
	}
	middleA, middleB := a[head:len(a)-tail], b[head:len(b)-tail]
	middle, ok := shortestEdit(middleA, middleB)
	if !ok {
		middle = alignInPassing(middleA, middleB)
	}
	for _, p := range middle {
		pairs = append(pairs, pair{p.a + head, p.b + head})
	}
	for i := tail; i > 0; i-- {
		pairs = append(pairs, pair{len(a) - i, len(b) - i})
	}
	return pairs
}

// shortestEdit is Myers' algorithm (An O(ND) Difference Algorithm, 1986); false
// means that the two are more than maxEdits apart.
func shortestEdit(a, b []uint64) ([]pair, bool) {
	most := min(len(a)+len(b), maxEdits)
	furthest := make([]int, 2*most+2) // on each diagonal, from -most
	var steps [][]int                 // furthest before each number of edits
	for edits := 0; edits <= most; edits++ {
		steps = append(steps, slices.Clone(furthest[most-edits:most+edits+2]))
		for k := -edits; k <= edits; k += 2 {
			x := startOn(furthest, most, k, edits)
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			furthest[most+k] = x
			if x >= len(a) && y >= len(b) {
				return walkBack(steps, len(a), len(b)), true
			}
		}
	}
	return nil, false
}

// startOn returns how far into a the next edit comes on diagonal k: from the
// diagonal above by an insertion, or from the one below by a deletion.
func startOn(furthest []int, zero, k, edits int) int {
	if k == -edits || k != edits && furthest[zero+k-1] < furthest[zero+k+1] {
		return furthest[zero+k+1]
	}
	return furthest[zero+k-1] + 1
}

func walkBack(steps [][]int, x, y int) []pair {
	var pairs []pair
	for edits := len(steps) - 1; edits >= 0; edits-- {
		k := x - y
		fromX := startOn(steps[edits], edits, k, edits)
		if edits == 0 {
			fromX = 0
		}
		for x > fromX && x-k > fromX-k {
			x, y = x-1, y-1
			pairs = append(pairs, pair{x, y})
		}
		if edits > 0 {
			insertion := k == -edits || k != edits && steps[edits][edits+k-1] < steps[edits][edits+k+1]
			if insertion {
				y--
			} else {
				x--
			}
		}
	}
	slices.Reverse(pairs)
	return pairs
}

// alignInPassing pairs each element of b with the next equal one of a.
func alignInPassing(a, b []uint64) []pair {
	places := make(map[uint64][]int)
	for i, v := range a {
		places[v] = append(places[v], i)
	}
	var pairs []pair
	next := 0
	for j, v := range b {
		at := places[v]
		i, _ := slices.BinarySearch(at, next)
		// One far ahead would leave everything before it without a pair.
		if i < len(at) && at[i]-next <= maxEdits {
			pairs = append(pairs, pair{at[i], j})
			next = at[i] + 1
		}
	}
	return pairs
}

package reading

import (
	"context"
	"slices"
)

// maxEdits bounds the search for the shortest difference. Sequences further apart
// are aligned a piece at a time, each of laterEdits, which may miss some pairs.
const (
	maxEdits   = 1000
	laterEdits = 200
)

// A pair holds the indexes of two equal elements.
type pair struct{ a, b int }

// align returns the pairs of a longest common subsequence, in order, or some of them
// where the context ends before.
func align(ctx context.Context, a, b []uint64) []pair {
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
	at, most := pair{head, head}, maxEdits
	for at.a < len(a)-tail && at.b < len(b)-tail && ctx.Err() == nil {
		piece, end := shortestEdit(ctx, a[at.a:len(a)-tail], b[at.b:len(b)-tail], most)
		for _, p := range piece {
			pairs = append(pairs, pair{p.a + at.a, p.b + at.b})
		}
		at, most = pair{at.a + end.a, at.b + end.b}, laterEdits
	}
	for i := tail; i > 0; i-- {
		pairs = append(pairs, pair{len(a) - i, len(b) - i})
	}
	return pairs
}

// shortestEdit is Myers' algorithm (An O(ND) Difference Algorithm, 1986). It
// returns the pairs up to where that many edits bring it furthest, and that place,
// which is at least a step for each edit away.
func shortestEdit(ctx context.Context, a, b []uint64, most int) (pairs []pair, end pair) {
	most = min(len(a)+len(b), most)
	furthest := make([]int, 2*most+2) // on each diagonal, from -most
	var steps [][]int                 // furthest before each number of edits
	for edits := 0; edits <= most; edits++ {
		if ctx.Err() != nil {
			return nil, pair{len(a), len(b)}
		}
		steps = append(steps, slices.Clone(furthest[most-edits:most+edits+2]))
		for k := -edits; k <= edits; k += 2 {
			x := startOn(furthest, most, k, edits)
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			furthest[most+k] = x
			if x >= len(a) && y >= len(b) {
				end = pair{len(a), len(b)}
				return walkBack(steps, end), end
			}
		}
	}
	for k := -most; k <= most; k += 2 {
		reached := pair{furthest[most+k], furthest[most+k] - k}
		if reached.a <= len(a) && reached.b <= len(b) && reached.a+reached.b > end.a+end.b {
			end = reached
		}
	}
	return walkBack(steps, end), end
}

// startOn returns how far into a the next edit comes on diagonal k: from the
// diagonal above by an insertion, or from the one below by a deletion.
func startOn(furthest []int, zero, k, edits int) int {
	if k == -edits || k != edits && furthest[zero+k-1] < furthest[zero+k+1] {
		return furthest[zero+k+1]
	}
	return furthest[zero+k-1] + 1
}

// walkBack returns the pairs on the way to a place.
func walkBack(steps [][]int, end pair) []pair {
	var pairs []pair
	x, y := end.a, end.b
	for edits := len(steps) - 1; edits >= 0; edits-- {
		k := x - y
		fromX := startOn(steps[edits], edits, k, edits)
		for x > fromX {
			x, y = x-1, y-1
			pairs = append(pairs, pair{x, y})
		}
		if k == -edits || k != edits && steps[edits][edits+k-1] < steps[edits][edits+k+1] {
			y-- // an insertion
		} else {
			x--
		}
	}
	slices.Reverse(pairs)
	return pairs
}

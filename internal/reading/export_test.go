package reading

import "context"

// Align gives the tests what [align] finds, as pairs of indexes.
func Align(a, b []uint64) (pairs [][2]int) {
	for _, p := range align(context.Background(), a, b) {
		pairs = append(pairs, [2]int{p.a, p.b})
	}
	return pairs
}

// Groups returns all groups of siblings.
func Groups(siblings []*Node, shapes []uint64) (groups []Group) {
	for rest := siblings; len(rest) > 0; {
		var g Group
		g, rest = NextGroup(rest, shapes)
		groups = append(groups, g)
	}
	return groups
}

// Single returns each sibling as a group of its own.
func Single(siblings []*Node) []Group { return Groups(siblings, nil) }

// Limits that tests go beyond.
const (
	MaxEdits     = maxEdits
	Searched     = searched
	SearchedKind = searchedKind
	TailMost     = tailMost
	TailBack     = tailBack
	TailKnown    = tailKnown
	MostAhead    = mostAhead
)

// Readers returns how many stories are read at once.
func Readers() int32 { return int32(readers()) }

// Known returns how many stories a tail remembers.
func Known(t *Tail) int { return len(t.known) }

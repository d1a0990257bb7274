package reading

import "context"

// Align gives the tests what [align] finds, as pairs of indexes.
func Align(a, b []uint64) (pairs [][2]int) {
	for _, p := range align(context.Background(), a, b) {
		pairs = append(pairs, [2]int{p.a, p.b})
	}
	return pairs
}

// Limits that tests go beyond.
const (
	MaxEdits     = maxEdits
	Searched     = searched
	SearchedKind = searchedKind
	TailMost     = tailMost
	TailBack     = tailBack
	TailKnown    = tailKnown
)

// Known returns how many stories a tail remembers.
func Known(t *Tail) int { return len(t.known) }

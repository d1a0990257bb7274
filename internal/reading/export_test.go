package reading

// Align gives the tests what [align] finds, as pairs of indexes.
func Align(a, b []uint64) [][2]int { return exportPairs(align(a, b)) }

// AlignInPassing gives the tests what is found where the search is given up.
func AlignInPassing(a, b []uint64) [][2]int { return exportPairs(alignInPassing(a, b)) }

func exportPairs(pairs []pair) [][2]int {
	exported := make([][2]int, len(pairs))
	for i, p := range pairs {
		exported[i] = [2]int{p.a, p.b}
	}
	return exported
}

// Limits that tests go beyond.
const (
	MaxEdits  = maxEdits
	Searched  = searched
	TailMost  = tailMost
	CalmLines = calmLines
)

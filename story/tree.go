package story

// Parents returns for each line the index of the line it stands under, or -1: in its
// lane, the last line of the nearest caller that has logged and is still running, unless
// that was made in an earlier turn of a loop: then the line stands beside it. For lines
// that a handler stored, this is the call tree, which the indent alone does not always
// tell. It is exact but for what neither stacks nor machine code tell: a function that was
// called again, and takes another way than before to where it could have gone on, may
// look like the call before. Package dynamoslog says when, and what helps.
func Parents(lines []Line) []int {
	type open struct{ depth, index int }
	chains := make(map[int][]open) // by lane: the lines that the next one may stand under
	var chain []open               // that of lane, which is not in chains meanwhile
	lane := 0
	parents := make([]int, len(lines))
	for i := range lines {
		line := &lines[i]
		if line.Lane != lane {
			chains[lane] = chain
			lane, chain = line.Lane, chains[line.Lane]
		}
		limit := line.Depth - 1
		if line.Up > 0 {
			limit = line.Depth - line.Up
		}
		for len(chain) > 0 && chain[len(chain)-1].depth > limit {
			chain = chain[:len(chain)-1]
		}
		parents[i] = -1
		if len(chain) > 0 {
			parents[i] = chain[len(chain)-1].index
		}
		chain = append(chain, open{line.Depth, i})
	}
	return parents
}

// Nest returns a copy of the lines with their depth in the tree of [Parents]:
// one step under the nearest caller that logged, instead of one for each frame
// between. This is how readers show a story by default.
func Nest(lines []Line) []Line {
	nested := make([]Line, len(lines))
	for i, parent := range Parents(lines) {
		nested[i] = lines[i]
		nested[i].Depth, nested[i].Up = 0, 0
		if parent >= 0 {
			nested[i].Depth = nested[parent].Depth + 1
		}
	}
	return nested
}

package linebuf

// A Place is where among the lines of its lane a line stands in the call tree. The zero
// value is for a line of which that is unknown.
type Place struct {
	Frames int // of the stack, from the call site to the root; 0 if unknown
	Shared int // frames of the same activation as in the line before it, at most Frames
	// Turned is set if the last line that was made by the innermost shared frame was made
	// in an earlier turn of a loop there: this one does not stand under it.
	Turned bool
}

// Limit returns how many frames a line has at most that this one may stand under.
func (p Place) Limit() int {
	if p.Turned {
		return p.Shared - 1
	}
	return p.Shared
}

// shares packs what is shared into one number: Frames and more where Turned is set.
func (p Place) shares() int {
	if p.Turned {
		return p.Frames + 1 + p.Shared
	}
	return p.Shared
}

func placeOf(frames, shares int) Place {
	if shares > frames {
		return Place{frames, shares - frames - 1, true}
	}
	return Place{frames, shares, false}
}

// A Gap is what lines that were dropped say of the next one of their lane. The zero
// value is for none.
type Gap struct {
	shared int // the least that one of them shares
	turned bool
	frames int // the fewest of one of them
	open   bool
}

// Add adds a line that is dropped, after those that were.
func (g *Gap) Add(p Place) {
	switch {
	case p.Frames == 0:
		return
	case !g.open:
		*g = Gap{p.Shared, p.Turned, p.Frames, true}
		return
	}
	after := g.Before(p)
	*g = Gap{after.Shared, after.Turned, min(g.frames, p.Frames), true}
}

// Place returns what the lines that were dropped say, as the place of one.
func (g Gap) Place() Place { return Place{g.frames, g.shared, g.turned} }

// Before returns the place of a line that comes after those that were dropped.
func (g *Gap) Before(p Place) Place {
	if !g.open || p.Frames == 0 {
		return p
	}
	p.Turned = p.Turned && p.Shared < g.frames // else it may be one of them that it does not stand under
	switch {
	case g.shared < p.Shared:
		p.Shared, p.Turned = g.shared, g.turned
	case g.shared == p.Shared:
		p.Turned = p.Turned || g.turned
	}
	return p
}

// Join adds lines that were dropped after those.
func (g *Gap) Join(after Gap) {
	if after.open {
		p := g.Before(after.Place())
		fewest := after.frames
		if g.open {
			fewest = min(fewest, g.frames)
		}
		*g = Gap{p.Shared, p.Turned, fewest, true}
	}
}

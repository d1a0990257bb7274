package controlflow

import (
	"slices"
	"sort"
	"unsafe"
)

// A graph is how control flows between the blocks of a function, in the order of their
// addresses. It never changes.
type graph struct {
	entry   uintptr
	blocks  []block
	resumes []int32 // blocks that may follow any call
	loops   []loop
}

// A block is a run of instructions of which only the last one is a call or a jump, and
// only the first one is jumped to.
type block struct {
	end  uint32   // offset of what is behind it
	next [2]int32 // blocks that may follow, or -1
	loop int32    // the innermost loop around it, or -1
	last kind     // of the last instruction
}

func (g *graph) size() int64 {
	const entry = 160 // in the map, about
	if g == nil {
		return entry
	}
	return entry + int64(len(g.blocks))*int64(unsafe.Sizeof(block{})) + int64(len(g.loops))*int64(unsafe.Sizeof(loop{}))
}

// read reads the code of a function, and returns nil where that is not understood.
func read(entry uintptr) *graph {
	if !decodes() {
		return nil
	}
	return build(entry, code(entry))
}

// build makes a graph of a function's code, and nil of code that is not understood.
func build(entry uintptr, code []byte) *graph {
	instructions, ok := sweep(entry, code)
	if !ok {
		return nil
	}
	g := &graph{entry: entry}
	for i := range instructions {
		if at := &instructions[i]; at.ends {
			last := at.kind
			if last == unknown {
				last = anywhere
			}
			if last == resume {
				g.resumes = append(g.resumes, int32(len(g.blocks)))
			}
			g.blocks = append(g.blocks, block{end: uint32(at.at + at.size), next: [2]int32{-1, -1}, loop: -1, last: last})
		}
	}
	n := 0
	for i := range instructions {
		at := &instructions[i]
		if !at.ends {
			continue
		}
		b := &g.blocks[n]
		n++
		switch at.kind {
		case plain, call, resume, branch:
			if n < len(g.blocks) { // code does not run into the next function
				b.next[0] = int32(n)
			}
		}
		if at.kind == jump || at.kind == branch {
			b.next[1] = int32(g.blockAt(uint32(at.at + at.target)))
		}
	}
	g.findLoops()
	return g
}

// A place is an instruction at its offset in the code.
type place struct {
	instruction
	at   int
	ends bool // a block ends with it
}

// sweep decodes a function's code from its first byte to its last.
func sweep(entry uintptr, code []byte) (places []place, ok bool) {
	const begins, jumpedTo = 1, 2
	marks := make([]byte, len(code)+1)
	places = make([]place, 0, len(code)/4+1)
	for at := 0; at < len(code) && !isPadding(code[at:]); {
		p := place{decode(code[at:]), at, false}
		if p.size == 0 {
			return nil, false
		}
		if p.kind == call && p.target != 0 {
			p.kind = callKind(entry + uintptr(at+p.target))
		}
		marks[at] |= begins
		if p.kind == jump || p.kind == branch {
			if to := at + p.target; to < 0 || to >= len(code) { // a call that this one ends with, or code that nobody compiled
				return nil, false
			}
			marks[at+p.target] |= jumpedTo
		}
		places = append(places, p)
		at += p.size
	}
	for i := range places {
		p := &places[i]
		next := p.at + p.size
		p.ends = p.kind != plain || i+1 == len(places) || marks[next]&jumpedTo != 0
	}
	for _, mark := range marks {
		if mark == jumpedTo { // into the middle of an instruction
			return nil, false
		}
	}
	return places, len(places) > 0
}

// blockAt returns the block that an offset is in, or -1.
func (g *graph) blockAt(offset uint32) int {
	i := sort.Search(len(g.blocks), func(i int) bool { return g.blocks[i].end > offset })
	if i == len(g.blocks) {
		return -1
	}
	return i
}

// block returns the block that ends in a call, by the address that the call returns to,
// and -1 where there is none.
func (g *graph) block(pc uintptr) int {
	if pc <= g.entry {
		return -1
	}
	b := g.blockAt(uint32(pc - 1 - g.entry))
	if b < 0 || uintptr(g.blocks[b].end) != pc-g.entry {
		return -1
	}
	switch g.blocks[b].last {
	case call, exit, resume:
		return b
	}
	return -1
}

func (g *graph) way(from, to uintptr) Way {
	a, b := g.block(from), g.block(to)
	if a < 0 || b < 0 {
		return Unknown
	}
	reached, certain := g.search(a, b, -1)
	switch {
	case !certain:
		return Onward
	case !reached:
		return Never
	}
	around := g.common(a, b)
	if around < 0 {
		return Onward
	}
	if onward, _ := g.search(a, b, around); onward {
		return Onward
	}
	return Round
}

// search looks for a block on the ways that lead on from another one, without those that
// begin another turn of a loop or of one around it, unless that is -1. It is not certain
// where a way may lead anywhere.
func (g *graph) search(from, to int, within int32) (reached, certain bool) {
	seen := make([]bool, len(g.blocks))
	open := slices.Clone(g.resumes)
	for _, b := range open {
		seen[b] = true
	}
	visit := func(b int32) {
		for _, next := range g.blocks[b].next {
			if next >= 0 && !seen[next] && !g.turns(b, next, within) {
				seen[next] = true
				open = append(open, next)
			}
		}
	}
	visit(int32(from))
	for len(open) > 0 {
		b := open[len(open)-1]
		open = open[:len(open)-1]
		if g.blocks[b].last == anywhere {
			return true, false
		}
		visit(b)
	}
	return seen[to], true
}

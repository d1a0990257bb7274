package callstack

// Trusting returns stacks that trust a chain of frames without a proof.
func Trusting() *Stacks {
	s := &Stacks{}
	s.known.trusts = true
	return s
}

// Walks reports whether the fast walk is in use.
func Walks() bool { return walks() }

// Proven reports whether the walk was proven with a version of Go.
func Proven(goVersion string) bool { return proven(goVersion) }

// Shared returns how many frames a stack shares with the one before, and how many the
// two say alone; -1 where there is none.
func (s *Stacks) Shared(t *Trail, next *Stack) (shared, byStacks int) {
	if t.last == nil {
		return -1, -1
	}
	a, b := t.last.PCs, next.PCs
	for byStacks < len(a) && byStacks < len(b) && frameAt(a, byStacks) == frameAt(b, byStacks) {
		byStacks++
	}
	if byStacks < len(a) && byStacks < len(b) && s.At(frameAt(a, byStacks)) == s.At(frameAt(b, byStacks)) {
		byStacks++
	}
	return s.comparisonOf(t.last, next, true).shared, byStacks
}

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

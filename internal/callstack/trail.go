package callstack

// A Trail is what is remembered of the lines of one goroutine: where the last one was
// made. The zero value is for none. It is used by one goroutine at a time.
type Trail struct {
	last *Stack
	made int64 // when the last record was, as its time says
	more *moreOfTrail
}

// moreOfTrail is what only some trails have; nil before a line that was made in a loop, or
// whose stack is not kept.
type moreOfTrail struct {
	own *Stack // memory for stacks that are not kept
	// looped are the lines that were made in a loop of their function, and whose calls
	// are not known to have returned, the outermost first.
	looped []loopedLine
	room   [2]loopedLine // for the first of them
}

// Last returns where the last line was made: the stack from its call site on. It is valid
// until the next one is followed, and nil where there was none.
func (t *Trail) Last() []uintptr {
	if t.last == nil {
		return nil
	}
	return t.last.PCs
}

// Root returns the entry of the function that the goroutine of the last line was started
// with; 0 where there was none.
func (t *Trail) Root() uintptr {
	if t.last == nil {
		return 0
	}
	return t.last.Root
}

// further returns what only some trails have, for writing.
func (t *Trail) further() *moreOfTrail {
	if t.more == nil {
		t.more = new(moreOfTrail)
		t.more.looped = t.more.room[:0]
	}
	return t.more
}

// A loopedLine is a line that was made in a loop of its function.
type loopedLine struct {
	frames int     // of its stack
	at     uintptr // where in its function
}

// Follow goes on to the next line, whose record has a time in nanoseconds. It returns
// how many frames from the root it shares with the line before it: those that are the
// same activation, as far as can be told. If turned is set, the last line that was made
// by the innermost of them was made in an earlier turn of a loop there.
func (s *Stacks) Follow(t *Trail, next *Stack, made int64) (shared int, turned bool) {
	if t.last != nil {
		c := s.comparisonOf(t.last, next, made != t.made)
		shared = c.shared
		if t.more != nil {
			t.more.returnTo(min(shared, len(next.PCs)-1)) // the line takes the place of those beside it
			if c.still < shared && len(t.more.looped) > 0 {
				shared, turned = s.turn(t, next, c)
			}
		}
	}
	t.made = made
	if next.loop != 0 {
		more := t.further()
		more.looped = append(more.looped, loopedLine{len(next.PCs), next.loop})
	}
	if t.last = next; !next.Kept() {
		t.keep(next)
	}
	return shared, turned
}

// comparisonOf is compare, but remembers what that says of stacks that are kept.
func (s *Stacks) comparisonOf(a, b *Stack, distinct bool) comparison {
	place, tag := s.pairs.find(a, b, distinct)
	if place == nil {
		return s.compare(a, b, distinct)
	}
	if c, ok := unpack(place.Load(), tag); ok {
		return c
	}
	c := s.compare(a, b, distinct)
	if word, ok := pack(tag, c); ok {
		place.Store(word)
	}
	return c
}

// returnTo forgets lines that were made deeper.
func (t *moreOfTrail) returnTo(frames int) {
	for n := len(t.looped); n > 0 && t.looped[n-1].frames > frames; n-- {
		t.looped = t.looped[:n-1]
	}
}

// turn finds the lines that were made in an earlier turn of the loop that has begun
// another one, and forgets them.
func (s *Stacks) turn(t *Trail, next *Stack, c comparison) (shared int, turned bool) {
	from, to := s.position(t.last.whole, c.still), s.position(next.whole, c.still)
	shared = c.shared
	for i, line := range t.more.looped {
		if line.frames > c.still && s.flow.Around(from, to, line.at) {
			t.more.looped = t.more.looped[:i]
			return line.frames, true
		}
	}
	return shared, false
}

// keep copies a stack that will be overwritten.
func (t *Trail) keep(stack *Stack) {
	more := t.further()
	if more.own == nil {
		more.own = new(Stack)
	}
	own := more.own
	memory := append(own.whole[:0], stack.whole...)
	*own = *stack
	own.whole, own.scratch = memory, nil
	own.PCs = memory[len(memory)-len(stack.PCs):]
	t.last = own
}

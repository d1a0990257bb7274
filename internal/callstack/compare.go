package callstack

import (
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/callstack/controlflow"
)

// Frames are counted from the root here: the first is 0. Calls that were inlined are
// frames of their own, which share one physical frame with what they were inlined into.

func frameAt(stack []uintptr, i int) uintptr { return stack[len(stack)-1-i] }

// A comparison says what two stacks of one goroutine have in common, of which one was
// captured after the other.
type comparison struct {
	shared int // frames that are the same activation, as far as can be told
	// still is how many of them have not begun another turn of a loop in between. It
	// is less than shared where the last physical one has.
	still int
}

// compare tells which frames of two stacks are the same activation. Those with equal
// addresses are, and one more where both go on in the same function at different
// places, unless the code of a function says that control cannot come from the one
// place to the other: then that function was called anew, and what called it has come
// back to the same place, or was called anew as well.
func (s *Stacks) compare(a, b *Stack, distinct bool) comparison {
	c := s.compareWhole(a.whole, b.whole, a.handling, b.handling, distinct)
	c.shared = min(c.shared, len(a.PCs), len(b.PCs))
	c.still = min(c.still, c.shared)
	return c
}

func (s *Stacks) compareWhole(a, b []uintptr, handlingA, handlingB int, distinct bool) comparison {
	equal := 0
	for equal < len(a) && equal < len(b) && frameAt(a, equal) == frameAt(b, equal) {
		equal++
	}
	elsewhere := equal < len(a) && equal < len(b) && s.At(frameAt(a, equal)) == s.At(frameAt(b, equal))
	if handling := min(handlingA, handlingB); distinct && equal >= handling { // these handled two records
		equal, elsewhere = handling, false
	}
	for {
		shared, moved := equal, equal
		switch {
		case s.inlinedAt(a, equal) || s.inlinedAt(b, equal):
			moved = s.physical(a, equal-1)
		case elsewhere:
		case equal == 0 || s.byForeignCode(a, equal) || s.byForeignCode(b, equal):
			return comparison{equal, equal}
		default:
			moved = s.physical(a, equal-1)
		}
		if elsewhere {
			shared++
		}
		switch s.way(a, b, moved) {
		case controlflow.Never:
			equal, elsewhere = moved, false
		case controlflow.Round:
			return comparison{shared, moved}
		default:
			return comparison{shared, shared}
		}
	}
}

// way returns how control came from one place to the other in a physical frame.
func (s *Stacks) way(a, b []uintptr, frame int) controlflow.Way {
	if !provenHere() || s.At(frameAt(a, frame)).Inlined { // into a wrapper, which runtime.Callers leaves out
		return controlflow.Unknown
	}
	return s.flow.Way(s.position(a, frame), s.position(b, frame))
}

// inlinedAt reports whether a frame is part of the same physical frame as the one
// before it.
func (s *Stacks) inlinedAt(stack []uintptr, i int) bool {
	if i == 0 || i >= len(stack) {
		return false
	}
	at := s.At(frameAt(stack, i))
	return at.Inlined && at.Entry == s.At(frameAt(stack, i-1)).Entry
}

// physical returns the first frame of the physical one that a frame is part of.
func (s *Stacks) physical(stack []uintptr, i int) int {
	for s.inlinedAt(stack, i) {
		i--
	}
	return i
}

// position returns the address that a physical frame is at, by its first frame.
func (s *Stacks) position(stack []uintptr, first int) uintptr {
	i := first
	for s.inlinedAt(stack, i+1) {
		i++
	}
	return frameAt(stack, i)
}

// byForeignCode reports whether a frame was called by code that has no frames: by C,
// which may call any number of times.
func (s *Stacks) byForeignCode(stack []uintptr, i int) bool {
	return i < len(stack) && strings.HasPrefix(s.At(frameAt(stack, i)).Name, "runtime.cgocallback")
}

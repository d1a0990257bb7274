package callstack

import (
	"runtime"
	"unsafe"
)

const (
	maxFrames = 1 << 15 // of a stack that is captured whole
	maxWalk   = 1 << 9  // of a stack that is walked; deeper ones cost less than they would to remember
)

// A Stack is the stack of a goroutine, or its part from a call site on.
type Stack struct {
	PCs       []uintptr // return addresses, the innermost first
	Kept      bool      // PCs are never overwritten
	Goroutine uint64    // its number, if it is known
}

// A Scratch is memory for capturing stacks. Its zero value is ready to use, by
// one goroutine at a time.
type Scratch struct {
	chain []frame
	pcs   []uintptr
}

// Size returns how many bytes the memory takes.
func (s *Scratch) Size() int { return cap(s.chain)*int(unsafe.Sizeof(frame{})) + cap(s.pcs)*8 }

// Stacks captures stacks, and knows again those that it has captured before. Its
// zero value is ready to use, by several goroutines at once.
//
// What runtime.Callers says is a function of the stack's physical frames: of the
// return addresses, each at its distance from the stack's end. Where frame
// pointers lead through all of these frames, following them is much faster than
// runtime.Callers, which takes every frame's layout from tables and unfolds the
// calls that were inlined. So Stacks remembers what runtime.Callers said of a
// chain of frames. It trusts a chain only after a proof, by explains, that the
// frame pointers leave out no frame that runtime.Callers has. The proof holds for
// ever: a function's frame has the same size whenever it calls from the same
// address, hence the chain found again, with the same distances, passes through
// the same frames, even if some function does not maintain the frame pointer.
type Stacks struct {
	Funcs
	known table
}

// Capture returns the stack of its caller, and no PCs for one that is too deep.
// They are valid until the scratch is used again, unless they are kept.
//
//go:noinline
func (s *Stacks) Capture(scratch *Scratch) (stack Stack) {
	can := walks()
	if !can.walk {
		stack.PCs = scratch.callers(3)
		return stack
	}
	if scratch.chain == nil {
		scratch.chain = make([]frame, 64)
	}
	n, hash, goroutine := walk(&scratch.chain[0], len(scratch.chain), idAt)
	for n < 0 && len(scratch.chain) < maxWalk {
		scratch.chain = make([]frame, 2*len(scratch.chain))
		n, hash, goroutine = walk(&scratch.chain[0], len(scratch.chain), idAt)
	}
	if can.identify {
		stack.Goroutine = uint64(goroutine)
	}
	if n <= 0 {
		stack.PCs = scratch.callers(3)
		return stack
	}
	chain := scratch.chain[:n]
	found := s.known.find(chain, hash)
	if found != nil && found.pcs != nil {
		stack.PCs, stack.Kept = found.pcs, true
		return stack
	}
	stack.PCs = scratch.callers(3)
	if found == nil && s.known.seenBefore(hash) {
		s.known.add(chain, hash, stack.PCs)
	}
	return stack
}

// callers returns the stack as runtime.Callers gives it, without the first
// frames, of which it is one and runtime.Callers another.
//
//go:noinline
func (s *Scratch) callers(skip int) []uintptr {
	for {
		if n := runtime.Callers(skip, s.pcs); n < len(s.pcs) {
			return s.pcs[:n]
		}
		if len(s.pcs) > maxFrames {
			return nil
		}
		s.pcs = make([]uintptr, max(64, 2*len(s.pcs)))
	}
}

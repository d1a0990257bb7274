package callstack

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/dynamoslog/dynamoslog/internal/callstack/controlflow"
)

const (
	maxFrames = 1 << 14 // of a stack that is captured at all: that takes half a millisecond
	maxWalk   = 1 << 9  // of a stack that is walked; deeper ones cost less than they would to remember
)

// A scratch is memory for capturing stacks, for one goroutine at a time.
type scratch struct {
	stack Stack
	chain []frame
	pcs   []uintptr
}

// size returns how many bytes the memory takes.
func (s *scratch) size() int { return cap(s.chain)*int(unsafe.Sizeof(frame{})) + cap(s.pcs)*8 }

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
	// Within names the packages that a record without an address is not made in:
	// those of the loggers.
	Within []string

	known     table
	pairs     pairs
	flow      controlflow.Flow
	scratches sync.Pool
}

// Capture returns the caller's stack from the call site on that has the address
// pc, or from outside of the packages Within if pc is 0, and the number of the
// goroutine, or 0 if that is unknown. It returns no PCs for a call site that is not
// on the stack, and for a stack of maxFrames and more. The stack is valid until Release.
//
//go:noinline
func (s *Stacks) Capture(pc uintptr) (stack *Stack, goroutine uint64) {
	var here byte
	hint := hintOf(uintptr(unsafe.Pointer(&here)))
	set := s.known.set(pc, hint)
	if set == nil {
		return s.capture(pc, hint, true)
	}
	for i := range set {
		known := set[i].Load()
		if known == nil || known.pc != pc {
			continue
		}
		// retraces begins with this function's frame, as the chains do.
		if same, goroutine := retraces(&known.chain[0], len(known.chain), idAt); same {
			if !known.trusted {
				return s.capture(pc, hint, false)
			}
			return &known.stack, uint64(goroutine)
		}
	}
	return s.capture(pc, hint, true)
}

// Release gives back the memory that a stack took.
func (s *Stacks) Release(stack *Stack) {
	const largest = 160 << 10 // of maxFrames, and maxWalk
	if of := stack.scratch; of != nil && of.size() <= largest {
		s.scratches.Put(of)
	}
}

// capture takes the caller's caller's stack by runtime.Callers. It learns what
// that says of the chain of frames, if the chain comes for the second time.
//
//go:noinline
func (s *Stacks) capture(pc, hint uintptr, learn bool) (stack *Stack, goroutine uint64) {
	to, _ := s.scratches.Get().(*scratch)
	if to == nil {
		to = &scratch{chain: make([]frame, 64), pcs: make([]uintptr, 64)}
	}
	n, hash, id := 0, uintptr(0), uintptr(0)
	if walks() {
		n, hash, id = walk(&to.chain[0], len(to.chain), idAt)
		for n < 0 && len(to.chain) < maxWalk {
			to.chain = make([]frame, 2*len(to.chain))
			n, hash, id = walk(&to.chain[0], len(to.chain), idAt)
		}
	}
	pcs := to.callers(4)
	if learn && n > 1 && s.known.seenBefore(hash^pc) {
		s.learn(to.chain[1:n], pcs, pc, hint) // without this function's frame
	}
	to.stack = s.stack(pcs, pc)
	to.stack.scratch = to
	return &to.stack, uint64(id)
}

// learn remembers what runtime.Callers says of a chain, if the chain can be
// trusted, or that it cannot.
func (s *Stacks) learn(chain []frame, pcs []uintptr, pc, hint uintptr) {
	known := &knownChain{chain: slices.Clone(chain), pc: pc}
	if known.trusted = s.known.trusts || explains(chain, pcs); known.trusted {
		known.stack = s.stack(slices.Clone(pcs), pc)
		known.stack.serial = s.pairs.number()
	}
	s.known.put(known, hint)
}

// stack makes a stack of the addresses of a whole one.
func (s *Stacks) stack(pcs []uintptr, pc uintptr) Stack {
	stack := Stack{Root: s.root(pcs), whole: pcs}
	if pc == 0 {
		stack.PCs = s.outside(pcs, s.Within)
	} else {
		stack.PCs = from(pcs, pc)
	}
	stack.handling = s.handlingFrom(pcs[:len(pcs)-len(stack.PCs)], len(pcs))
	if depth := len(stack.PCs); depth > 0 {
		stack.Ends = s.ends(pcs, len(pcs)-depth)
		stack.loop = s.position(pcs, s.physical(pcs, depth-1))
		if !s.flow.InLoop(stack.loop) {
			stack.loop = 0
		}
	}
	return stack
}

// handlingFrom returns how many frames of a stack there are before the one that handles
// this record and no other, of those that the call site called: that of slog's logger, or
// of its handler of several others where there is no logger. All where there is neither.
func (s *Stacks) handlingFrom(called []uintptr, frames int) int {
	several := frames
	for i, pc := range called {
		switch name := s.At(pc).Name; {
		case strings.HasPrefix(name, "log/slog.(*Logger).") || name == logWriter:
			return frames - 1 - i
		case name == "log/slog.(*MultiHandler).Handle" && several == frames:
			several = frames - 1 - i
		}
	}
	return several
}

// callers returns the stack as runtime.Callers gives it, without the first
// frames, of which it is one and runtime.Callers another.
//
//go:noinline
func (s *scratch) callers(skip int) []uintptr {
	for {
		if n := runtime.Callers(skip, s.pcs); n < len(s.pcs) {
			return s.pcs[:n]
		}
		if len(s.pcs) >= maxFrames {
			return nil
		}
		s.pcs = make([]uintptr, 2*len(s.pcs))
	}
}

// Package controlflow tells of the program's own machine code whether control can come
// from one call site of a function to another, without leaving the function.
//
// It decides nothing where the code is not understood: on other processors and
// compilers, where an instruction cannot be decoded, where the place is no call.
package controlflow

import (
	"sync"
	"sync/atomic"
)

// A Way is how control comes from behind one call site to another one in the same
// activation of their function.
type Way uint8

const (
	Unknown Way = iota // the code is not understood, so that everything is possible
	Never              // it does not
	Onward             // without going round a loop, or through a jump that may lead anywhere
	Round              // only by beginning another turn of a loop that is around both
)

// A Flow answers questions about functions. A function's code is read once, when it is
// asked about first, which takes some microseconds and a millisecond for the largest;
// only those who ask about the same function wait for that. The zero value is ready, for
// several goroutines at once.
//
// Call sites are given as return addresses, as they stand on the stack. Two of one
// question are in the same function.
type Flow struct {
	functions sync.Map // entry uintptr → *function
	size      atomic.Int64
	answers   atomic.Pointer[[answerSlots]atomic.Pointer[answer]]
}

const (
	maxSize     = 8 << 20 // bytes of all graphs; when there are more, all are forgotten
	answerSlots = 1 << 12 // a power of two
)

type function struct {
	once  sync.Once
	graph *graph // nil where the code is not understood; set by once
}

// An answer is that to one question. It never changes.
type answer struct {
	from, to, third uintptr // 0 where the question is about fewer calls
	way             Way
	around          bool
}

// place returns where the answer to a question is kept, and the one that is there.
func (f *Flow) place(from, to, third uintptr) (place *atomic.Pointer[answer], known *answer) {
	slots := f.answers.Load()
	if slots == nil {
		f.answers.CompareAndSwap(nil, new([answerSlots]atomic.Pointer[answer]))
		slots = f.answers.Load()
	}
	hash := uint64(from)*0x9E3779B97F4A7C15 ^ uint64(to)*0xC2B2AE3D27D4EB4F ^ uint64(third)*0x165667B19E3779F9
	place = &slots[hash>>40%answerSlots]
	if known = place.Load(); known != nil && (known.from != from || known.to != to || known.third != third) {
		known = nil
	}
	return place, known
}

// Way returns how control comes from behind a call to another.
func (f *Flow) Way(from, to uintptr) Way {
	place, known := f.place(from, to, 0)
	if known == nil {
		known = &answer{from: from, to: to}
		if g := f.graph(from); g != nil {
			known.way = g.way(from, to)
		}
		place.Store(known)
	}
	return known.way
}

// InLoop reports whether a call is known to stand in a loop of its function.
func (f *Flow) InLoop(at uintptr) bool {
	place, known := f.place(at, 0, 0)
	if known == nil {
		known = &answer{from: at}
		if g := f.graph(at); g != nil {
			b := g.block(at)
			known.around = b >= 0 && g.blocks[b].loop >= 0
		}
		place.Store(known)
	}
	return known.around
}

// Around reports whether the loop that makes the way between two calls [Round], the
// innermost around both, is around a third one as well.
func (f *Flow) Around(from, to, third uintptr) bool {
	place, known := f.place(from, to, third)
	if known == nil {
		known = &answer{from: from, to: to, third: third}
		if g := f.graph(from); g != nil {
			known.around = g.around(from, to, third)
		}
		place.Store(known)
	}
	return known.around
}

// graph returns what is known of the function that a return address is in, and nil
// where its code is not understood.
func (f *Flow) graph(pc uintptr) *graph {
	entry := entryOf(pc)
	if entry == 0 {
		return nil
	}
	known, ok := f.functions.Load(entry)
	if !ok {
		known, _ = f.functions.LoadOrStore(entry, new(function))
	}
	fn := known.(*function)
	fn.once.Do(func() {
		fn.graph = read(entry)
		if f.size.Add(fn.graph.size()) > maxSize {
			f.functions.Clear()
			f.size.Store(0)
		}
	})
	return fn.graph
}

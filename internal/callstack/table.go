package callstack

import "sync/atomic"

// A frame is a physical frame as a walk finds it.
type frame struct {
	pc uintptr // the address that the frame's function returns to
	//lint:ignore U1000 only the assembly reads and writes it
	at uintptr // distance of the frame from the end of the stack
}

// A knownChain is what runtime.Callers says of a chain of frames, from a call site
// on. It never changes.
type knownChain struct {
	chain   []frame
	pc      uintptr // of the call site
	trusted bool    // the chain leaves no frames out
	stack   Stack   // if it is trusted
}

// size returns how many bytes it takes, about.
func (k *knownChain) size() int64 { return int64(len(k.chain))*16 + int64(cap(k.stack.PCs))*8 + 160 }

const (
	tableSets = 1 << 10 // a power of two
	tableWays = 8       // places in a set, which the chains of a call site by way of different callers share
	seenSlots = 1 << 12 // a power of two
	maxTable  = 8 << 20 // bytes of the chains in a table
)

type places [tableWays]atomic.Pointer[knownChain]

// A table remembers chains. It is bounded: a new chain takes the place of another
// when its set is full. Nobody waits for anybody.
type table struct {
	sets   atomic.Pointer[[tableSets]places]
	seen   atomic.Pointer[[seenSlots]atomic.Uintptr]
	bytes  atomic.Int64
	victim atomic.Uint32
	trusts bool // without proof; for the test that shows what the proof is for
}

// slot spreads numbers over so many places, a power of two.
func slot(n uintptr, places uint64) uint64 { return uint64(n) * 0x9E3779B97F4A7C15 >> 40 % places }

// hintOf returns what an address on a stack tells of its distance from the stack's
// end: that is at a multiple of the smallest stack's size.
func hintOf(address uintptr) uintptr { return address % 2048 }

// set returns the places for chains of a call site in which a function has its
// variables at such addresses, and nil before there are any.
func (t *table) set(pc, hint uintptr) *places {
	sets := t.sets.Load()
	if sets == nil {
		return nil
	}
	return &sets[slot(pc^hint<<20, tableSets)]
}

// seenBefore reports whether a hash was seen already, and is true by mistake at
// times, as false. Chains that come once are not worth a place in the table.
func (t *table) seenBefore(hash uintptr) bool {
	seen := t.seen.Load()
	if seen == nil {
		t.seen.CompareAndSwap(nil, new([seenSlots]atomic.Uintptr))
		seen = t.seen.Load()
	}
	return seen[slot(hash, seenSlots)].Swap(hash) == hash
}

func (t *table) put(known *knownChain, hint uintptr) {
	if t.sets.Load() == nil {
		t.sets.CompareAndSwap(nil, new([tableSets]places))
	}
	set := t.set(known.pc, hint)
	place := &set[t.victim.Add(1)%tableWays]
	for i := range set {
		if set[i].Load() == nil {
			place = &set[i]
			break
		}
	}
	old := place.Load()
	grows := known.size()
	if old != nil {
		grows -= old.size()
	}
	if grows > 0 && t.bytes.Load()+grows > maxTable {
		return
	}
	if place.CompareAndSwap(old, known) {
		t.bytes.Add(grows)
	}
}

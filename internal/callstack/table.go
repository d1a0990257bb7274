package callstack

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

// A frame is a physical frame as a walk finds it.
type frame struct {
	pc uintptr // the address that the frame's function returns to
	at uintptr // distance of the frame from the end of the stack
}

// A knownChain is what runtime.Callers says of a chain of frames. It never changes.
type knownChain struct {
	chain []frame
	hash  uintptr
	pcs   []uintptr // nil if the chain leaves frames out
}

func (k *knownChain) size() int64 { return int64(len(k.chain))*16 + int64(len(k.pcs))*8 + 64 }

const (
	tableSets = 1 << 10 // a power of two
	tableWays = 4       // places in a set
	seenSlots = 1 << 12 // a power of two
	maxTable  = 8 << 20 // bytes of the chains in a table
)

// A table remembers chains. It is bounded: a new chain takes the place of another
// when its set is full. Nobody waits for anybody.
type table struct {
	places atomic.Pointer[[tableSets][tableWays]atomic.Pointer[knownChain]]
	seen   atomic.Pointer[[seenSlots]atomic.Uintptr]
	bytes  atomic.Int64
	victim atomic.Uint32
	trusts bool // without proof; for the test that shows what the proof is for
}

// fold makes all bits of the hash count in its lowest ones.
func fold(hash uintptr) uintptr { return hash ^ hash>>32 ^ hash>>47 }

// find returns what is known of a chain, and nil if that is nothing.
func (t *table) find(chain []frame, hash uintptr) *knownChain {
	places := t.places.Load()
	if places == nil {
		return nil
	}
	set := &places[fold(hash)%tableSets]
	for i := range set {
		if known := set[i].Load(); known != nil && known.hash == hash && sameChain(known.chain, chain) {
			return known
		}
	}
	return nil
}

// sameChain compares two chains as blocks of memory.
func sameChain(a, b []frame) bool {
	text := func(chain []frame) string {
		return unsafe.String((*byte)(unsafe.Pointer(unsafe.SliceData(chain))), len(chain)*int(unsafe.Sizeof(frame{})))
	}
	return len(a) == len(b) && text(a) == text(b)
}

// seenBefore reports whether a chain was seen already, and is true by mistake at
// times, as false. Chains that come once are not worth a place in the table.
func (t *table) seenBefore(hash uintptr) bool {
	seen := t.seen.Load()
	if seen == nil {
		t.seen.CompareAndSwap(nil, new([seenSlots]atomic.Uintptr))
		seen = t.seen.Load()
	}
	return seen[fold(hash)%seenSlots].Swap(hash) == hash
}

// add remembers that runtime.Callers gives these addresses for a chain, if the
// chain can be trusted, or that it cannot.
func (t *table) add(chain []frame, hash uintptr, pcs []uintptr) {
	known := &knownChain{chain: slices.Clone(chain), hash: hash}
	if t.trusts || explains(chain, pcs) {
		known.pcs = slices.Clone(pcs)
	}
	t.put(known)
}

func (t *table) put(known *knownChain) {
	places := t.places.Load()
	if places == nil {
		t.places.CompareAndSwap(nil, new([tableSets][tableWays]atomic.Pointer[knownChain]))
		places = t.places.Load()
	}
	set := &places[fold(known.hash)%tableSets]
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

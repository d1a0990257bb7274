package linebuf

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

const (
	leastBlock   = 128 // many stories have few lines
	largestBlock = 8 << 10
	mostFirst    = 3 << 10 // of a first block: there may be many stories that are not as far as they usually come
	perBlock     = 32      // bytes that a block takes beside its data
)

// A Pool keeps blocks for reuse, by their size: 128 bytes, 160, 192, 224, 256, 320 and so on. It also
// knows how much memory lines of each kind usually take.
type Pool struct {
	blocks [25]sync.Pool
	taken  [1 << 8]atomic.Int32 // bytes, about, by kind
}

// A Kind tells lines apart that are as many as those of the kind before them, by where the
// first of them was made. 0 stands for lines of which nothing is known.
type Kind uint8

// KindOf returns the kind of lines of which the first has a call site.
func KindOf(pc uintptr) Kind {
	const scatters = 0x9E3779B97F4A7C15 // 2^64 over the golden ratio
	return Kind(1 + uint64(pc)*scatters>>32%255)
}

// usual returns how large a first block is for all lines of a kind to fit in, usually; it is
// at most mostFirst.
func (p *Pool) usual(of Kind) int {
	taken := int(p.taken[of].Load())
	return min(taken+taken/16, mostFirst)
}

// learn takes note of how much memory lines of a kind took, in all or at least. The mean
// follows slowly, so that a few that are much longer change little.
func (p *Pool) learn(of Kind, took int) {
	const most = leastBlock
	if of == 0 || took == 0 {
		return
	}
	took = min(took, mostFirst)
	before := int(p.taken[of].Load())
	if further := min(max((took-before)/8, -most), most); further != 0 {
		p.taken[of].Store(int32(before + further)) // one of several at once may be lost
	}
}

// roundUp returns the size of the least block that holds so much: there are four for each
// doubling.
func roundUp(size int) int {
	size = max(size, leastBlock)
	step := 1 << (bits.Len(uint(size-1)) - 3)
	return (size + step - 1) &^ (step - 1)
}

func (p *Pool) get(size int) *block {
	if of := p.of(size); of != nil {
		if b, ok := of.Get().(*block); ok {
			return b
		}
	}
	return &block{data: make([]byte, 0, size)}
}

// put takes a block back.
func (p *Pool) put(b *block) {
	if of := p.of(cap(b.data)); of != nil {
		b.next, b.data = nil, b.data[:0]
		of.Put(b)
	}
}

// of returns the pool for blocks of a size, or nil for one that only a large line takes.
func (p *Pool) of(size int) *sync.Pool {
	if size < leastBlock || size > largestBlock || roundUp(size) != size {
		return nil
	}
	double := bits.Len(uint(size - 1))
	return &p.blocks[4*(double-8)+(size-1)>>(double-3)-3]
}

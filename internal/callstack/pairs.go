package callstack

import "sync/atomic"

const (
	pairSlotBits = 12
	serialBits   = 26
	keyBits      = 2*serialBits + 1
	sharedBits   = 14
	turnedBits   = 8
	tagBits      = keyBits - pairSlotBits
)

// pairs remembers comparisons of stacks that are never overwritten, by their serial
// numbers. It is bounded: a new one takes the place of another. Nobody waits.
type pairs struct {
	serial atomic.Uint64
	slots  atomic.Pointer[[1 << pairSlotBits]atomic.Uint64]
}

// number returns a new serial number, or 0 when there are no more.
func (p *pairs) number() uint64 {
	if n := p.serial.Add(1); n < 1<<serialBits {
		return n
	}
	return 0
}

// find returns the place for a pair of stacks, and what tells it apart from all others
// that have the same place; nil if nothing can be remembered.
func (p *pairs) find(a, b *Stack, distinct bool) (place *atomic.Uint64, tag uint64) {
	if a.serial == 0 || b.serial == 0 {
		return nil, 0
	}
	slots := p.slots.Load()
	if slots == nil {
		p.slots.CompareAndSwap(nil, new([1 << pairSlotBits]atomic.Uint64))
		slots = p.slots.Load()
	}
	key := a.serial<<(serialBits+1) | b.serial<<1
	if distinct {
		key |= 1
	}
	mixed := key * 0x9E3779B97F4A7C15 % (1 << keyBits) // no two keys give the same
	return &slots[mixed>>tagBits], 1<<tagBits | mixed%(1<<tagBits)
}

func pack(tag uint64, c comparison) (word uint64, ok bool) {
	turned := c.shared - c.still
	if c.shared >= 1<<sharedBits || turned >= 1<<turnedBits {
		return 0, false
	}
	return tag<<(sharedBits+turnedBits) | uint64(c.shared)<<turnedBits | uint64(turned), true
}

func unpack(word, tag uint64) (c comparison, ok bool) {
	if word>>(sharedBits+turnedBits) != tag {
		return c, false
	}
	c.shared = int(word >> turnedBits % (1 << sharedBits))
	c.still = c.shared - int(word%(1<<turnedBits))
	return c, true
}

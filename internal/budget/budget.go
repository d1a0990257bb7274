// Package budget counts the memory that lines take which are not stored yet, and keeps
// it under a limit.
package budget

import "sync/atomic"

// What a story takes of memory beside its lines, in bytes, about.
const (
	PerOpen  = 512     // one that is open
	PerStory = 1 << 10 // a piece of one that waits
)

// A Budget is how much memory lines may take. Its methods may be called by several
// goroutines at once, and with a story's lock held.
type Budget struct {
	limit int64
	held  atomic.Int64
	// next is how much is held when Shed is called the next time: three to seven eighths
	// of the limit, so that one pass is not repeated for every line.
	next atomic.Int64
	// sheddable is set when something came since shedding began that may be shed.
	sheddable atomic.Bool
	// shed is called where memory is short, and returns at once.
	shed func()
}

// New returns a budget of so many bytes. Where it becomes short, shed is called, which
// has to return at once.
func New(limit int64, shed func()) *Budget {
	b := &Budget{limit: limit, shed: shed}
	b.Relax()
	return b
}

// Held returns how many bytes are held.
func (b *Budget) Held() int64 { return b.held.Load() }

// Add counts memory that is taken or, where negative, given back, whether or not there
// is room.
func (b *Budget) Add(size int64) { b.held.Add(size) }

// Reserve takes memory, and returns false where there is none.
func (b *Budget) Reserve(size int64) bool {
	for {
		held := b.held.Load()
		wanted := held + size
		room := wanted <= b.most()
		if room && !b.held.CompareAndSwap(held, wanted) {
			continue
		}
		if wanted > b.next.Load() && b.sheddable.Load() {
			b.shed()
		}
		return room
	}
}

// Lacks reports whether there is no room for so many bytes more.
func (b *Budget) Lacks(size int64) bool { return b.held.Load()+size > b.most() }

// most returns what lines may take of the memory. The rest is for what is added to them:
// indents, and notes of what was dropped.
func (b *Budget) most() int64 { return b.limit - b.limit/32 }

// Eighths returns a part of the memory.
func (b *Budget) Eighths(n int64) int64 { return b.limit / 8 * n }

// Short reports whether a quarter of the memory is not free yet.
func (b *Budget) Short() bool { return b.held.Load() > b.Eighths(6) }

// Offer says that there is something to be shed.
func (b *Budget) Offer() {
	if !b.sheddable.Load() { // many ask, and few write
		b.sheddable.Store(true)
	}
}

// Shedding notes that shedding begins. It returns whether so much is held, more than
// seven eighths, that lines have to be dropped; else that is looked at again when
// somewhat more is held.
func (b *Budget) Shedding() (drop bool) {
	b.sheddable.Store(false)
	if held := b.held.Load(); held <= b.Eighths(7) {
		b.next.Store(min(held+b.Eighths(1)/2, b.Eighths(7)))
		return false
	}
	b.next.Store(b.Eighths(6))
	return true
}

// Relax lets stories grow again, when there is room.
func (b *Budget) Relax() {
	if !b.Short() {
		b.next.Store(b.Eighths(6))
	}
}

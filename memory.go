package dynamoslog

import (
	"log/slog"
	"slices"
	"sync/atomic"
)

// memory is kept under Options.MaxBuffered, by a goroutine of its own, so that those
// who log do not wait for it. From three quarters on, open stories hand over what
// they hold, for the store or the journal to take it. From seven eighths on, what is
// wanted least is dropped; where that is not enough, new lines are refused.
type memory struct {
	next      atomic.Int64  // how much is held when it is time to shed
	sheddable atomic.Bool   // something came since shedding came to an end
	down      atomic.Bool   // the store takes nothing
	shedding  chan struct{} // holds one while a goroutine sheds, and when none may any more
}

const (
	sheds = 4 * perStory // an open story that holds more is handed over: a chunk takes memory for itself

	// What is looked at while the core is locked.
	atOnce      = 32 // chunks
	atOnceLines = 64 << 10
)

// offer says that there is something to be shed.
func (m *memory) offer() {
	if !m.sheddable.Load() {
		m.sheddable.Store(true)
	}
}

// reserve takes memory. It returns false where there is none. It may be called
// with a story's lock held.
func (c *core) reserve(size int64) bool {
	for {
		held := c.buffered.Load()
		wanted := held + size
		room := wanted <= c.most()
		if room && !c.buffered.CompareAndSwap(held, wanted) {
			continue
		}
		if wanted > c.memory.next.Load() && c.memory.sheddable.Load() {
			c.beginShed() // which finds held what was wanted
		}
		return room
	}
}

// makeRoom sees to it, as far as it can, that so much is free: those who log may be
// faster than the goroutine that sheds. It lets some of what was queued last leave
// memory, where it is in the journal. It may be called with a story's lock held.
func (c *core) makeRoom(size int64) {
	if c.opts.Journal == "" || c.buffered.Load()+size <= c.most() {
		return
	}
	c.mu.Lock()
	from := max(len(c.queue.all)-atOnce, 0)
	c.mu.Unlock()
	c.siftSome(&c.queue, from, c.spillable)
}

func (c *core) makeRoomAndReserve(size int64) bool {
	c.makeRoom(size)
	return c.reserve(size)
}

// most returns what lines may take of the memory. The rest is for what the writer
// adds to them: indents, and notes of what was dropped.
func (c *core) most() int64 { return c.opts.MaxBuffered - c.opts.MaxBuffered/32 }

// eighths returns a part of the memory.
func (c *core) eighths(n int64) int64 { return c.opts.MaxBuffered / 8 * n }

// short reports whether a quarter of the memory is not free yet.
func (c *core) short() bool { return c.buffered.Load() > c.eighths(6) }

func (c *core) beginShed() {
	select {
	case c.memory.shedding <- struct{}{}:
		go c.shed()
	default:
	}
}

// endShedding waits for the goroutine that sheds, and lets no other begin.
func (c *core) endShedding() { c.memory.shedding <- struct{}{} }

// shed frees memory, or sees to it that the writer can.
func (c *core) shed() {
	defer func() { <-c.memory.shedding }()
	c.memory.sheddable.Store(false)
	if held := c.buffered.Load(); held <= c.eighths(7) {
		c.memory.next.Store(min(held+c.eighths(1)/2, c.eighths(7)))
		if c.dropsOpen() {
			return
		}
		c.shedOpen()
		c.sift(c.spillable)
		return
	}
	c.memory.next.Store(c.eighths(6))
	c.drop()
}

// relax lets open stories grow again, when there is room.
func (c *core) relax() {
	if !c.short() {
		c.memory.next.Store(c.eighths(6))
	}
}

// drop frees a quarter of the memory. What is in the journal leaves memory; else
// what waits for the store and is wanted least is dropped: calm stories whole,
// oldest first, then of the others the lines below Info and those below Warn. Where
// that is not enough, what open stories hold is handed over; or, as long as the
// store takes nothing, dropped as far as it is below Warn.
func (c *core) drop() {
	c.sift(c.spillable)
	c.sift(c.dropCalm)
	for _, level := range []slog.Level{slog.LevelInfo, warn} {
		c.sift(func(k *chunk) bool { return c.dropBelow(k, level) })
	}
	c.shedOpen()
}

func (c *core) shedOpen() {
	const most = 4096 // at a time, of what may be a million
	for from := 0; c.short(); from += most {
		open := c.openNow(from, most)
		if len(open) == 0 {
			return
		}
		for _, b := range open {
			if !c.short() {
				return
			}
			b.shed()
		}
	}
}

// dropsOpen reports whether lines of open stories are dropped where memory is short, as
// there is nobody to hand them over to.
func (c *core) dropsOpen() bool { return c.opts.Journal == "" && c.memory.down.Load() }

// shed drops or hands over what an open story holds.
func (b *buffer) shed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.core.dropsOpen():
		b.shedBelow(warn)
	case b.held.Held > sheds:
		b.cut()
	}
}

// shedBelow drops the lines below a level. The caller holds b.mu.
func (b *buffer) shedBelow(level slog.Level) {
	before := b.held.Held
	dropped := b.held.KeepFrom(&b.core.blocks, level)
	b.refused += dropped
	b.core.counts.drop(b.key().Kind, dropped)
	b.core.buffered.Add(int64(b.held.Held - before))
}

// sift looks at what waits, oldest first, as long as memory is short, and takes out
// the chunks for which out returns true. It locks the core for a few of them at a
// time, as those who log may need it.
func (c *core) sift(out func(*chunk) bool) {
	c.mu.Lock()
	queues := []*chunks{&c.queue}
	for _, aside := range c.aside {
		queues = append(queues, aside)
	}
	c.mu.Unlock()
	for _, q := range queues {
		for from, more := 0, true; more && c.short(); {
			from, more = c.siftSome(q, from, out)
		}
	}
}

// siftSome looks at some chunks from a place on. It returns the next place, and
// whether there is one.
func (c *core) siftSome(q *chunks, from int, out func(*chunk) bool) (next int, more bool) {
	var taken []*chunk
	c.mu.Lock()
	from = min(from, len(q.all))
	end := min(from+atOnce, len(q.all))
	kept, size := from, 0
	for i, k := range q.all[from:end] {
		if size += k.lines.Size; size > atOnceLines && i > 0 {
			end = from + i
			break
		}
		if k.remains == nil && c.short() && out(k) {
			if q != &c.queue {
				k.telling.aside--
			}
			taken = append(taken, k)
			continue
		}
		q.all[kept], q.all[from+i] = k, q.all[kept]
		kept++
	}
	q.all = slices.Delete(q.all, kept, end)
	more = kept < len(q.all)
	c.mu.Unlock()
	for _, k := range taken {
		c.journalDone(k)
	}
	return kept, more
}

// spillable lets what is in the journal leave memory. The caller holds c.mu.
func (c *core) spillable(k *chunk) bool {
	_, gone := c.spill(k)
	return gone
}

// dropCalm drops a calm story of which nothing is stored. The caller holds c.mu.
func (c *core) dropCalm(k *chunk) bool {
	if !k.whole || k.entry.complete || k.header.MaxLevel >= warn {
		return false
	}
	k.drop(c, k.lines.Count)
	k.telling.refused, k.telling.shed = true, true
	return c.settleLocked(k)
}

// dropBelow drops the lines below a level. The caller holds c.mu.
func (c *core) dropBelow(k *chunk, level slog.Level) bool {
	if k.entry.complete || k.thinned && k.least >= level { // it can leave memory instead, or has none of them
		return false
	}
	k.thinned, k.least = true, level
	dropped := k.lines.KeepFrom(&c.blocks, level)
	k.refused += dropped
	k.drop(c, dropped)
	c.resize(k, int64(k.lines.Held)+perStory)
	return false
}

// drop counts lines as dropped. The caller holds c.mu.
func (k *chunk) drop(c *core, lines int) {
	k.count -= lines
	k.lost.dropped += lines
	c.counts.drop(k.header.Key.Kind, lines)
}

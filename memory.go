package dynamoslog

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// memory is kept under Options.MaxBuffered. From seven eighths on, what is wanted
// least is dropped, by a goroutine of its own, so that those who log do not wait
// for it; where that is not enough, new lines are refused.
type memory struct {
	sheddable atomic.Bool // something was queued since shedding came to an end
	busy      atomic.Bool
	down      atomic.Bool // the store takes nothing
	shedding  sync.WaitGroup
}

// reserve takes memory. It returns false where there is none. It may be called
// with a story's lock held.
func (c *core) reserve(size int64) bool {
	for {
		held := c.buffered.Load()
		wanted := held + size
		if wanted > c.opts.MaxBuffered-c.opts.MaxBuffered/8 && c.memory.sheddable.Load() && c.memory.busy.CompareAndSwap(false, true) {
			c.memory.shedding.Go(c.shed)
		}
		if wanted > c.opts.MaxBuffered {
			return false
		}
		if c.buffered.CompareAndSwap(held, wanted) {
			return true
		}
	}
}

// short reports whether a quarter of the memory is not free yet.
func (c *core) short() bool { return c.buffered.Load() > c.opts.MaxBuffered-c.opts.MaxBuffered/4 }

// shed frees a quarter of the memory. What is in the journal leaves memory; else
// what waits for the store and is wanted least is dropped: calm stories whole, oldest first, then of the others the lines below Info
// and those below Warn. Where that is not enough, what open stories hold is handed
// over; or, as long as the store takes nothing, dropped as far as it is below Warn.
func (c *core) shed() {
	defer c.memory.busy.Store(false)
	c.memory.sheddable.Store(false)
	c.mu.Lock()
	c.spillQueue()
	c.shedStories()
	for _, level := range []slog.Level{slog.LevelInfo, warn} {
		c.shedBelow(level)
	}
	c.mu.Unlock()
	const most = 4096 // at a time, of what may be a million
	for _, b := range c.openNow(most) {
		if !c.short() {
			return
		}
		b.mu.Lock()
		switch {
		case c.memory.down.Load() && c.journal == nil:
			b.shedBelow(warn)
		case b.held.held > 4*perStory: // a chunk takes memory for itself
			b.cut()
		}
		b.mu.Unlock()
	}
}

// shedBelow drops the lines below a level. The caller holds b.mu.
func (b *buffer) shedBelow(level slog.Level) {
	before := b.held.held
	dropped := b.held.keepFrom(&b.core.blocks, level)
	b.refused += dropped
	b.core.counts.drop(b.key().Kind, dropped)
	b.core.buffered.Add(int64(b.held.held - before))
}

// spillQueue lets what is in the journal leave memory. The caller holds c.mu.
func (c *core) spillQueue() {
	c.queue = slices.DeleteFunc(c.queue, func(k *chunk) bool {
		if !c.short() {
			return false
		}
		_, gone := c.spill(k)
		return gone
	})
}

// shedStories drops calm stories of which nothing is stored. The caller holds c.mu.
func (c *core) shedStories() {
	c.queue = slices.DeleteFunc(c.queue, func(k *chunk) bool {
		if !k.whole || k.entry.complete || k.header.MaxLevel >= warn || !c.short() {
			return false
		}
		c.counts.drop(k.header.Key.Kind, k.lines.count)
		k.telling.refused = true
		k.lost = k.lines.count
		c.settleLocked(k)
		return true
	})
}

// shedBelow drops the lines below a level. The caller holds c.mu.
func (c *core) shedBelow(level slog.Level) {
	for _, k := range c.queue {
		if !c.short() {
			return
		}
		if k.entry.complete {
			continue // it can leave memory instead
		}
		dropped := k.lines.keepFrom(&c.blocks, level)
		k.refused += dropped
		k.lost += dropped
		c.counts.drop(k.header.Key.Kind, dropped)
		c.resize(k, int64(k.lines.held)+perStory)
	}
}

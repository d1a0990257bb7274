package delivery

import (
	"log/slog"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
)

// Memory is kept under its bound by a goroutine of its own, so that those who log do not
// wait for it. From three quarters on, open stories hand over what they hold, for the
// store or the journal to take it. From seven eighths on, what is wanted least is dropped;
// where that is not enough, new lines are refused.

// What is looked at while the delivery is locked.
const (
	atOnce      = 32 // chunks
	atOnceLines = 64 << 10
)

func (d *Delivery) beginShedding() {
	select {
	case d.shedding <- struct{}{}:
		go d.shed()
	default:
	}
}

// endShedding waits for the goroutine that sheds, and lets no other begin.
func (d *Delivery) endShedding() { d.shedding <- struct{}{} }

// MakeRoom sees to it, as far as it can, that so much is free: those who log may be
// faster than the goroutine that sheds. It lets some of what is queued leave memory, the
// oldest first, where it is in the journal; each chunk is looked at once. It may be called
// with a story's lock held.
func (d *Delivery) MakeRoom(size int64) {
	if d.Log == nil {
		return
	}
	for more := true; more && d.Budget.Lacks(size); {
		d.mu.Lock()
		q := &d.queue
		q.lookedAt, more = d.siftLocked(q, q.lookedAt, d.spillLocked)
		d.mu.Unlock()
	}
}

// DropsOpen reports whether lines of open stories are dropped where memory is short, as
// there is nobody to hand them over to.
func (d *Delivery) DropsOpen() bool { return d.Log == nil && d.down.Load() }

// shed frees memory, or sees to it that the writer can.
func (d *Delivery) shed() {
	proflabel.Clear()
	defer func() { <-d.shedding }()
	if d.Budget.Shedding() {
		d.evict()
	} else if !d.DropsOpen() {
		d.shedOpen()
		d.sift(d.spillLocked)
	}
}

// shedOpen takes from the open stories what they hold, as long as memory is short.
func (d *Delivery) shedOpen() {
	d.stories.Shed(d.DropsOpen(), func() bool { return !d.Budget.Short() })
}

// evict frees a quarter of the memory. What is in the journal leaves memory; else
// what waits for the store and is wanted least is dropped: calm stories whole,
// oldest first, then of the others the lines below Info and those below Warn. Where
// that is not enough, what open stories hold is handed over; or, as long as the
// store takes nothing, dropped as far as it is below Warn.
func (d *Delivery) evict() {
	d.sift(d.spillLocked)
	d.sift(d.evictCalmLocked)
	for i := range evictionLevels {
		d.sift(func(k *Chunk) bool { return d.evictBelowLocked(k, i) })
	}
	d.shedOpen()
}

// sift looks at what waits, oldest first, as long as memory is short, and takes out
// the chunks for which out returns true. It locks the delivery for a few of them at a
// time, as those who log may need it.
func (d *Delivery) sift(out func(*Chunk) bool) {
	d.mu.Lock()
	queues := []*queue{&d.queue}
	for _, held := range d.heldBack {
		queues = append(queues, held)
	}
	d.mu.Unlock()
	for _, q := range queues {
		for from, more := 0, true; more && d.Budget.Short(); {
			from, more = d.siftSome(q, from, out)
		}
	}
}

// siftSome looks at some chunks from a place on. It returns the next place, and
// whether there is one.
func (d *Delivery) siftSome(q *queue, from int, out func(*Chunk) bool) (next int, more bool) {
	var taken []*Chunk
	d.mu.Lock()
	next, more = d.siftLocked(q, from, func(k *Chunk) bool {
		if !d.Budget.Short() || !out(k) {
			return false
		}
		if q != &d.queue {
			k.Story.release()
		}
		taken = append(taken, k)
		return true
	})
	d.mu.Unlock()
	for _, k := range taken {
		d.writeDone(k)
	}
	return next, more
}

// siftLocked does so, but for what is left to be done with the chunks that are out.
func (d *Delivery) siftLocked(q *queue, from int, out func(*Chunk) bool) (next int, more bool) {
	from = min(from, len(q.all))
	end := min(from+atOnce, len(q.all))
	kept, size := from, 0
	for i, k := range q.all[from:end] {
		if size += k.Lines.Size; size > atOnceLines && i > 0 {
			end = from + i
			break
		}
		if k.recovered != nil || !out(k) {
			q.all[kept], q.all[from+i] = k, q.all[kept]
			kept++
		}
	}
	q.all = slices.Delete(q.all, kept, end)
	switch {
	case q.lookedAt >= end:
		q.lookedAt -= end - kept
	case q.lookedAt > from:
		q.lookedAt = from // some of them once more
	}
	return kept, kept < len(q.all)
}

// evictCalmLocked drops a calm story of which nothing is stored.
func (d *Delivery) evictCalmLocked(k *Chunk) bool {
	if !k.IsWhole() || k.Mark.Complete() || k.Header.MaxLevel >= slog.LevelWarn {
		return false
	}
	d.dropLocked(k, k.Lines.Count())
	k.Story.composer.Drop()
	return d.completeLocked(k)
}

// evictBelowLocked drops the lines below one of the evictionLevels.
func (d *Delivery) evictBelowLocked(k *Chunk, level int) bool {
	if k.Mark.Complete() || int(k.evicted) > level { // it can leave memory instead, or has none of them
		return false
	}
	k.evicted = uint8(level) + 1
	dropped := k.Lines.KeepFrom(d.Lines, evictionLevels[level])
	k.Dropped += dropped
	d.dropLocked(k, dropped)
	d.resize(k, int64(k.Lines.Held)+budget.PerStory)
	return false
}

package delivery

import (
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Chunk is a piece of a story on its way to the store. The one who hands it over fills
// in the exported fields; then it is the delivery's.
type Chunk struct {
	compose.Chunk
	Story *Story
	Mark  storylog.Mark // where it is in the journal

	phase    phase // guarded by Delivery.mu, as are:
	unstored bool  // set when a part of it is not stored, and never will be
	evicted  uint8 // how many of evictionLevels were taken out of it
	listed   bool  // it is in Delivery.incomplete, where these are beside it:
	older    *Chunk
	newer    *Chunk
	sequence uint64    // given when it was announced: later ones are larger
	since    time.Time // when it was announced or came from the disk
	count    int       // lines not yet stored, dropped or given up
	lost     losses    // lines that are not stored, by where they are

	pooled    bool      // set by NewChunk: it is used again when it is complete
	left      int32     // parts that are not acknowledged or given up, once it is composed
	size      int64     // of memory that it holds, as the budget counts it
	resume    []byte    // how far its story is written down after it, once that is known
	recovered *recovery // nil unless an earlier process has left it
}

// NewChunk returns an empty chunk, with a header to be filled in.
func (d *Delivery) NewChunk() *Chunk {
	k, ok := d.chunks.Get().(*Chunk)
	if !ok {
		k = &Chunk{}
	}
	k.Header, k.pooled = &story.Header{}, true
	return k
}

// free lets a complete chunk be used again, of which nobody knows any more.
func (d *Delivery) free(k *Chunk) {
	if k.pooled && k.recovered == nil {
		*k = Chunk{}
		d.chunks.Put(k)
	}
}

// A phase is where a chunk is on its way:
//
//	announced ──▶ queued ──▶ composed ──▶ complete
//	                 │ ▲         ▲
//	                 ▼ │         │
//	               spilled ──▶ unreadable
//
// A small story that is spilled is no Chunk meanwhile, but a spilledChunk; of a larger one
// the lines leave memory, and it stays queued.
type phase uint8

const (
	announced  phase = iota // it waits for Options.Keep, and is not handed over yet
	queued                  // in the queue, or held back: its lines may be dropped or leave memory
	unreadable              // the journal does not give its lines back
	composed                // its lines are parts now
	complete                // nothing of it waits any more
)

// kept reports whether the chunk stays in a journal if it is given up.
func (k *Chunk) kept() bool { return k.Mark.Complete() || k.recovered != nil }

// A queue holds chunks in the order in which they were handed over.
type queue struct {
	all      []*Chunk
	room     []*Chunk // for those that come when there are none
	lookedAt int      // so many of all, from the first on, MakeRoom has looked at
}

func (q *queue) add(k *Chunk) {
	if q.room == nil {
		q.room = make([]*Chunk, 0, 2*someChunks)
	}
	if len(q.all) == 0 {
		q.all = q.room
	}
	q.all = append(q.all, k)
}

// take returns the first chunk, or nil.
func (q *queue) take() *Chunk {
	if len(q.all) == 0 {
		return nil
	}
	k := q.all[0]
	q.all[0] = nil
	q.all = q.all[1:]
	q.lookedAt = max(q.lookedAt-1, 0)
	return k
}

// A chunkList holds chunks, each in one list at most.
type chunkList struct{ oldest, newest *Chunk }

func (l *chunkList) addNewest(k *Chunk) {
	k.listed, k.older = true, l.newest
	if l.newest == nil {
		l.oldest = k
	} else {
		l.newest.newer = k
	}
	l.newest = k
}

func (l *chunkList) addOldest(k *Chunk) {
	k.listed, k.newer = true, l.oldest
	if l.oldest == nil {
		l.newest = k
	} else {
		l.oldest.older = k
	}
	l.oldest = k
}

// remove removes a chunk, if it is there.
func (l *chunkList) remove(k *Chunk) {
	if !k.listed {
		return
	}
	if k.older == nil {
		l.oldest = k.newer
	} else {
		k.older.newer = k.newer
	}
	if k.newer == nil {
		l.newest = k.older
	} else {
		k.newer.older = k.older
	}
	k.listed, k.older, k.newer = false, nil, nil
}

// Announce makes all who wait from now on wait for a chunk that is not handed over yet:
// its story is with Options.Keep. It may be called with the story's lock held.
func (d *Delivery) Announce(k *Chunk) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.announceLocked(k)
}

func (d *Delivery) announceLocked(k *Chunk) {
	k.count, k.since = k.Lines.Count(), time.Now()
	k.lost.dropped += k.Dropped
	d.sequence++
	k.sequence = d.sequence
	d.incomplete.addNewest(k)
	d.awaitLocked(k)
}

// awaitLocked makes all who wait wait for a chunk.
func (d *Delivery) awaitLocked(k *Chunk) {
	k.Story.waiting++
	d.pending++
	for _, b := range d.barriers {
		if k.sequence <= b.sequence {
			b.left++
		}
	}
}

// HandOver queues a chunk. It may be called with the story's lock held.
func (d *Delivery) HandOver(k *Chunk) {
	d.mu.Lock()
	if !k.listed {
		d.announceLocked(k)
	}
	k.phase = queued
	k.size = int64(k.Lines.Held) + budget.PerStory
	d.Budget.Add(budget.PerStory)
	if d.stopped {
		d.mu.Unlock()
		d.leave(k, "ended after the handler was closed", fallbackPatience)
		return
	}
	defer d.mu.Unlock()
	d.queue.add(k)
	d.Budget.Offer()
	d.startLocked()
	d.wakeLocked(k)
}

// What the writer takes at once, at least, unless it is time for a request: to wake it takes
// longer than to queue a chunk. Memory that waits to be used again is no longer in the
// processor's cache: with chunks of 256 KB, 8 of them at once, Handle took 1.1 times as long.
const (
	someChunks = 8
	someMemory = 64 << 10 // bytes
)

// wakeLocked lets the writer take a chunk that was queued: at once where somebody waits for
// it, memory is short or there is enough, else by the time when a request may be made for it.
func (d *Delivery) wakeLocked(k *Chunk) {
	d.unseen++
	d.unseenMemory += k.size
	if d.unseen >= someChunks || d.unseenMemory >= someMemory || len(d.barriers) > 0 || d.Budget.Short() {
		d.Wake()
		return
	}
	d.WakeBy(k.since.Add(linger))
}

// resize accounts for a chunk that now holds so much memory.
func (d *Delivery) resize(k *Chunk, size int64) {
	d.Budget.Add(size - k.size)
	k.size = size
}

// complete counts a chunk as done. Nobody waits for it any more.
func (d *Delivery) complete(k *Chunk) {
	d.mu.Lock()
	done := d.completeLocked(k)
	d.mu.Unlock()
	if done {
		d.writeDone(k)
	}
}

// completeLocked does so as well, but for the journal, which is not to be written to
// while this lock is held. It returns whether that is left to do.
func (d *Delivery) completeLocked(k *Chunk) bool {
	if k.phase == complete {
		return false
	}
	k.phase = complete
	d.incomplete.remove(k)
	k.Lines.Release(d.Lines)
	d.resize(k, 0)
	if k.recovered != nil {
		k.recovered.orphan.left--
		return false
	}
	d.pending--
	k.Story.waiting--
	for _, b := range d.barriers {
		b.completed(k)
	}
	return true
}

// writeDone notes in the journal that a chunk is complete.
func (d *Delivery) writeDone(k *Chunk) {
	if !k.Mark.Owed() || d.Log == nil {
		return
	}
	if k.resume == nil { // dropped before it was written down
		k.resume = compose.DroppedResume(&k.Chunk)
	}
	d.Log.Done(&k.Mark, &k.Story.Progress, k.resume)
}

// dropLocked counts lines of a chunk as dropped.
func (d *Delivery) dropLocked(k *Chunk, lines int) {
	k.count -= lines
	k.lost.dropped += lines
	d.Counts.Drop(k.Header.Key.Kind, lines)
}

// lose counts lines of a chunk as left: in the journal, or in the fallback. It is
// called when they are there.
func (d *Delivery) lose(k *Chunk, lines int, kept bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k.unstored = true
	k.count -= lines
	if kept {
		k.lost.journal += lines
		k.Mark.Stay()
	} else {
		k.lost.fallback += lines
	}
}

// leave gives up a chunk that is not composed: it stays in the journal, or goes to
// the fallback, for which it waits so long.
func (d *Delivery) leave(k *Chunk, why string, patience time.Duration) {
	kept := k.kept()
	formatted := !kept && k.Lines.Count() > 0
	if formatted {
		text := k.Story.composer.Format(&k.Lines, &compose.Scratch{Index: d.cfg.Index})
		d.fallback.write(nameOf(k.Header)+" "+why, text, patience)
	}
	if k.resume == nil {
		k.Story.composer.Leave(&k.Chunk, formatted)
		k.resume = k.Story.composer.AppendResume(nil) // what comes after it goes on from there
	}
	d.lose(k, k.count, kept)
	d.complete(k)
}

// evictionLevels are those below which lines are dropped one after the other, where
// memory is short.
var evictionLevels = [...]slog.Level{slog.LevelInfo, slog.LevelWarn}

package delivery

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"
	"weak"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
)

// A spilledChunk is one that left memory: its place in the journal is all that is kept.
type spilledChunk struct {
	sequence uint64
	mark     storylog.Mark
	count    int
	story    weak.Pointer[Story] // as long as the story may get late lines
}

const perSpilled = 2 * int64(unsafe.Sizeof(spilledChunk{})) // with what a list of them has to spare

// spillLocked lets a chunk's lines leave memory, and a small story whole, all but its
// place in the journal, where that holds all of it. It returns whether the chunk is gone.
func (d *Delivery) spillLocked(k *Chunk) (gone bool) {
	if !k.Mark.Complete() || k.Lines.Count() == 0 {
		return false
	}
	// Late lines need to know of parts before them, which only larger stories have.
	small := k.Place == compose.Whole && k.FitsHeader()
	k.Lines.Release(d.Lines)
	if !small {
		d.resize(k, budget.PerStory)
		return false
	}
	d.spilled = slices.Insert(d.spilled, d.spilledAt(k.sequence), spilledChunk{k.sequence, k.Mark, k.count, weak.Make(k.Story)})
	k.Mark.Stay() // it is not done
	d.incomplete.remove(k)
	d.resize(k, 0)
	d.Budget.Add(perSpilled)
	return true
}

// spilledAt returns the place of a chunk among those that left memory, by its sequence.
func (d *Delivery) spilledAt(sequence uint64) int {
	at, _ := slices.BinarySearchFunc(d.spilled, sequence, func(s spilledChunk, sequence uint64) int {
		return cmp.Compare(s.sequence, sequence)
	})
	return at
}

// reload takes a chunk back into memory, all but its lines.
func (d *Delivery) reload(s spilledChunk) *Chunk {
	handed, err := d.Log.Handed(&s.mark)
	k := &Chunk{Story: s.story.Value(), Mark: s.mark, phase: queued, sequence: s.sequence, count: s.count, size: budget.PerStory}
	k.Header, k.Dropped = &handed.Header, handed.Dropped
	k.Place = compose.PlaceOf(handed.Late, handed.Whole, handed.Header.State)
	if k.Story == nil {
		k.Story = d.NewStory()
	}
	if err != nil { // what it is about is lost, and the lines with it
		d.Counts.Damaged.Add(int64(s.count) + 1)
		d.tell(journalUnreadable, fmt.Errorf("dynamoslog: a story of %d lines that had left memory cannot be read from the journal in %s: %w", s.count, d.cfg.Journal, err))
		k.count, k.lost.unread, k.phase = 0, s.count, unreadable
	}
	d.Budget.Add(k.size - perSpilled)
	return k
}

// load reads the lines of a chunk that was spilled, and counts those that cannot
// be read.
func (d *Delivery) load(k *Chunk) {
	if k.Lines.Count() > 0 || !k.Mark.Owed() || !k.Mark.Complete() || k.phase == unreadable {
		return
	}
	lost := d.Log.Lines(&k.Mark, k.count, &k.Lines, d.Lines)
	d.mu.Lock()
	k.lost.unread += lost
	d.mu.Unlock()
	d.Counts.Damaged.Add(int64(lost))
	d.resize(k, int64(k.Lines.Held)+budget.PerStory)
}

// Package timetable tells which of many things is due next.
package timetable

import (
	"container/heap"
	"time"
)

// A Thing is what stands in a [Table]: a pointer to what has a Slot.
type Thing interface {
	comparable
	Slot() *Slot
}

// A Slot is where a thing stands in a Table, and when it is due. It is the table's; its zero
// value stands nowhere.
type Slot struct {
	due   time.Duration
	at    int32 // the index in Table.heap, or of all that ever came to Table.queue
	place place
}

type place uint8

const (
	nowhere place = iota
	inHeap
	inQueue
)

// A Table holds things by when they are due, given as the time since some other. Its zero
// value is empty. One goroutine at a time may use it.
//
// Those that are queued are due one after the other, as what waits equally long is: they are
// compared with nothing.
type Table[T Thing] struct {
	heap  byDue[T]
	queue []T           // zero values stand for those that were taken out
	gaps  int           // of these
	left  int32         // how many have left the queue at its front; it wraps, as does Slot.at there
	last  time.Duration // when the one that was queued last is due
}

// Len returns how many things there are.
func (t *Table[T]) Len() int { return len(t.heap) + len(t.queue) - t.gaps }

// Has reports whether a thing is in the table.
func (t *Table[T]) Has(x T) bool { return x.Slot().place != nowhere }

// First returns the thing that is due first, and when that is.
func (t *Table[T]) First() (first T, due time.Duration, ok bool) {
	switch {
	case len(t.queue) > 0 && (len(t.heap) == 0 || t.queue[0].Slot().due <= t.heap[0].Slot().due):
		first = t.queue[0]
	case len(t.heap) > 0:
		first = t.heap[0]
	default:
		return first, 0, false
	}
	return first, first.Slot().due, true
}

// Some returns things from a place on, at most so many, in no order, and the place behind
// them.
func (t *Table[T]) Some(from, most int) (some []T, behind int) {
	var gap T
	some = make([]T, 0, max(min(most, len(t.heap)+len(t.queue)-from), 0))
	for behind = from; behind < len(t.heap)+len(t.queue) && len(some) < most; behind++ {
		if behind < len(t.heap) {
			some = append(some, t.heap[behind])
		} else if x := t.queue[behind-len(t.heap)]; x != gap {
			some = append(some, x)
		}
	}
	return some, behind
}

// Put adds a thing, or changes when it is due.
func (t *Table[T]) Put(x T, due time.Duration) {
	slot := x.Slot()
	if slot.place == inHeap {
		slot.due = due
		heap.Fix(&t.heap, int(slot.at))
		return
	}
	t.Remove(x)
	*slot = Slot{due: due, place: inHeap}
	heap.Push(&t.heap, x)
}

// Queue adds a thing, or changes when it is due: no earlier than any that was queued before.
func (t *Table[T]) Queue(x T, due time.Duration) {
	t.Remove(x)
	if len(t.queue) > 0 {
		due = max(due, t.last)
	}
	t.last = due
	*x.Slot() = Slot{due: due, at: t.left + int32(len(t.queue)), place: inQueue}
	t.queue = append(t.queue, x)
}

// Remove takes a thing out, if it is in the table.
func (t *Table[T]) Remove(x T) {
	slot := x.Slot()
	switch slot.place {
	case inQueue:
		t.leaveQueue(int(slot.at - t.left))
	case inHeap:
		heap.Remove(&t.heap, int(slot.at))
	}
	*slot = Slot{}
}

func (t *Table[T]) leaveQueue(at int) {
	var gap T
	t.queue[at] = gap
	t.gaps++
	for len(t.queue) > 0 && t.queue[0] == gap {
		t.queue = t.queue[1:]
		t.gaps--
		t.left++
	}
}

// byDue is a heap of things.
type byDue[T Thing] []T

func (h byDue[T]) Len() int           { return len(h) }
func (h byDue[T]) Less(i, j int) bool { return h[i].Slot().due < h[j].Slot().due }
func (h byDue[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].Slot().at, h[j].Slot().at = int32(i), int32(j)
}

func (h *byDue[T]) Push(x any) {
	thing := x.(T)
	thing.Slot().at = int32(len(*h))
	*h = append(*h, thing)
}

func (h *byDue[T]) Pop() any {
	var none T
	last := len(*h) - 1
	thing := (*h)[last]
	(*h)[last] = none
	*h = (*h)[:last]
	return thing
}

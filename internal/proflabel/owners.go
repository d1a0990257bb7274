package proflabel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// Owners finds whose a goroutine's label is, by where the string lies in memory: equal
// labels of several owners are told apart, and what others call a label by the same name
// is nobody's. Nobody waits to find; the zero value is ready for use.
type Owners[T any] struct {
	buckets [8192]bucket[T]
}

type bucket[T any] struct {
	mu   sync.Mutex // of those who change the list
	head atomic.Pointer[Owned[T]]
}

// Owned is a label and its owner.
type Owned[T any] struct {
	Label string
	Other *Owned[T]         // of the same owner, for whoever keeps its labels: nil, or set by that
	owner atomic.Pointer[T] // nil while it is held weakly
	weak  weak.Pointer[T]   // set before owner is nil for the first time, and not changed later
	next  atomic.Pointer[Owned[T]]
}

// Add makes a label the owner's until it is removed. It must not be empty, and have been
// made for this: of one string in memory there is one owner.
func (o *Owners[T]) Add(label string, owner *T) *Owned[T] {
	e := &Owned[T]{Label: label}
	e.owner.Store(owner)
	o.add(e)
	return e
}

// Weaken lets the owner be collected before the label is removed, which is nobody's then,
// unless Hold is called before.
func (o *Owners[T]) Weaken(e *Owned[T]) {
	owner := e.owner.Load()
	if owner == nil {
		return
	}
	if e.weak == (weak.Pointer[T]{}) {
		e.weak = weak.Make(owner)
		runtime.AddCleanup(owner, o.Remove, e)
	}
	e.owner.Store(nil)
}

// Hold undoes Weaken. Neither may be called while the other is, with the same label.
func (e *Owned[T]) Hold(owner *T) { e.owner.Store(owner) }

func (o *Owners[T]) add(e *Owned[T]) {
	b := o.bucket(e.Label)
	b.mu.Lock()
	defer b.mu.Unlock()
	e.next.Store(b.head.Load())
	b.head.Store(e)
}

// Remove makes a label nobody's. To remove it again does nothing.
func (o *Owners[T]) Remove(e *Owned[T]) {
	b := o.bucket(e.Label)
	b.mu.Lock()
	defer b.mu.Unlock()
	link := &b.head
	for found := link.Load(); found != nil; found = link.Load() {
		if found == e {
			link.Store(e.next.Load())
			return
		}
		link = &found.next
	}
}

// OfGoroutine returns whose the label of the goroutine is, or nil.
func (o *Owners[T]) OfGoroutine() *T {
	label := Get()
	if label == "" {
		return nil
	}
	for e := o.bucket(label).head.Load(); e != nil; e = e.next.Load() {
		if unsafe.StringData(e.Label) != unsafe.StringData(label) {
			continue
		}
		if owner := e.owner.Load(); owner != nil {
			return owner
		}
		return e.weak.Value()
	}
	return nil
}

func (o *Owners[T]) bucket(label string) *bucket[T] {
	address := uint64(uintptr(unsafe.Pointer(unsafe.StringData(label))))
	const mixer = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: spreads what differs in few bits
	return &o.buckets[address*mixer>>(64-13)]
}

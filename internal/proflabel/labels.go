//go:build gc && !purego && !go1.28

package proflabel

import (
	"context"
	"reflect"
	"runtime/pprof"
	"time"
	"unsafe"
)

// Supported tells whether a goroutine's label can be read: with the compiler gc, up to
// the Go that this was tried with, and without the build tag purego.
const Supported = true

//go:linkname ofGoroutine runtime/pprof.runtime_getProfLabel
func ofGoroutine() *labels

// labels stands for pprof's set of labels, which only pprof looks into. As a context it
// carries that set and nothing else.
type labels struct{ _ byte }

func (*labels) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (*labels) Done() <-chan struct{}                   { return nil }
func (*labels) Err() error                              { return nil }

// Value returns the labels, as pprof asks for nothing else.
func (l *labels) Value(any) any { return l.value() }

// value returns the labels as pprof's own type.
func (l *labels) value() (value any) {
	*(*iface)(unsafe.Pointer(&value)) = iface{pprofs.setType, unsafe.Pointer(l)}
	return value
}

// iface is how an interface value that holds a pointer lies in memory.
type iface struct{ typ, data unsafe.Pointer }

// pprofs is what pprof keeps to itself: the key by which it finds labels in a context,
// and the type of what it finds.
var pprofs = askPprof()

type secrets struct {
	key     any
	setType unsafe.Pointer
}

func askPprof() secrets {
	asked := &asked{Context: context.Background()}
	set := pprof.WithLabels(asked, pprof.Labels(Name, "")).Value(asked.key)
	if set == nil || reflect.TypeOf(set).Kind() != reflect.Pointer {
		return secrets{}
	}
	return secrets{asked.key, (*iface)(unsafe.Pointer(&set)).typ}
}

// An asked takes note of what it is asked for.
type asked struct {
	context.Context
	key any
}

func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

// Get returns the goroutine's label, or "". It is the string that was set, not a copy.
func Get() string {
	l := ofGoroutine()
	if l == nil || pprofs.setType == nil {
		return ""
	}
	value, _ := pprof.Label(l, Name)
	return value
}

// Labels are those that a goroutine had before Set, and has since.
type Labels struct{ before, set *labels }

// Set gives the goroutine a label, and returns a context that carries it, for those who
// add labels of their own. The goroutine keeps its other labels, and gets those of ctx.
func Set(ctx context.Context, value string) (context.Context, Labels) {
	before := ofGoroutine()
	parent := ctx
	if before != nil && pprofs.setType != nil && ctx.Value(pprofs.key) != before.value() {
		parent = joined(ctx, before)
	}
	ctx = pprof.WithLabels(parent, pprof.Labels(Name, value))
	pprof.SetGoroutineLabels(ctx)
	return ctx, Labels{before, ofGoroutine()}
}

// Unset undoes Set, unless it is called on another goroutine, or others have set labels.
func (l Labels) Unset() {
	switch {
	case ofGoroutine() != l.set:
	case l.before == nil || pprofs.setType == nil:
		Clear()
	default:
		pprof.SetGoroutineLabels(l.before)
	}
}

// joined returns ctx with the labels of a goroutine, as far as it has no such label.
func joined(ctx context.Context, l *labels) context.Context {
	var own []string
	pprof.ForLabels(ctx, func(name, value string) bool {
		own = append(own, name, value)
		return true
	})
	return pprof.WithLabels(&carrier{ctx, l}, pprof.Labels(own...))
}

// A carrier is a context with a goroutine's labels.
type carrier struct {
	context.Context
	labels *labels
}

func (c *carrier) Value(key any) any {
	if key == pprofs.key {
		return c.labels.value()
	}
	return c.Context.Value(key)
}

// Clear takes all labels from the goroutine: those of whoever started it are not its own.
func Clear() { pprof.SetGoroutineLabels(context.Background()) }

//go:build amd64 || arm64

package callstack_test

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/callstack/clobber"
)

// Where assembly leaves something else in the register of the frame pointer, stacks
// are right all the same, and nothing outside of the stack is read.
func TestFramePointerLeadsNowhere(t *testing.T) {
	var elsewhere [4]uintptr
	for name, call := range map[string]func(f func()){
		"zero":          func(f func()) { clobber.With(0, f) },
		"small":         func(f func()) { clobber.With(8, f) },
		"unmapped":      func(f func()) { clobber.With(0xdead_0000_0000, f) },
		"largest":       func(f func()) { clobber.With(^uintptr(7), f) },
		"odd":           func(f func()) { clobber.With(uintptr(unsafe.Pointer(&elsewhere))|1, f) },
		"heap":          func(f func()) { clobber.With(uintptr(unsafe.Pointer(&elsewhere)), f) },
		"stack pointer": clobber.StackPointer,
		"outer frame":   clobber.Outer,
	} {
		t.Run(name, func(t *testing.T) {
			p := program{random: rand.New(rand.NewPCG(1, 1)), stacks: &callstack.Stacks{}}
			for deep := range 6 {
				for range 5 {
					clobbered(&p, deep, call)
				}
			}
			if p.wrong+p.calls.lost > 0 {
				t.Errorf("%d of %d records are wrong, %d lost an activation, the first:\n%s", p.wrong, p.records, p.calls.lost, p.first)
			}
		})
	}
}

//go:noinline
func clobbered(p *program, deep int, call func(f func())) {
	if deep > 0 {
		clobbered(p, deep-1, call)
		p.check()
		return
	}
	call(func() {
		p.check()
		plain(p, 3)
	})
	p.check()
}

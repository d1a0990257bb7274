//go:build cgo

package callstack_test

import (
	"math/rand/v2"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/callstack/cgocall"
)

// Stacks through C are right: its functions keep no frame pointers, and may call again
// and again where no code of Go's does.
func TestThroughC(t *testing.T) {
	p := program{random: rand.New(rand.NewPCG(1, 1)), stacks: &callstack.Stacks{}}
	for deep := range 10 {
		for range 5 {
			throughC(&p, deep)
		}
	}
	if p.wrong+p.calls.lost > 0 {
		t.Errorf("%d of %d records are wrong, %d lost an activation, the first:\n%s", p.wrong, p.records, p.calls.lost, p.first)
	}
}

//go:noinline
func throughC(p *program, deep int) {
	if deep > 0 {
		throughC(p, deep-1)
		return
	}
	before := p.calls.enter()
	cgocall.Back(func() {
		p.check()
		if p.random.IntN(2) == 0 {
			plain(p, 3)
		}
	})
	p.check()
	p.calls.leave(before)
}

package callstack_test

import (
	"iter"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// A program calls itself in random ways, and captures its stack here and there,
// by the walk and by runtime.Callers.
type program struct {
	random  *rand.Rand
	stacks  *callstack.Stacks
	records int
	kept    int // known from before
	wrong   int
	first   string // what was wrong first
	sink    int
	calls   calls
}

// calls are what is known of who called whom, and how much of that is found out.
type calls struct {
	begun  int          // activations of step
	active []activation // those that have not returned, the outermost first
	before []activation // those at the record before
	trail  callstack.Trail
	pairs  int
	// decided are pairs of stacks of which control flow tells more than they do,
	// undecided those that share less than is found out, and lost those that share more.
	decided, undecided, lost int
}

// An activation is one of step.
type activation struct{ number, frames int }

// enter notes that its caller was called, and returns how many others were before.
//
//go:noinline
func (c *calls) enter() int {
	var pcs [1 << 10]uintptr
	c.begun++
	c.active = append(c.active, activation{c.begun, runtime.Callers(2, pcs[:])})
	return len(c.active) - 1
}

// leave notes that what was called since has returned.
func (c *calls) leave(before int) { c.active = c.active[:before] }

// follow compares what is found out of a stack and the one before with what is known.
func (p *program) follow(stack *callstack.Stack) {
	c := &p.calls
	shared, byStacks := p.stacks.Shared(&c.trail, stack)
	p.stacks.Follow(&c.trail, stack, int64(p.records))
	same := 0
	for same < len(c.active) && same < len(c.before) && c.active[same] == c.before[same] {
		same++
	}
	if shared >= 0 {
		c.pairs++
		if shared < byStacks {
			c.decided++
		}
		if same > 0 && shared < c.active[same-1].frames {
			if c.lost++; p.first == "" {
				p.first = "not the same activation any more:\n" + names(stack.PCs)
			}
		}
		if same < len(c.active) && same < len(c.before) && shared >= c.active[same].frames {
			c.undecided++
		}
	}
	c.before = append(c.before[:0], c.active...)
}

// check compares the two stacks from its caller on.
//
//go:noinline
func (p *program) check() {
	var pcs [1 << 10]uintptr
	want := pcs[2 : 1+runtime.Callers(1, pcs[1:])]
	stack, id := p.stacks.Capture(want[0])
	defer p.stacks.Release(stack)
	p.records++
	if stack.Kept() {
		p.kept++
	}
	if !slices.Equal(stack.PCs, want) || stack.Root != runtime.FuncForPC(want[len(want)-2]-1).Entry() {
		if p.wrong++; p.first == "" {
			p.first = names(stack.PCs) + "\nwant\n" + names(want)
		}
	}
	p.follow(stack)
	if callstack.Walks() && p.random.IntN(100) == 0 && id != goroutine() {
		p.wrong++
		p.first = "another goroutine"
	}
}

func names(pcs []uintptr) string {
	var out strings.Builder
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		out.WriteString(frame.Function + "\n")
		if !more {
			return out.String()
		}
	}
}

func goroutine() (n uint64) {
	var text [64]byte
	for _, c := range text[len("goroutine "):runtime.Stack(text[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

type shape func(p *program, deep int)

var shapes []shape

func (p *program) step(deep int) {
	before := p.calls.enter()
	if p.random.IntN(3) == 0 {
		p.check()
	}
	if deep <= 0 {
		p.check()
		p.calls.leave(before)
		return
	}
	shapes[p.random.IntN(len(shapes))](p, deep-1)
	p.calls.leave(before + 1)
	if p.random.IntN(4) == 0 {
		p.check()
	}
	p.calls.leave(before)
}

type stepper interface{ run(p *program, deep int) }

type base struct{ pad [3]int }

func (b base) run(p *program, deep int)          { p.sink += b.pad[0]; p.step(deep) }
func (b *base) pointer(p *program, deep int)     { p.sink += b.pad[1]; p.step(deep) }
func inlined(p *program, deep int)               { inlinedTwice(p, deep) }
func inlinedTwice(p *program, deep int)          { p.step(deep) }
func generic[T any](p *program, deep int, v T)   { _ = any(v); p.step(deep) }
func (p *program) each(yield func(int) bool)     { _ = yield(1) && yield(2) }
func tail(p *program, deep int) func(*program)   { return func(q *program) { q.step(deep) } }
func variadic(p *program, deep int, more ...any) { p.sink += len(more); p.step(deep) }

type embedding struct{ base }         // its run is a wrapper
type embeddingPointer struct{ *base } // and another

//go:noinline
func plain(p *program, deep int) { p.step(deep) }

//go:noinline
func bigFrame(p *program, deep int) {
	var big [4096]byte
	big[p.random.IntN(len(big))] = 1
	p.step(deep)
	p.sink += int(big[17])
}

//go:noinline
func deferred(p *program, deep int) {
	defer p.step(deep)
	defer func() { p.check() }()
}

//go:noinline
func recovered(p *program, deep int) {
	defer func() {
		if recover() == nil {
			panic("nothing to recover")
		}
		p.check()
		p.step(deep / 2)
	}()
	panics(p, deep)
}

//go:noinline
func panics(p *program, deep int) {
	defer func() {
		defer func() { _ = recover() }()
		p.check()
		panic("nested")
	}()
	plain(p, deep/2)
	panic("first")
}

// looping calls from the same place in turns, and from others between.
//
//go:noinline
func looping(p *program, deep int) {
	for range p.random.IntN(4) {
		if p.random.IntN(4) == 0 {
			continue
		}
		p.step(deep / 2)
		if p.random.IntN(4) == 0 {
			p.check()
			break
		}
		p.step(deep / 3)
	}
}

// early returns early at times, and calls one function from three places.
//
//go:noinline
func early(p *program, deep int) {
	p.step(deep / 3)
	if p.random.IntN(3) == 0 {
		p.check()
		return
	}
	p.step(deep / 2)
	if p.random.IntN(3) == 0 {
		return
	}
	p.step(deep / 3)
}

// deferredInTurn begins deferred calls in a loop, and recovers from a panic in one.
//
//go:noinline
func deferredInTurn(p *program, deep int) {
	for i := range 3 {
		defer func() {
			_ = recover()
			p.step(deep / 4)
			if i == 1 {
				panic("in a deferred call")
			}
		}()
	}
	p.step(deep / 3)
	p.check()
}

type node struct {
	next  *node
	value int
}

// leaf has no frame. When it faults, the frame pointers lead past the address that
// it returns to: calls of it from one function, at different inlined depths, look
// the same.
//
//go:noinline
func leaf(n *node) int { return n.value }

func leafInlined(n *node) int  { return leaf(n) * 2 }
func leafInlined2(n *node) int { return leafInlined(n) + 3 }

//go:noinline
func leafOutOfLine(n *node) int { return n.next.next.value }

// faults dereferences nil in a leaf at several inlined depths, and captures the
// stack while it panics.
//
//go:noinline
func faults(p *program, _ int) {
	for _, f := range []func(*node) int{leaf, leafInlined, leafInlined2, leafOutOfLine} {
		func() {
			defer func() {
				p.check()
				_ = recover()
			}()
			p.sink += f(nil)
		}()
	}
	func() {
		defer func() {
			p.check()
			_ = recover()
		}()
		var none *node
		switch p.random.IntN(3) {
		case 0:
			p.sink += leafInlined2(none)
		case 1:
			p.sink += leafInlined(none)
		default:
			p.sink += leaf(none)
		}
	}()
}

func reflected(p *program, deep int) {
	reflect.ValueOf(plain).Call([]reflect.Value{reflect.ValueOf(p), reflect.ValueOf(deep)})
}

func pulled(p *program, deep int) {
	own := program{random: rand.New(rand.NewPCG(p.random.Uint64(), 1)), stacks: p.stacks}
	next, stop := iter.Pull(func(yield func(int) bool) {
		own.step(deep)
		yield(1)
	})
	next()
	stop()
	p.add(&own)
}

func (p *program) add(own *program) {
	p.records, p.wrong, p.kept = p.records+own.records, p.wrong+own.wrong, p.kept+own.kept
	p.calls.pairs, p.calls.lost = p.calls.pairs+own.calls.pairs, p.calls.lost+own.calls.lost
	p.calls.decided, p.calls.undecided = p.calls.decided+own.calls.decided, p.calls.undecided+own.calls.undecided
	if p.first == "" {
		p.first = own.first
	}
}

// onGoroutine runs f with a program of its own on another goroutine.
func (p *program) onGoroutine(f func(*program)) {
	own := program{random: rand.New(rand.NewPCG(p.random.Uint64(), 2)), stacks: p.stacks}
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		f(&own)
	}()
	done.Wait()
	p.add(&own)
}

func init() {
	shapes = []shape{
		plain, plain, inlined, bigFrame, deferred, recovered, faults, reflected,
		looping, early, deferredInTurn,
		func(p *program, deep int) { generic(p, deep, 1) },
		func(p *program, deep int) { generic(p, deep, "text") },
		func(p *program, deep int) { variadic(p, deep, 1, "two") },
		func(p *program, deep int) { tail(p, deep)(p) },
		func(p *program, deep int) { var s stepper = embedding{}; s.run(p, deep) },
		func(p *program, deep int) { var s stepper = &embedding{}; s.run(p, deep) },
		func(p *program, deep int) { var s stepper = embeddingPointer{&base{}}; s.run(p, deep) },
		func(p *program, deep int) { f := (&base{}).pointer; f(p, deep) },
		func(p *program, deep int) { f := base.run; f(base{}, p, deep) },
		func(p *program, deep int) {
			for i := range p.each {
				p.step(deep / i)
			}
		},
		func(p *program, deep int) {
			sort.Slice([]int{2, 1}, func(i, j int) bool { p.step(deep / 2); return i < j })
		},
		func(p *program, deep int) { new(sync.Once).Do(func() { p.step(deep) }) },
		func(p *program, deep int) {
			_ = strings.Map(func(r rune) rune { p.check(); return r }, "ab")
			p.step(deep)
		},
		func(p *program, deep int) {
			if deep > 2 { // not too many
				p.onGoroutine(func(own *program) { own.step(deep / 2) })
			}
			p.check()
		},
		func(p *program, deep int) {
			p.onGoroutine(func(own *program) {
				defer own.check()
				runtime.Goexit()
			})
		},
		pulled,
	}
}

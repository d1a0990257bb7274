package callstack_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
)

const recordsEnv = "DYNAMOSLOG_WALK_RECORDS" // for a longer run by hand

// runPrograms runs random programs on several goroutines until they have made so
// many records.
func runPrograms(stacks *callstack.Stacks, records int) (all program) {
	const goroutines = 4
	var mu sync.Mutex
	var done sync.WaitGroup
	for g := range goroutines {
		done.Go(func() {
			p := program{random: rand.New(rand.NewPCG(uint64(g), 42)), stacks: stacks}
			for p.records < records/goroutines {
				p.step(p.random.IntN(24))
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(&p)
		})
	}
	done.Wait()
	return all
}

// The walk says what runtime.Callers says, whatever the program does.
func TestWalkIsExact(t *testing.T) {
	records := 200_000
	if n, err := strconv.Atoi(os.Getenv(recordsEnv)); err == nil {
		records = n
	}
	var stacks callstack.Stacks
	all := runPrograms(&stacks, records)
	walk := callstack.Walks()
	t.Logf("%d records, %d of them known from before, %d wrong; the walk is used: %v", all.records, all.kept, all.wrong, walk)
	if all.wrong > 0 {
		t.Errorf("%d of %d records are wrong, the first:\n%s", all.wrong, all.records, all.first)
	}
	c := all.calls
	t.Logf("of %d pairs control flow decides %d; %d are undecided, %d lost", c.pairs, c.decided, c.undecided, c.lost)
	if c.lost > 0 {
		t.Errorf("%d of %d pairs share more than is found out, the first:\n%s", c.lost, c.pairs, all.first)
	}
	if decodes := runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"; decodes && c.decided == 0 {
		t.Error("control flow decides nothing")
	}
	if walk && all.kept == 0 {
		t.Error("no chain was known again")
	}
}

// Stacks that grow, shrink and are scanned by the collector are walked all the same.
func TestWalkWhileStacksMove(t *testing.T) {
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var stacks callstack.Stacks
	for i := range 50 {
		p := program{random: rand.New(rand.NewPCG(uint64(i), 3)), stacks: &stacks}
		p.onGoroutine(func(own *program) {
			for depth := range 60 {
				grow(own, depth)
			}
		})
		if p.wrong > 0 {
			t.Fatal(p.first)
		}
	}
	close(stop)
	collector.Wait()
}

//go:noinline
func grow(p *program, depth int) {
	var big [512]byte
	big[depth] = 1
	if depth == 0 {
		p.check()
	} else {
		grow(p, depth-1)
	}
	p.sink += int(big[3])
}

func TestCaptureDoesNotAllocate(t *testing.T) {
	var stacks callstack.Stacks
	here := place()
	if n := testing.AllocsPerRun(100, func() { capture(&stacks, here) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func capture(stacks *callstack.Stacks, here uintptr) {
	stack, _ := stacks.Capture(here)
	stacks.Release(stack)
}

// place returns a call site: where its caller was called.
//
//go:noinline
func place() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}

// BenchmarkCapture compares the walk with runtime.Callers on stacks of functions
// that are all different.
func BenchmarkCapture(b *testing.B) {
	for _, depth := range []int{5, 10, 20, 40, 80} {
		var stacks callstack.Stacks
		var pcs [256]uintptr
		b.Run(fmt.Sprintf("walk/%d", depth), func(b *testing.B) {
			b.ReportAllocs()
			deepcalls.At(depth, func() {
				here := place()
				for b.Loop() {
					capture(&stacks, here)
				}
			})
		})
		b.Run(fmt.Sprintf("callers/%d", depth), func(b *testing.B) {
			deepcalls.At(depth, func() {
				for b.Loop() {
					runtime.Callers(1, pcs[:])
				}
			})
		})
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(uint64(1), byte(20))
	var stacks callstack.Stacks
	f.Fuzz(func(t *testing.T, seed uint64, deep byte) {
		p := program{random: rand.New(rand.NewPCG(seed, 4)), stacks: &stacks}
		for range 20 {
			p.step(int(deep % 32))
		}
		if p.wrong+p.calls.lost > 0 {
			t.Errorf("%d of %d records are wrong, %d lost an activation, the first:\n%s", p.wrong, p.records, p.calls.lost, p.first)
		}
	})
}

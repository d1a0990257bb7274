package controlflow_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack/controlflow"
)

// sites are the places where a function called note.
type sites struct{ at []uintptr }

//go:noinline
func (s *sites) note() {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	s.at = append(s.at, pcs[0])
}

//go:noinline
func straight(s *sites, skip bool) {
	s.note() // 0
	if skip {
		s.note()
		return
	}
	s.note() // 1
	s.note() // 2
}

//go:noinline
func looping(s *sites) {
	s.note() // 0
	for range 1 {
		s.note() // 1
		for range 1 {
			s.note() // 2
			s.note() // 3
		}
		s.note() // 4
	}
	s.note() // 5
}

//go:noinline
func jumping(s *sites, n int) {
	for n > 0 {
		s.note() // 0
		n--
		if n == 5 {
			goto out
		}
	}
	s.note() // 1
out:
	s.note() // 2
}

//go:noinline
func deferring(s *sites, n int) {
	defer s.note()
	s.note() // 0
	if n == 0 {
		panic("none")
	}
	s.note() // 1
}

//go:noinline
func bounded(s *sites, of []int, n int) int {
	s.note() // 0
	n = of[n]
	s.note() // 1
	n = of[n]
	s.note() // 2
	return n
}

const (
	unknown = controlflow.Unknown
	never   = controlflow.Never
	onward  = controlflow.Onward
	round   = controlflow.Round
)

func TestWays(t *testing.T) {
	again := never // a deferred call after itself
	if raceDetector {
		again = onward // the compiler makes one call that runs all that is deferred
	}
	for name, c := range map[string]struct {
		call func(s *sites)
		want [][]controlflow.Way // from, to
	}{
		"straight":  {func(s *sites) { straight(s, false) }, [][]controlflow.Way{{never, onward, onward}, {never, never, onward}, {never, never, never}}},
		"returning": {func(s *sites) { straight(s, true) }, [][]controlflow.Way{{never, onward}, {never, never}}},
		"looping": {looping, [][]controlflow.Way{
			{never, onward, onward, onward, onward, onward},
			{never, round, onward, onward, onward, onward},
			{never, round, round, onward, onward, onward},
			{never, round, round, round, onward, onward},
			{never, round, round, round, round, onward},
			{never, never, never, never, never, never},
		}},
		"jumping":   {func(s *sites) { jumping(s, 1) }, [][]controlflow.Way{{round, onward, onward}, {never, never, onward}, {never, never, never}}},
		"deferring": {func(s *sites) { deferring(s, 1) }, [][]controlflow.Way{{never, onward, onward}, {never, never, onward}, {never, never, again}}},
		"bounded":   {func(s *sites) { bounded(s, []int{0}, 0) }, [][]controlflow.Way{{never, onward, onward}, {never, never, onward}, {never, never, never}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := &sites{}, &controlflow.Flow{}
			c.call(s)
			if len(s.at) != len(c.want) {
				t.Fatalf("%d sites, want %d", len(s.at), len(c.want))
			}
			for i, row := range c.want {
				for j, want := range row {
					for range 2 { // found out, and remembered
						if got := f.Way(s.at[i], s.at[j]); got != want && got != unknown {
							t.Errorf("from %d to %d: %d, want %d", i, j, got, want)
						} else if got == unknown && f.Way(s.at[0], s.at[0]) != unknown {
							t.Errorf("from %d to %d nothing is known", i, j)
						}
					}
				}
			}
		})
	}
}

func TestLoops(t *testing.T) {
	s, f := &sites{}, &controlflow.Flow{}
	looping(s)
	if f.Way(s.at[0], s.at[0]) == unknown {
		t.Skip("nothing is known here")
	}
	for i, want := range []bool{false, true, true, true, true, false} {
		if f.InLoop(s.at[i]) != want {
			t.Errorf("site %d: want %v", i, want)
		}
		if f.Around(s.at[4], s.at[1], s.at[i]) != want {
			t.Errorf("the outer loop around %d: want %v", i, want)
		}
		if inner := i == 2 || i == 3; f.Around(s.at[3], s.at[2], s.at[i]) != inner {
			t.Errorf("the inner loop around %d: want %v", i, inner)
		}
	}
}

// Nothing is known of what is no call.
func TestNoCall(t *testing.T) {
	s, f := &sites{}, &controlflow.Flow{}
	straight(s, false)
	for _, pc := range []uintptr{0, 1, s.at[0] - 1, s.at[0] + 1, ^uintptr(0)} {
		if f.Way(pc, s.at[0]) != unknown || f.Way(s.at[0], pc) != unknown || f.InLoop(pc) || f.Around(pc, pc, pc) {
			t.Errorf("%#x is said to be a call", pc)
		}
	}
}

func TestManyAsk(t *testing.T) {
	s, f := &sites{}, &controlflow.Flow{}
	looping(s)
	want := (&controlflow.Flow{}).Way(s.at[4], s.at[1])
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if got := f.Way(s.at[4], s.at[1]); got != want {
					t.Errorf("%d, want %d", got, want)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkKnown(b *testing.B) {
	s, f := &sites{}, &controlflow.Flow{}
	looping(s)
	b.ReportAllocs()
	for b.Loop() {
		f.Way(s.at[4], s.at[1])
	}
}

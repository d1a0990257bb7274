package controlflow

import (
	_ "net/http" // much code
	"runtime"
	"slices"
	"sort"
	"testing"
	"time"
)

// everyFunction calls f with each function of this binary, and what fills the space
// behind it.
func everyFunction(f func(entry uintptr, code []byte)) {
	pc, _, _, _ := runtime.Caller(0)
	first := entryOf(pc)
	for step := uintptr(1 << 24); step > 0; step /= 2 {
		for first > step && entryOf(first-step+1) != 0 {
			first -= step
		}
	}
	for entry := entryOf(first + 1); entry != 0; {
		body := code(entry)
		if body == nil {
			break
		}
		f(entry, body)
		entry = entryOf(entry + uintptr(len(body)) + 1)
	}
}

// calls returns where the calls of a function return to.
func (g *graph) calls() (sites []uintptr) {
	for _, b := range g.blocks {
		if b.last == call || b.last == resume {
			sites = append(sites, g.entry+uintptr(b.end))
		}
	}
	return sites
}

// Nearly all code that is linked is understood, in little time, and decides much. With
// the race detector some of it was written in C.
func TestBinaryIsUnderstood(t *testing.T) {
	if !decodes() {
		t.Skip("there is no decoder")
	}
	var unread, anyJump, never, round, back int
	var took []time.Duration
	everyFunction(func(entry uintptr, body []byte) {
		start := time.Now()
		g := read(entry)
		took = append(took, time.Since(start))
		if g == nil {
			unread++
			return
		}
		if slices.ContainsFunc(g.blocks, func(b block) bool { return b.last == anywhere }) {
			anyJump++
		}
		sites := g.calls()
		if len(sites) > 60 { // they would be most of the pairs
			return
		}
		for i, from := range sites {
			for _, to := range sites[:i+1] {
				back++
				switch g.way(from, to) {
				case Never:
					never++
				case Round:
					round++
				}
			}
		}
	})
	slices.Sort(took)
	t.Logf("%d functions, %d not understood, %d jump anywhere; read in %v, of a hundred one in more than %v, at most %v", len(took), unread, anyJump,
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	t.Logf("of %d pairs of calls that go back %d never do, %d by another turn of a loop", back, never, round)
	if unread*12 > len(took) || never*2 < back {
		t.Error("that is too much, or too little")
	}
}

// The places of a stack where nothing was inlined are calls that the graphs have.
func TestCallsOfAStackAreKnown(t *testing.T) {
	if !decodes() {
		t.Skip("there is no decoder")
	}
	var pcs [64]uintptr
	n := 0
	sort.Slice([]int{2, 1}, func(i, j int) bool {
		n = runtime.Callers(1, pcs[:])
		return true
	})
	known := 0
	for _, pc := range pcs[1 : n-1] { // the last is runtime.goexit, which nothing called
		if frame, _ := runtime.CallersFrames([]uintptr{pc}).Next(); frame.Func == nil {
			continue
		}
		g := read(entryOf(pc))
		if g == nil || g.block(pc) < 0 {
			t.Errorf("%s: the call is not known", runtime.FuncForPC(pc-1).Name())
		}
		known++
	}
	if known < 3 {
		t.Errorf("only %d calls on the stack", known)
	}
}

func BenchmarkRead(b *testing.B) {
	pc, _, _, _ := runtime.Caller(0)
	entry := entryOf(pc)
	b.SetBytes(int64(len(code(entry))))
	for b.Loop() {
		read(entry)
	}
}

package deepcalls_test

import (
	"runtime"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
)

func TestAt(t *testing.T) {
	for _, depth := range []int{0, 1, 5, deepcalls.Most} {
		var pcs [2 * deepcalls.Most]uintptr
		here := runtime.Callers(1, pcs[:])
		there := 0
		deepcalls.At(depth, func() { there = runtime.Callers(1, pcs[:]) })
		// At and f are two frames more.
		if got := there - here - 2; got != depth {
			t.Errorf("got %d calls, want %d", got, depth)
		}
		different := make(map[uintptr]bool)
		for _, pc := range pcs[1 : depth+1] {
			different[runtime.FuncForPC(pc-1).Entry()] = true
		}
		if len(different) != depth {
			t.Errorf("got %d functions, want %d", len(different), depth)
		}
	}
}

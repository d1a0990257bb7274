//go:build gc && !purego && (amd64 || arm64)

package callstack_test

import (
	"runtime"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// Where it is built and the version of Go is a proven one, the walk is used: its
// trial in this process succeeds.
func TestWalkIsUsed(t *testing.T) {
	switch {
	case callstack.Walks():
	case callstack.Proven(runtime.Version()):
		t.Error("it is not")
	default:
		t.Errorf("the walk was never proven with %s, runtime.Callers serves: version.go says how to prove it", runtime.Version())
	}
}

//go:build !race

package callstack_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// Without the proof the walk is wrong at times: [TestWalkIsExact] would notice. The
// race detector, and a compiler that inlines nothing, give every function a frame.
func TestWalkWithoutProofIsWrong(t *testing.T) {
	if !callstack.Walks() {
		t.Skip("the walk is not used here")
	}
	if all := runPrograms(callstack.Trusting(), 200_000); all.wrong == 0 {
		t.Error("nothing is wrong without the proof: what is it for, or is the test too weak?")
	}
}

//go:build gc && !purego && go1.26 && !go1.27 && (amd64 || arm64)

package callstack_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// Where it is built, the walk is used: its trial in this process succeeded.
func TestWalkIsUsed(t *testing.T) {
	if walk, identify := callstack.Walks(); !walk || !identify {
		t.Errorf("the walk is used: %v; it knows goroutines: %v", walk, identify)
	}
}

//go:build gc && !purego && go1.26 && !go1.27 && (amd64 || arm64)

package callstack_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// Where it is built, the walk is used: its trial in this process succeeds.
func TestWalkIsUsed(t *testing.T) {
	if !callstack.Walks() {
		t.Error("it is not")
	}
}

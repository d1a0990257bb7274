package callstack_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// The walk is off with every Go that its proofs were not run with.
func TestProven(t *testing.T) {
	for goVersion, want := range map[string]bool{
		"go1.26.0":                    true,
		"go1.26.8":                    true,
		"go1.27":                      true,
		"go1.27.3":                    true,
		"go1.27.3-vendor":             true,
		"go1.28":                      false,
		"go1.28rc1":                   false,
		"go1.28.4-vendor":             false,
		"go1.100":                     false,
		"go2.0":                       false,
		"go1.27.3 X:nodwarf5":         false, // an experiment of the compiler's
		"devel go1.27-0123456789 Thu": false,
		"devel +0123456789":           false,
		"1.27":                        false,
		"unknown":                     false,
		"":                            false,
	} {
		if got := callstack.Proven(goVersion); got != want {
			t.Errorf("%q: %v, want %v", goVersion, got, want)
		}
	}
}

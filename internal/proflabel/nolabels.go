//go:build !gc || purego || go1.28

package proflabel

import "context"

// Supported tells whether a goroutine's label can be read.
const Supported = false

// Get returns "".
func Get() string { return "" }

// Labels are none.
type Labels struct{}

// Set does nothing.
func Set(ctx context.Context, _ string) (context.Context, Labels) { return ctx, Labels{} }

// Unset does nothing.
func (Labels) Unset() {}

// Clear does nothing.
func Clear() {}

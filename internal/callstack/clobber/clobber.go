//go:build amd64 || arm64

// Package clobber calls functions with a frame pointer that leads nowhere, as
// assembly does that uses its register for something else. It is for tests.
package clobber

// With calls f while the register of the frame pointer holds a value.
func With(value uintptr, f func())

// StackPointer calls f while the register of the frame pointer holds the stack pointer.
func StackPointer(f func())

// Outer calls f while the register of the frame pointer holds that of the caller's
// caller, so that a frame is left out.
func Outer(f func())

//go:build !linux

package main

import "syscall"

// yieldToAll gives this thread, and processes that it starts, the lowest priority.
func yieldToAll() error {
	const lowest = 19
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowest)
}

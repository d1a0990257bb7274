package main

import "golang.org/x/sys/unix"

// yieldToAll lets this thread, and processes that it starts, have a processor only
// while nobody else wants it. With the lowest priority alone the emulator still made
// the service's 99th percentile a tenth longer.
func yieldToAll() error {
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
}

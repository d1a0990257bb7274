//go:build cgo

// Package cgocall calls Go from C that was called from Go. It is for tests.
package cgocall

/*
#cgo CFLAGS: -fomit-frame-pointer

extern void called(void);

static void call(int deeper) {
	volatile char frame[40];
	frame[deeper] = 1;
	if (deeper > 0) {
		call(deeper - 1);
	} else {
		called();
		called();
	}
}
*/
import "C"

import "sync"

var (
	mu  sync.Mutex
	now func()
)

// Back calls f twice by way of some functions in C. One call at a time is made.
func Back(f func()) {
	mu.Lock()
	defer mu.Unlock()
	now = f
	C.call(5)
}

//export called
func called() { now() }

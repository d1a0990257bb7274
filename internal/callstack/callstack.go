// Package callstack tells where in the program's call tree a log record was made:
// how deep its call site is, and how much of the stack two records share.
//
// A stack is a slice of return addresses as runtime.Callers gives them, the
// innermost first; inlined calls count as frames.
package callstack

import (
	"runtime"
	"strings"
	"sync"
)

// MaxFrames is the deepest stack that is captured whole.
const MaxFrames = 1 << 15

// Capture returns the stack of its caller, in buf where that is large enough. It
// returns nil for a stack deeper than [MaxFrames].
func Capture(buf []uintptr) []uintptr {
	const self = 2 // runtime.Callers and Capture
	buf = buf[:cap(buf)]
	for {
		if n := runtime.Callers(self, buf); n < len(buf) {
			return buf[:n]
		}
		if len(buf) > MaxFrames {
			return nil
		}
		buf = make([]uintptr, max(64, 2*len(buf)))
	}
}

// From returns the part of a stack that ends in the call site pc, as slog.Record
// holds it, and nil where pc is not on the stack. Helpers that fill the record by
// runtime.Caller store an address that is one less.
func From(stack []uintptr, pc uintptr) []uintptr {
	for i, at := range stack {
		if at == pc || at == pc+1 {
			return stack[i:]
		}
	}
	return nil
}

// Outside returns the part of a stack that ends in the first function outside
// the named packages, and nil where there is none.
func Outside(stack []uintptr, packages ...string) []uintptr {
	frames := runtime.CallersFrames(stack)
	for i := range stack {
		frame, _ := frames.Next()
		if !inPackages(frame.Function, packages) {
			return stack[i:]
		}
	}
	return nil
}

func inPackages(function string, packages []string) bool {
	for _, name := range packages {
		if rest, ok := strings.CutPrefix(function, name); ok && strings.HasPrefix(rest, ".") {
			return true
		}
	}
	return false
}

// Root returns an address in the function that the stack's goroutine was started with.
func Root(stack []uintptr) uintptr {
	if len(stack) < 2 {
		return 0
	}
	return stack[len(stack)-2] // the last is runtime.goexit
}

// A Func names a function. Functions inlined in the same one differ by name only.
type Func struct {
	Name  string
	Entry uintptr
}

// Funcs looks up functions and remembers them. Its zero value is ready to use,
// by several goroutines at once.
type Funcs struct {
	byPC sync.Map // uintptr → Func
}

// At returns the function that a return address is in.
func (f *Funcs) At(pc uintptr) Func {
	if found, ok := f.byPC.Load(pc); ok {
		return found.(Func)
	}
	var found Func
	if fn := runtime.FuncForPC(pc - 1); fn != nil {
		found = Func{fn.Name(), fn.Entry()}
	}
	f.byPC.Store(pc, found)
	return found
}

// Shared returns how many frames from the root are the same activation in two
// stacks of one goroutine: those with equal addresses, and one more where both go
// on in the same function at different places.
func (f *Funcs) Shared(a, b []uintptr) int {
	shared := 0
	for shared < len(a) && shared < len(b) && a[len(a)-1-shared] == b[len(b)-1-shared] {
		shared++
	}
	if shared < len(a) && shared < len(b) &&
		f.At(a[len(a)-1-shared]) == f.At(b[len(b)-1-shared]) {
		shared++
	}
	return shared
}

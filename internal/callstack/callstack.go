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

// From returns the part of a stack that ends in the call site pc, as slog.Record
// holds it, and an empty stack where pc is not on it. Helpers that fill the record
// by runtime.Caller store an address that is one less.
func (s Stack) From(pc uintptr) Stack {
	for i, at := range s.PCs {
		if at == pc || at == pc+1 {
			s.PCs = s.PCs[i:]
			return s
		}
	}
	return Stack{}
}

// Outside returns the part of a stack that ends in the first function outside
// the named packages, and an empty stack where there is none.
func (s Stack) Outside(packages ...string) Stack {
	frames := runtime.CallersFrames(s.PCs)
	for i := range s.PCs {
		frame, _ := frames.Next()
		if !inPackages(frame.Function, packages) {
			s.PCs = s.PCs[i:]
			return s
		}
	}
	return Stack{}
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
func (s Stack) Root() uintptr {
	if len(s.PCs) < 2 {
		return 0
	}
	return s.PCs[len(s.PCs)-2] // the last is runtime.goexit
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
	if len(a) > 0 && len(b) > 0 && &a[len(a)-1] == &b[len(b)-1] { // parts of one
		return min(len(a), len(b))
	}
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

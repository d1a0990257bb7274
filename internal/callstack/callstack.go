// Package callstack tells where in the program's call tree a log record was made:
// how deep its call site is, and how much of the stack two records share.
//
// A stack is a slice of return addresses as runtime.Callers gives them, the
// innermost first; inlined calls count as frames.
package callstack

import (
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A Stack is the stack of a goroutine from a call site on.
type Stack struct {
	PCs  []uintptr // return addresses, the innermost first; none if the call site is not on the stack
	Root uintptr   // entry of the function that the goroutine was started with
	// Ends is the function of package log that the record is from and that does not
	// return, as "log.Fatal"; empty for all others.
	Ends string

	whole    []uintptr // PCs, and before them those of what the call site called
	handling int       // frames before the one that handles this record and no other
	loop     uintptr   // where control is in the function of the call site, if that is in a loop of it
	serial   uint64    // a number of its own; 0 if it has none
	scratch  *scratch  // whose it is; nil for one that is never overwritten
}

// Kept reports whether the stack is never overwritten.
func (s *Stack) Kept() bool { return s.scratch == nil }

// from returns the part of a stack that ends in the call site pc, as slog.Record
// holds it, and nil where pc is not on it. Helpers that fill the record by
// runtime.Caller store an address that is one less.
func from(pcs []uintptr, pc uintptr) []uintptr {
	for i, at := range pcs {
		if at == pc || at == pc+1 {
			return pcs[i:]
		}
	}
	return nil
}

// logWriter is where log.Print hands over to a slog.Handler, after slog.SetDefault.
const logWriter = "log/slog.(*handlerWriter).Write"

// outside returns the part of a stack that ends in the first function outside
// the named packages, and nil where there is none. Handlers that log.Print went through
// stand before it, whatever their packages.
func (f *Funcs) outside(pcs []uintptr, packages []string) []uintptr {
	if i := slices.IndexFunc(pcs, func(pc uintptr) bool { return f.At(pc).Name == logWriter }); i >= 0 {
		pcs = pcs[i:]
	}
	for i, pc := range pcs {
		if !inPackages(f.At(pc).Name, packages) {
			return pcs[i:]
		}
	}
	return nil
}

// ends returns the function of package log that a record is from and that does not
// return, or "". The record's call site is that function's caller, or else the writer that
// package log hands the text to.
func (f *Funcs) ends(pcs []uintptr, callSite int) string {
	for i := max(callSite-1, 1); i < len(pcs); i++ {
		function := f.At(pcs[i]).Name
		// After a log.Panic, what is deferred is called with log.Panic still on the stack,
		// but not by way of package log.
		if name := ending(function); name != "" && inLog(f.At(pcs[i-1]).Name) {
			return name
		}
		if i > callSite && !inLog(function) {
			return ""
		}
	}
	return ""
}

func inLog(function string) bool { return strings.HasPrefix(function, "log.") }

// ending returns the name of a function of package log that does not return, "" for others.
func ending(function string) string {
	if !inLog(function) {
		return ""
	}
	name := strings.TrimPrefix(function[len("log."):], "(*Logger).")
	switch name {
	case "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln":
		return "log." + name
	}
	return ""
}

func inPackages(function string, packages []string) bool {
	for _, name := range packages {
		if rest, ok := strings.CutPrefix(function, name); ok && strings.HasPrefix(rest, ".") {
			return true
		}
	}
	return false
}

// A Func names a function. Functions inlined in the same one differ by name only.
type Func struct {
	Name    string
	Entry   uintptr // of the one in whose code it is
	Inlined bool    // in that
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
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		found = Func{fn.Name(), fn.Entry(), frame.Func == nil}
	}
	f.byPC.Store(pc, found)
	return found
}

// root returns the entry of the function that a whole stack's goroutine was
// started with.
func (f *Funcs) root(pcs []uintptr) uintptr {
	if len(pcs) < 2 {
		return 0
	}
	return f.At(pcs[len(pcs)-2]).Entry // the last is runtime.goexit
}

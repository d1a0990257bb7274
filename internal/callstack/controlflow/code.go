package controlflow

import (
	"runtime"
	"strings"
	"unsafe"
)

// largest is how long the code of a function may be, in bytes.
const largest = 256 << 10

// entryOf returns where the function begins that a return address is in, or 0.
func entryOf(pc uintptr) uintptr {
	if fn := runtime.FuncForPC(pc - 1); fn != nil {
		return fn.Entry()
	}
	return 0
}

// code returns the machine code of the function that begins at entry, and what fills
// the space behind it; nil where it is too long.
func code(entry uintptr) []byte {
	within := func(size uintptr) bool { return entryOf(entry+size+1) == entry }
	beyond := uintptr(64)
	for within(beyond) {
		if beyond *= 2; beyond > largest {
			return nil
		}
	}
	inside := beyond / 2
	if beyond == 64 {
		inside = 0
	}
	for beyond-inside > 1 {
		if middle := (inside + beyond) / 2; within(middle) {
			inside = middle
		} else {
			beyond = middle
		}
	}
	start := *(*unsafe.Pointer)(unsafe.Pointer(&entry)) // no object of Go's: it does not move
	return unsafe.Slice((*byte)(start), beyond)
}

// A kind is what an instruction does to the flow of control.
type kind uint8

const (
	unknown  kind = iota // it is no instruction that is known
	plain                // the next one follows
	call                 // the next one follows when the call has returned
	exit                 // a call that does not return
	resume               // a call of runtime.deferreturn: after a recovered panic it follows any call
	jump                 // the target follows
	branch               // the target or the next one follows
	stop                 // none follows
	anywhere             // any may follow
)

// An instruction is as much of one as matters here.
type instruction struct {
	kind   kind
	size   int
	target int // of a jump, branch or call, in bytes from the instruction; 0 if that is not known
}

// callKind returns what kind of call one of a function is.
func callKind(target uintptr) kind {
	fn := runtime.FuncForPC(target)
	if fn == nil {
		return call
	}
	name, ok := strings.CutPrefix(fn.Name(), "runtime.")
	switch {
	case !ok:
	case name == "deferreturn":
		return resume
	case strings.HasPrefix(name, "morestack"), endless[name], strings.HasPrefix(name, "panicSlice"), strings.HasPrefix(name, "panicunsafe"):
		// Behind morestack the function begins again, of which nothing has run yet.
		return exit
	}
	return call
}

// endless are functions of the runtime that do not return, and that compiled code calls.
// Where one is missing more seems possible than is.
var endless = map[string]bool{
	"gopanic": true, "throw": true, "fatal": true, "block": true,
	"panicBounds": true, "panicIndex": true, "panicIndexU": true, "panicExtend": true,
	"panicdivide": true, "panicshift": true, "panicoverflow": true, "panicfloat": true, "panicmem": true,
	"panicdottypeE": true, "panicdottypeI": true, "panicnildottype": true, "panicwrap": true,
	"panicmakeslicelen": true, "panicmakeslicecap": true, "panicrangestate": true, "panicSimdImm": true,
}

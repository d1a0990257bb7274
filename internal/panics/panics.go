// Package panics tells of panics and runtime.Goexit while they go on.
package panics

import (
	"runtime"
	"slices"
)

// An Unwinding is a panic or runtime.Goexit that ends a call. It is told of while it
// goes on, with its frames still on the stack, so that crashes and those who recover
// it see where it began.
type Unwinding struct {
	Value any       // of the panic; nil for runtime.Goexit
	Exits bool      // it is runtime.Goexit
	stack []uintptr // of the panic, from where it was
	own   int       // index in stack of the Guard that tells of it
}

// Guard calls f, and told where it does not return. A panic then goes on.
//
//go:noinline
func Guard(f func(), told func(*Unwinding)) {
	returned := false
	defer tell(&returned, told)
	f()
	returned = true
}

// tell is what Guard defers.
//
//go:noinline
func tell(returned *bool, told func(*Unwinding)) {
	if *returned {
		return
	}
	u := &Unwinding{Value: recover(), stack: wholeStack()}
	if u.Exits = u.Value == nil; !u.Exits {
		defer panic(u.Value) // whatever becomes of telling
	}
	u.own = u.findGuard()
	told(u)
}

const (
	root      = "github.com/dynamoslog/dynamoslog"
	path      = root + "/internal/panics"
	guardName = path + ".Guard"
	tellName  = path + ".tell"
	maxStack  = 1 << 16 // frames that are looked at
)

// wholeStack returns the stack of the function that calls its caller.
func wholeStack() []uintptr {
	const skip = 3 // runtime.Callers, this function and its caller
	for pcs := make([]uintptr, 128); ; pcs = make([]uintptr, 2*len(pcs)) {
		if n := runtime.Callers(skip, pcs); n < len(pcs) || n >= maxStack {
			return pcs[:n]
		}
	}
}

// findGuard returns the index of the Guard's own frame. For each of those nested in
// it that told of the same panic, tell is on the stack too, the innermost last. Of
// those that told of runtime.Goexit it is not: the outermost stands for all.
func (u *Unwinding) findGuard() int {
	found, open := len(u.stack)-1, 1
	for i, pc := range u.stack {
		fn := runtime.FuncForPC(pc - 1)
		if fn == nil {
			continue
		}
		switch fn.Name() {
		case guardName:
			found = i
			if open--; open == 0 && !u.Exits {
				return found
			}
		case tellName:
			open++
		}
	}
	return found
}

// Site returns where a line about the unwinding is placed: where the guarded call
// was made, not below the frames that unwind. An address that stands further up as
// well, in a recursion, would be taken for that; further down is at the margin too.
func (u *Unwinding) Site() uintptr {
	for i := u.own + 1; i < len(u.stack); i++ {
		if !slices.Contains(u.stack[:i], u.stack[i]) {
			return u.stack[i]
		}
	}
	return 0
}

// Message tells a panic and where it came from.
func (u *Unwinding) Message() string { return message(u.Value, u.stack[:u.own]) }

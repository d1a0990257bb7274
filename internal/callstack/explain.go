package callstack

import "runtime"

// explains reports whether a chain of physical frames has all frames of a stack
// as runtime.Callers gives it, in order. The chain may have more: runtime.Callers
// leaves out the wrappers that the compiler makes for methods and go statements.
func explains(chain []frame, pcs []uintptr) bool {
	if len(pcs) == 0 {
		return false
	}
	var before runtime.Frame // the frame that called, or was inlined into, is next
	frames := runtime.CallersFrames(pcs)
	for _, pc := range pcs {
		at, _ := frames.Next()
		inlinedInto := before.PC != 0 && before.Func == nil && before.Entry == at.Entry
		rest := after(chain, pc, before.Function == "runtime.sigpanic")
		switch {
		case rest != nil:
			chain = rest
		case !inlinedInto:
			return false
		}
		before = at
	}
	return len(chain) == 0
}

// after returns what follows in a chain behind a frame that returns to pc, and nil
// if there is no such frame. A trap returns to the instruction that it stopped,
// where runtime.Callers has the address behind that.
func after(chain []frame, pc uintptr, trap bool) []frame {
	for i, at := range chain {
		if at.pc == pc || trap && at.pc+1 == pc {
			return chain[i+1:]
		}
		if runtime.FuncForPC(at.pc-1) == nil {
			return nil
		}
	}
	return nil
}

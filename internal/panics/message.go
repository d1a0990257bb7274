package panics

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// most is how many frames are told of a panic's stack.
const most = 5

// Message tells a panic that its caller has recovered, and where it came from. It is
// called by the deferred function that has recovered it, or from within that.
func Message(value any) string {
	stack := wholeStack()
	from := slices.IndexFunc(stack, func(pc uintptr) bool {
		fn := runtime.FuncForPC(pc - 1)
		return fn != nil && fn.Name() == "runtime.gopanic"
	})
	if from < 0 { // it is over, and nobody knows where it was
		return message(value, nil)
	}
	return message(value, stack[from:])
}

// message tells a panic and, in further lines, frames of its stack: where it was thrown, or
// thrown again, and of the others rather the program's own than those of its dependencies,
// and rather these than those of the standard library.
func message(value any, stack []uintptr) string {
	frames := framesOf(stack)
	if len(frames) > most {
		slices.SortStableFunc(frames, func(a, b frame) int { return cmp.Compare(a.kind, b.kind) })
		frames = frames[:most]
		slices.SortFunc(frames, func(a, b frame) int { return cmp.Compare(a.place, b.place) })
	}
	text := "panic: " + fmt.Sprint(value)
	for _, f := range frames {
		text += "\n" + f.text
	}
	return text
}

// A frame is one that a panic may tell.
type frame struct {
	text  string
	place int // from the innermost on
	kind  kind
}

// A kind of frame, the one to be told first before others.
type kind int

const (
	thrower kind = iota // has panicked
	program
	dependency
	standard
)

// framesOf returns the frames of a stack, without those of the runtime, without what the
// handler's package has between them, and each once where a function calls itself.
func framesOf(stack []uintptr) (frames []frame) {
	if len(stack) == 0 {
		return nil
	}
	module := "main"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path != "" {
		module = info.Main.Path
	}
	threw := true
	for next := runtime.CallersFrames(stack); ; {
		f, more := next.Next()
		threw = threw || f.Function == "runtime.gopanic"
		text := f.Function + " " + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		again := len(frames) > 0 && frames[len(frames)-1].text == text
		between := len(frames) > 0 && strings.HasPrefix(f.Function, root+".")
		if f.Function != "" && !again && !between && !unwinds(f.Function) {
			kind := kindOf(f.Function, module)
			if threw {
				kind, threw = thrower, false
			}
			frames = append(frames, frame{text, len(frames), kind})
		}
		if !more {
			return frames
		}
	}
}

// unwinds reports whether a function only hands a panic on.
func unwinds(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, guardName) || strings.HasPrefix(function, tellName)
}

// kindOf returns whose a function is. The standard library's packages are those whose
// paths begin without a dot.
func kindOf(function, module string) kind {
	slash := strings.LastIndexByte(function, '/') + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	pkg := function[:slash] + name
	first, _, _ := strings.Cut(pkg, "/")
	switch {
	case pkg == "main", pkg == module, pkg == module+"_test", strings.HasPrefix(pkg, module+"/"):
		return program
	case strings.Contains(first, "."):
		return dependency
	}
	return standard
}

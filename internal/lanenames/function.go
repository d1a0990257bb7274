// Package lanenames names the lanes of a story: a goroutine's by the function that it
// began with. It writes the names as attributes of a header, which package story reads.
package lanenames

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// launchers are packages whose functions start goroutines for others: what they were
// given to run tells more than they do.
var launchers = []string{"runtime", "sync", "time", "context", "iter", "golang.org/x/sync/errgroup"}

// Of returns the short name of the function that a lane's goroutine began with, by any of
// its stacks, or "" where the stack is unknown. Of a lane that has one goroutine it passes
// over functions of the standard library and of errgroup that only call what they were
// given, as that of sync.WaitGroup.Go; goroutines that share a lane have no more in common.
func Of(funcs *callstack.Funcs, stack []uintptr, oneGoroutine bool) string {
	names := outermost(funcs, stack)
	for i, name := range names {
		launches := slices.Contains(launchers, packageOf(name)) || wrapper.MatchString(name)
		if !launches || !oneGoroutine || i == len(names)-1 {
			return Short(name)
		}
	}
	return ""
}

// outermost returns the outermost functions of a stack, the first that the goroutine
// began with. The last address is in runtime.goexit.
func outermost(funcs *callstack.Funcs, stack []uintptr) []string {
	const enough = 4
	var names []string
	for i := len(stack) - 2; i >= 0 && len(names) < enough; i-- {
		names = append(names, funcs.At(stack[i]).Name)
	}
	return names
}

// packageOf returns the path of the package that a function is in.
func packageOf(function string) string {
	function = withoutTypes(function)
	slash := strings.LastIndexByte(function, '/') + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash] + name
}

var (
	wrapper = regexp.MustCompile(`(\.(go|defer)wrap\d+|-fm)+$`)
	major   = regexp.MustCompile(`^v\d+$`)
)

// Short returns the name of a function, as runtime.Func has it, for people: the last
// element of its package's path, which is no version, and the function. It leaves out
// type arguments and what the compiler adds for go statements and method values.
func Short(function string) string {
	function = wrapper.ReplaceAllString(withoutTypes(function), "")
	path := packageOf(function)
	name := function[len(path):]
	elements := strings.Split(path, "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && major.MatchString(last) {
		last = elements[len(elements)-2]
	}
	if plain, err := url.PathUnescape(last); err == nil { // the linker escapes dots
		last = plain
	}
	return last + name
}

// withoutTypes removes what stands in brackets.
func withoutTypes(function string) string {
	if !strings.ContainsAny(function, "[]") {
		return function
	}
	var out strings.Builder
	depth := 0
	for _, r := range function {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			out.WriteRune(r)
		}
	}
	return out.String()
}

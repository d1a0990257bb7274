package reading

import (
	"path"
	"strings"
)

// A Frame is a call in a stack.
type Frame struct {
	Func string // without its arguments
	At   string // file and line, as far as the file is under the program's module
}

// A Stack is what a stack trace holds: the program's own calls, and those of others, which
// are the standard library's and other modules'. Both are innermost first.
type Stack struct{ Own, Others []Frame }

// Len returns how many calls it holds.
func (s Stack) Len() int { return len(s.Own) + len(s.Others) }

// mostFrames bounds how many calls are read of a stack.
const mostFrames = 200

// ParseStack reads a stack trace as the runtime prints it, or with each call's file and line
// behind it. Where it is none, the result is empty. The program is known by the first
// elements of its packages' paths: those of the first call that is not the standard
// library's.
func ParseStack(text string) Stack {
	var frames []Frame
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ")
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "goroutine "):
		case indented && len(frames) > 0 && frames[len(frames)-1].At == "" && fileEnd(line) > 0:
			frames[len(frames)-1].At = line[:fileEnd(line)]
		default:
			f, ok := frameOf(line)
			if ok && len(frames) < mostFrames {
				frames = append(frames, f)
			}
		}
	}
	return sortFrames(frames)
}

// frameOf reads the line of a call: "shop.(*Cart).Total(0xc00) " or "shop.Total cart.go:61".
func frameOf(line string) (f Frame, ok bool) {
	line = strings.TrimPrefix(line, "created by ")
	line, _, _ = strings.Cut(line, " in goroutine ")
	name, at, two := strings.Cut(line, " ")
	if two && fileEnd(at) == len(at) {
		f.At = at
	} else if two && !strings.Contains(name, "(") {
		return f, false
	} else {
		name = line
	}
	if strings.HasSuffix(name, ")") || strings.HasSuffix(name, "...)") {
		if open := strings.LastIndexByte(name, '('); open > 0 && name[open-1] != '.' {
			name = name[:open]
		}
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	if !strings.Contains(base, ".") || strings.ContainsAny(name, " \"=,:") {
		return f, false
	}
	f.Func = name
	return f, true
}

// fileEnd returns the end of "file.go:12" at the start of a line, or 0.
func fileEnd(line string) int {
	at := strings.Index(line, ".go:")
	if at <= 0 {
		return 0
	}
	end := at + len(".go:")
	digits := end
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	if end == digits || end < len(line) && line[end] != ' ' {
		return 0
	}
	return end
}

// sortFrames tells the program's own calls from others, and shortens where they are.
func sortFrames(frames []Frame) (s Stack) {
	module := ""
	for _, f := range frames {
		if pkg := packageOf(f.Func); module == "" && !isStandard(pkg) && !strings.Contains(f.At, "@v") {
			module = moduleOf(pkg)
		}
	}
	for _, f := range frames {
		pkg := packageOf(f.Func)
		if module == "" || moduleOf(pkg) != module || strings.Contains(f.At, "@v") {
			s.Others = append(s.Others, f)
			continue
		}
		below := strings.Trim(strings.TrimPrefix(pkg, module), "/")
		if i := strings.LastIndexByte(f.At, '/'); i >= 0 {
			f.At = path.Join(below, f.At[i+1:])
		}
		s.Own = append(s.Own, f)
	}
	return s
}

func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}

// moduleOf returns what most likely is the path of the module that has a package: three
// elements where the first is a host's name, else one.
func moduleOf(pkg string) string {
	elements := strings.SplitN(pkg, "/", 4)
	if strings.Contains(elements[0], ".") {
		return strings.Join(elements[:min(3, len(elements))], "/")
	}
	return elements[0]
}

// standard holds the first elements of the standard library's packages.
const standard = " archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt go hash html image index " +
	"internal io iter log maps math mime net os panic path plugin reflect regexp runtime slices sort strconv strings structs sync syscall testing text time unicode unique unsafe vendor weak "

func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return strings.Contains(standard, " "+first+" ")
}

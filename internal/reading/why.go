package reading

import (
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Why says why a story is bad: what the first line at its highest level tells.
type Why struct {
	*Node
	Error   string // of the line's attribute err or error, unquoted; empty where it has none
	Callers []*Node
	Stack   Stack
}

// Why returns why a story is bad, and false where no line reached Warn.
func (t *Tree) Why() (Why, bool) {
	worst := t.Worst()
	if worst == nil {
		return Why{}, false
	}
	why := Why{Node: worst}
	for n := worst.Parent; n != nil; n = n.Parent {
		why.Callers = append(why.Callers, n)
	}
	slices.Reverse(why.Callers)
	for a := range AttrTexts(worst.Attrs) {
		name := a.Name[strings.LastIndexByte(a.Name, '.')+1:]
		switch {
		case IsErrorName(a.Name) && why.Error == "" && a.Value != "<nil>":
			why.Error = a.Value
		case (name == "stack" || name == "stacktrace") && len(why.Stack.Own) == 0:
			why.Stack = ParseStack(a.Value)
		}
	}
	if _, rest, several := strings.Cut(worst.Message, "\n"); several && len(why.Stack.Own) == 0 {
		why.Stack = ParseStack(rest)
	}
	return why, true
}

// IsErrorName reports whether an attribute of that name says what went wrong.
func IsErrorName(name string) bool {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return name == "err" || name == "error"
}

// First returns the first line of a line's message, escaped, and whether there are others.
func (n *Node) First() (first string, more bool) {
	first, _, more = strings.Cut(n.Message, "\n")
	return story.Escape(first), more
}

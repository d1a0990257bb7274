package reading

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// Text says what was found, escaped, on one line: how values changed, or the message of
// what is new, gone or slower. Cut shortens what is too long.
func (f *Finding) Text(cut func(string) string) string {
	switch f.Change {
	case Slower:
		return FirstLine(f.Line().Node().Message, cut) + " " + TookText(f.was, f.is)
	case New, Gone:
		return FirstLine(f.Line().Node().Message, cut)
	}
	var texts []string
	for i, value := range f.Values {
		value.Was, value.Is = cut(value.Was), cut(value.Is)
		text := value.String()
		if both := value.Was != "" && value.Is != ""; both && (i > 0 || f.ofMessage()) {
			text = strings.TrimPrefix(text, story.Escape(value.Name)+" ")
		}
		texts = append(texts, text)
	}
	if len(f.Values) > 1 && len(f.Lines) > len(f.Values) {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// Of says in which lines values changed, " · Committed", and "" where Text does.
func (f *Finding) Of(cut func(string) string) string {
	if f.Change != Changed || f.Several || f.ofMessage() {
		return ""
	}
	return " · " + FirstLine(f.Line().Node().Message, cut)
}

// ofMessage reports whether the finding is that messages changed.
func (f *Finding) ofMessage() bool {
	line := f.Line()
	return f.Change == Changed && f.Values[0].Name == "message" && line.Was.Message == f.Values[0].Was
}

// FirstLine returns the first line of a message, cut and escaped.
func FirstLine(message string, cut func(string) string) string {
	first, _, more := strings.Cut(message, "\n")
	if first = story.Escape(cut(first)); more {
		first += " …"
	}
	return first
}

// More says in how many lines it is, and what stands under them; "" where it is one.
func (f *Finding) More() string {
	text := ""
	if len(f.Lines) > 1 {
		text = " · " + Plural(len(f.Lines), "line")
	}
	if f.Under > 0 {
		text += " · " + Plural(f.Under, "line") + " under it"
		if len(f.Lines) > 1 {
			text = strings.TrimSuffix(text, "it") + "them"
		}
	}
	return text
}

const (
	mostCallers = 3
	longCaller  = 40 // bytes
)

// Where says under which callers the first line of a finding stands, " · in A › B", and
// "" where it has none.
func (f *Finding) Where() string {
	var path []string
	for n := f.Line().Node().Parent; n != nil && !f.Several; n = n.Parent {
		if len(path) == mostCallers {
			path = append(path, "…")
			break
		}
		name, _, more := strings.Cut(n.Message, "\n")
		if len(name) > longCaller {
			name, more = strings.ToValidUTF8(name[:longCaller], ""), true
		}
		if name = story.Escape(name); more {
			name += "…"
		}
		path = append(path, name)
	}
	if len(path) == 0 {
		return ""
	}
	slices.Reverse(path)
	return " · in " + strings.Join(path, " › ")
}

// A Run is one line among siblings, or several in a row that need not be looked at.
type Run struct {
	Nodes   []*DiffNode
	Folded  bool
	Lines   int // with those under them
	Differs int // of these
}

// Runs returns the runs of siblings, each line one of its own if all is asked for.
func Runs(nodes []*DiffNode, all bool) []Run {
	var runs []Run
	for i, n := range nodes {
		folded := n.Told && !all
		if last := len(runs) - 1; folded && last >= 0 && runs[last].Folded {
			runs[last].Nodes = nodes[i-len(runs[last].Nodes) : i+1]
			runs[last].count(n)
			continue
		}
		run := Run{Nodes: nodes[i : i+1], Folded: folded}
		run.count(n)
		runs = append(runs, run)
	}
	return runs
}

func (r *Run) count(n *DiffNode) {
	under := n.Under.New + n.Under.Gone + n.Under.Changed + n.Under.Slower
	r.Lines += 1 + under + n.Under.Same
	r.Differs += under
	if n.Change != Same {
		r.Differs++
	}
}

// String says what is folded.
func (r Run) String() string {
	switch r.Differs {
	case 0:
		return Plural(r.Lines, "equal line")
	case r.Lines:
		return Plural(r.Lines, "line") + ", as told above"
	}
	return fmt.Sprintf("%s, %d of them as told above", Plural(r.Lines, "line"), r.Differs)
}

// Slow reports whether a value, by its index, is how long the line took.
func (d *DiffNode) Slow(value int) bool { return d.slower && value == len(d.Values)-1 }

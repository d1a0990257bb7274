package reading

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// Diff writes a difference: what is the same is folded, unless all is asked for.
func (p Printer) Diff(w io.Writer, d *Diff, all bool) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "was  %s  %s\n", d.Was.Story.Key, story.Escape(d.Was.Story.ID))
	fmt.Fprintf(out, "is   %s  %s\n%s\n\n", d.Is.Story.Key, story.Escape(d.Is.Story.ID), d.Changes)
	for i, nodes := range d.Lanes {
		if i > 0 {
			fmt.Fprintf(out, "\n%s\n", p.paint(Dim, "── "+d.Lane(nodes[0]).Title()))
		}
		p.diffSiblings(out, nodes, 0, all)
	}
	return out.Flush()
}

// Lane returns the lane that a line is in, in the story that [DiffNode.Node] is of.
func (d *Diff) Lane(n *DiffNode) *Lane {
	if n.Is == nil {
		return d.Was.Lane(n.Was)
	}
	return d.Is.Lane(n.Is)
}

// String says how many lines differ, and in what way.
func (c Changes) String() string {
	if c.Equal() {
		verb := " that differ"
		if c.Same == 1 {
			verb = " that differs"
		}
		return "equal: " + Plural(c.Same, "line") + verb + " in nothing but times and ids"
	}
	var parts []string
	for _, of := range []struct {
		n    int
		what Change
	}{{c.New, New}, {c.Gone, Gone}, {c.Changed, Changed}, {c.Slower, Slower}} {
		if of.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", of.n, of.what))
		}
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(", %d equal", c.Same)
}

var diffMarks = map[Change]struct {
	mark  string
	style Style
}{
	Same: {"  ", Dim}, New: {"+ ", Added}, Gone: {"- ", Removed}, Changed: {"~ ", Warning}, Slower: {"> ", Warning},
}

func (p Printer) diffSiblings(out *bufio.Writer, nodes []*DiffNode, depth int, all bool) {
	indent := strings.Repeat("  ", min(depth, mostIndent))
	calm := 0
	flush := func() {
		if calm > 0 {
			out.WriteString("  " + indent + p.paint(Dim, "… "+Plural(calm, "equal line")) + "\n")
		}
		calm = 0
	}
	for _, d := range nodes {
		if Failed(out) {
			return
		}
		if !all && d.Change == Same && d.Under.Equal() {
			calm += 1 + d.Under.Same
			continue
		}
		flush()
		n, mark := d.Node(), diffMarks[d.Change]
		first, further, more := strings.Cut(p.cut(n.Message), "\n")
		text := story.Escape(first)
		if word := LevelWord(n.Level); word != "" {
			text = word + " " + text
		}
		out.WriteString(p.paint(mark.style, mark.mark+indent+text))
		if n.Attrs != "" {
			out.WriteString("  " + p.paint(Dim, story.Escape(p.cut(n.Attrs))))
		}
		if n.Beyond > 0 {
			out.WriteString("  " + p.paint(Dim, "… "+BeyondText(n)))
		}
		out.WriteByte('\n')
		for more {
			var next string
			next, further, more = strings.Cut(further, "\n")
			out.WriteString(p.paint(mark.style, mark.mark+indent+"| "+story.Escape(next)) + "\n")
		}
		for _, value := range d.Values {
			value.Was, value.Is = p.cut(value.Was), p.cut(value.Is)
			out.WriteString("  " + indent + p.paint(Warning, "  "+value.String()) + "\n")
		}
		p.diffSiblings(out, d.Children, depth+1, all)
	}
	flush()
}

// String says how a value changed.
func (v Value) String() string {
	name := story.Escape(v.Name)
	switch {
	case v.Was == "":
		return name + " is new: " + story.Escape(v.Is)
	case v.Is == "":
		return name + " is gone: " + story.Escape(v.Was)
	}
	return name + ": " + story.Escape(v.Was) + " → " + story.Escape(v.Is)
}

package reading

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// Diff writes a difference: what differs in the headers, what was found in the lines,
// the most important first, and the lines in their places. What is the same or told
// above is folded, unless all is asked for.
func (p Printer) Diff(w io.Writer, d *Diff, all bool) error {
	out := &diffPrinter{Printer: p, out: bufio.NewWriter(w), diff: d, all: all}
	out.header()
	if ranked := d.Ranked(); len(ranked) > 0 {
		out.findings(ranked)
		out.title("in their places")
	}
	for i, nodes := range d.Lanes {
		if i > 0 {
			fmt.Fprintf(out.out, "\n%s\n", p.paint(Dim, "── "+d.Lane(nodes[0]).Title()))
		}
		out.siblings(nodes, 0)
	}
	return out.out.Flush()
}

// A diffPrinter writes one difference.
type diffPrinter struct {
	Printer
	out  *bufio.Writer
	diff *Diff
	all  bool
}

func (p *diffPrinter) header() {
	was, is := p.diff.Was.Story.Header, p.diff.Is.Story.Header
	key := max(len(was.Key.String()), len(is.Key.String()))
	for _, of := range []struct {
		word string
		h    story.Header
	}{{"was", was}, {"is", is}} {
		fmt.Fprintf(p.out, "%-3s  %-*s  %s  %s  %s\n", of.word, key, of.h.Key, story.Escape(of.h.ID), p.paint(levelStyle(of.h.MaxLevel), of.h.MaxLevel.String()), story.Escape(p.cut(of.h.Title)))
	}
	if unlike := p.diff.Unlike(); unlike != "" {
		p.out.WriteString(p.paint(Warning, unlike) + "\n" + p.better())
	}
	for _, value := range p.diff.Header {
		value.Was, value.Is = p.cut(value.Was), p.cut(value.Is)
		p.out.WriteString(p.paint(Warning, value.String()) + "\n")
	}
	if took := p.diff.Took(); took != "" {
		p.out.WriteString(took + "\n")
	}
	fmt.Fprintf(p.out, "%s\n\n", p.diff.Changes)
}

// better says with what to compare instead.
func (p *diffPrinter) better() string {
	switch is := p.diff.Is.Story.Header; {
	case p.diff.Better != nil:
		return "the last one like it without an error: dynamoslog diff --good " + story.ShortID(story.Escape(is.ID)) +
			", with " + p.diff.Better.Key.String() + " of " + When(p.diff.Better.Start, time.Now().In(p.zone())) + "\n"
	case p.diff.NoBetter != nil:
		return p.diff.NoBetter.Text(time.Now().In(p.zone())) + "\n"
	}
	return ""
}

// Took says how long the stories took, and how many times as long the later one; ""
// where both took the same.
func (d *Diff) Took() string {
	return TookText(d.Was.Story.Duration, d.Is.Story.Duration)
}

// TookText says from how long to how long, and how many times as long; "" where both
// are the same.
func TookText(was, is time.Duration) string {
	if was == is {
		return ""
	}
	text := "took " + Took(was) + " → " + Took(is)
	if factor := Factor(was, is); factor != "" {
		text += " (" + factor + ")"
	}
	return text
}

func (p *diffPrinter) title(text string) {
	p.out.WriteString("\n" + p.paint(Dim, "── "+text) + "\n")
}

// mostFindings is how many findings a terminal is told of.
const mostFindings = 40

func (p *diffPrinter) findings(all []*Finding) {
	for i, f := range all {
		if i == mostFindings && !p.all {
			p.out.WriteString(p.paint(Dim, fmt.Sprintf("… %d further, see below", len(all)-i)) + "\n")
			return
		}
		if Failed(p.out) {
			return
		}
		line := f.Line()
		p.numbers(line)
		mark := diffMarks[f.Change]
		text := f.Text(p.cut)
		if word := LevelWord(f.Level); word != "" {
			text = word + " " + text
		}
		p.out.WriteString(p.paint(mark.style, mark.mark+text))
		if alone := line.Was == nil || line.Is == nil; alone && line.Node().Attrs != "" && len(f.Lines) == 1 {
			p.out.WriteString("  " + p.paint(Dim, story.Escape(p.cut(line.Node().Attrs))))
		}
		p.out.WriteString(p.paint(Dim, f.More()+f.Of(p.cut)+f.Where()) + "\n")
	}
}

// numbers writes those of a line in both stories, each in a column of its own.
func (p *diffPrinter) numbers(d *DiffNode) {
	number := func(n *Node, of *Tree) string {
		width, text := len(strconv.Itoa(len(of.Nodes))), ""
		if n != nil {
			text = strconv.Itoa(n.Number)
		}
		return fmt.Sprintf("%*s ", width, text)
	}
	p.out.WriteString(p.paint(Dim, number(d.Was, p.diff.Was)+number(d.Is, p.diff.Is)))
}

func (p *diffPrinter) noNumbers() {
	for range len(strconv.Itoa(len(p.diff.Was.Nodes))) + len(strconv.Itoa(len(p.diff.Is.Nodes))) + 2 {
		p.out.WriteByte(' ')
	}
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

func (p *diffPrinter) siblings(nodes []*DiffNode, depth int) {
	indent := strings.Repeat("  ", min(depth, mostIndent))
	for _, run := range Runs(nodes, p.all) {
		if Failed(p.out) {
			return
		}
		if run.Folded {
			p.noNumbers()
			p.out.WriteString("  " + indent + p.paint(Dim, "… "+run.String()) + "\n")
			continue
		}
		p.line(run.Nodes[0], indent)
		p.siblings(run.Nodes[0].Children, depth+1)
	}
}

func (p *diffPrinter) line(d *DiffNode, indent string) {
	n, mark := d.Node(), diffMarks[d.Change]
	first, further, more := strings.Cut(p.cut(n.Message), "\n")
	text := story.Escape(first)
	if word := LevelWord(n.Level); word != "" {
		text = word + " " + text
	}
	p.numbers(d)
	p.out.WriteString(p.paint(mark.style, mark.mark+indent+text))
	for more {
		var next string
		next, further, more = strings.Cut(further, "\n")
		p.out.WriteByte('\n')
		p.noNumbers()
		p.out.WriteString(p.paint(mark.style, mark.mark+indent+"| "+story.Escape(next)))
	}
	if n.Attrs != "" {
		p.out.WriteString("  " + p.paint(Dim, story.Escape(p.cut(n.Attrs))))
	}
	if n.Beyond > 0 {
		p.out.WriteString("  " + p.paint(Dim, "… "+BeyondText(n)))
	}
	p.out.WriteByte('\n')
	for i, value := range d.Values {
		value.Was, value.Is = p.cut(value.Was), p.cut(value.Is)
		text := value.String()
		if d.Slow(i) {
			text = TookText(d.Was.Took, d.Is.Took)
		}
		p.noNumbers()
		p.out.WriteString("  " + indent + p.paint(Warning, "  "+text) + "\n")
	}
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
	return name + " " + story.Escape(v.Was) + " → " + story.Escape(v.Is)
}

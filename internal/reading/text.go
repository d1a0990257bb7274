package reading

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Style says what a piece of text is, so that a terminal can colour it.
type Style int

// The styles.
const (
	Plain Style = iota
	Dim
	Warning
	Error
	Added
	Removed
	Found // what a filter found
)

// A Printer writes stories as text. Everything in them is escaped, so that it can
// go to a terminal.
type Printer struct {
	Paint func(Style, string) string // nil leaves the text as it is
	Zone  *time.Location             // of times of day; UTC if nil
	Most  int                        // bytes of a message or a value that are shown; all if 0

	Numbers bool // of the lines, before them
}

// cut cuts a text of which only the beginning is shown, and says how long it is.
func (p Printer) cut(s string) string {
	if p.Most == 0 || len(s) <= p.Most {
		return s
	}
	end := p.Most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:end], len(s))
}

func (p Printer) paint(style Style, s string) string {
	if p.Paint == nil || s == "" {
		return s
	}
	return p.Paint(style, s)
}

func (p Printer) zone() *time.Location {
	if p.Zone == nil {
		return time.UTC
	}
	return p.Zone
}

// Story writes a story's facts and its lines.
func (p Printer) Story(w io.Writer, t *Tree, v View) error {
	out := bufio.NewWriter(w)
	p.facts(out, t.Story.Header)
	p.lines(out, t, v)
	return out.Flush()
}

// Lines writes a story's lines alone.
func (p Printer) Lines(w io.Writer, t *Tree, v View) error {
	out := bufio.NewWriter(w)
	p.lines(out, t, v)
	return out.Flush()
}

func (p Printer) lines(out *bufio.Writer, t *Tree, v View) {
	lines := &linePrinter{Printer: p, out: out, tree: t, view: v, timeWidth: t.timeWidth(v.Times)}
	if p.Numbers {
		lines.numberWidth = len(strconv.Itoa(len(t.Nodes))) + 1
	}
	matches := v.Apply(t)
	switch {
	case v.Active():
		fmt.Fprintf(out, "%s\n\n", p.paint(Dim, fmt.Sprintf("%d of %s, and their callers", matches, Plural(len(t.Nodes), "line"))))
	case !v.Each && !v.ByTime(t):
		lines.shapes = t.Shapes()
	}
	lines.story()
}

func (p Printer) facts(out *bufio.Writer, h story.Header) {
	fmt.Fprintf(out, "%s  %s  %s  %s  %s  %s\n", h.Key, h.Start.In(p.zone()).Format("2006-01-02 15:04:05 MST"),
		Took(h.Duration), Plural(h.LineCount, "line"), StateText(h.State), story.Escape(h.ID))
	attrs := OwnAttrs(h)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		fmt.Fprintf(out, "  %s: %s\n", story.Escape(name), story.Escape(attrs[name]))
	}
	out.WriteByte('\n')
}

// A linePrinter writes the lines of one story.
type linePrinter struct {
	Printer
	out    *bufio.Writer
	tree   *Tree
	view   View
	shapes []uint64 // nil where repeats are not merged

	timeWidth   int
	numberWidth int
	labelWidth  int    // of the labels of lanes; 0 where each has its lines for itself
	label       string // that stands before the next line
}

func (p *linePrinter) siblings(nodes []*Node) {
	groups := Single(nodes)
	if p.shapes != nil {
		groups = Groups(nodes, p.shapes)
	}
	for _, g := range groups {
		if Failed(p.out) {
			return
		}
		for i, n := range g.Once {
			if !n.Keep {
				continue
			}
			p.line(n)
			if i == 0 && g.Times > 1 {
				p.out.WriteString(p.paint(Found, fmt.Sprintf("  ×%d", g.Times)))
			}
			p.under(n)
		}
		if g.Times > 1 && len(g.Once) > 1 {
			p.note(g.Once[0], fmt.Sprintf("these %s ×%d", Plural(len(g.Once), "line"), g.Times))
		}
		if !g.Under.Calm() {
			p.note(g.Once[0], "repeats hold "+Summary(g.Under))
		}
	}
}

// under ends a line, and writes what is under it.
func (p *linePrinter) under(n *Node) {
	folded := len(n.Children) > 0 && p.view.Folded(p.tree, n)
	if folded {
		p.out.WriteString("  " + p.paint(Dim, "… "+Summary(n.Under)))
	}
	p.further(n)
	if !folded {
		p.siblings(n.Children)
	}
}

// note writes what is not shown of the lines from n on.
func (p *linePrinter) note(n *Node, text string) {
	p.pad(p.numberWidth + p.timeWidth + p.labelWidth)
	p.indent(n)
	p.out.WriteString(p.paint(Dim, "… "+text) + "\n")
}

func (p *linePrinter) pad(width int) {
	for range width {
		p.out.WriteByte(' ')
	}
}

func (p *linePrinter) line(n *Node) {
	if p.Numbers {
		p.out.WriteString(p.paint(Dim, fmt.Sprintf("%*d ", p.numberWidth-1, n.Number)))
	}
	at := p.tree.TimeText(n, p.view.Times, p.zone())
	p.out.WriteString(p.paint(Dim, at))
	p.pad(p.timeWidth - len(at))
	if p.labelWidth > 0 {
		p.out.WriteString(p.paint(Dim, p.label))
		p.pad(p.labelWidth - utf8.RuneCountInString(p.label))
	}
	p.indent(n)
	if word := LevelWord(n.Level); word != "" {
		p.out.WriteString(p.paint(levelStyle(n.Level), word) + " ")
	}
	first, _, _ := strings.Cut(p.cut(n.Message), "\n")
	style := Plain
	if p.view.Active() && n.Match {
		style = Found
	}
	p.out.WriteString(p.paint(style, story.Escape(first)))
	if n.Attrs != "" {
		p.out.WriteString("  " + p.paint(Dim, story.Escape(p.attrsInLine(n.Attrs))))
	}
	if n.Slow {
		p.out.WriteString("  " + p.paint(Warning, "after "+n.Step.String()))
	}
	if n.Beyond > 0 && !p.view.Stored {
		p.out.WriteString("  " + p.paint(Dim, "… "+BeyondText(n)))
	}
}

// BeyondText says that a line is deeper than it is shown.
func BeyondText(n *Node) string { return Plural(n.Beyond, "caller") + " deeper than is shown" }

// attrsInLine returns attributes without values of several lines, which stand below.
func (p Printer) attrsInLine(attrs string) string {
	if !strings.Contains(attrs, `\n`) && (p.Most == 0 || len(attrs) <= p.Most) {
		return attrs
	}
	var texts []string
	for a := range AttrTexts(attrs) {
		switch {
		case a.Name == "":
			texts = append(texts, p.cut(a.Text))
		case strings.Contains(a.Value, "\n"):
			texts = append(texts, a.Name+"=…")
		default:
			texts = append(texts, a.Name+"="+p.cut(a.Text))
		}
	}
	return strings.Join(texts, " ")
}

// further ends a line, and writes the others of a message, and values of several lines.
func (p *linePrinter) further(n *Node) {
	p.out.WriteByte('\n')
	if _, further, more := strings.Cut(p.cut(n.Message), "\n"); more {
		p.block(n, further)
	}
	if !strings.Contains(n.Attrs, `\n`) {
		return
	}
	for a := range AttrTexts(n.Attrs) {
		if a.Name != "" && strings.Contains(a.Value, "\n") {
			p.block(n, a.Name+":\n"+p.cut(strings.TrimSuffix(a.Value, "\n")))
		}
	}
}

// block writes lines that belong to one of the story. A tab would leave the indent.
func (p *linePrinter) block(n *Node, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		p.pad(p.numberWidth + p.timeWidth + p.labelWidth)
		p.indent(n)
		p.out.WriteString("| " + story.Escape(strings.ReplaceAll(line, "\t", "    ")) + "\n")
	}
}

func (p *linePrinter) indent(n *Node) {
	depth := n.Depth
	if p.view.Stored {
		depth = n.Stored
	}
	p.pad(2 * min(depth, mostIndent))
}

// mostIndent bounds the indent, in steps, so that no story leaves the page.
const mostIndent = 40

// TimeText writes a line's time.
func (t *Tree) TimeText(n *Node, times Times, zone *time.Location) string {
	switch times {
	case SincePrevious:
		return seconds(n.Step)
	case TimeOfDay:
		return t.Time(n).In(zone).Format("15:04:05.000")
	}
	return seconds(n.Offset)
}

func seconds(d time.Duration) string {
	text := make([]byte, 1, 16)
	text[0] = '+'
	if d < 0 {
		text[0] = '-'
	}
	return string(strconv.AppendFloat(text, d.Abs().Seconds(), 'f', 3, 64))
}

// timeWidth returns how wide a story's times are, with the space after them.
func (t *Tree) timeWidth(times Times) int {
	if times == TimeOfDay {
		return len("15:04:05.000  ")
	}
	var least, most time.Duration
	for i := range t.Nodes {
		at := t.Nodes[i].Offset
		if times == SincePrevious {
			at = t.Nodes[i].Step
		}
		least, most = min(least, at), max(most, at)
	}
	return max(len("+0.000   "), len(seconds(least))+2, len(seconds(most))+2)
}

// LevelWord returns the level's name where it says anything: not for what is
// ordinary, debug and info.
func LevelWord(level slog.Level) string {
	if level == slog.LevelDebug || level == slog.LevelInfo {
		return ""
	}
	return level.String()
}

func levelStyle(level slog.Level) Style {
	switch {
	case level >= slog.LevelError:
		return Error
	case level >= slog.LevelWarn:
		return Warning
	}
	return Plain
}

// StateText says what a state means for who reads the story. It begins with the
// state's own word, which lists, JSON and the stores have.
func StateText(state story.State) string {
	switch state {
	case story.Sealed:
		return "sealed"
	case story.Open:
		return "open: not ended yet"
	case story.Interrupted:
		return "interrupted: the program ended before it"
	case story.Abandoned:
		return "abandoned: End was not called"
	case story.Closed:
		return "closed: the handler was closed before it ended"
	case story.Continued:
		return "continued: goes on in the next story"
	case story.Moved:
		return "moved: goes on under another key"
	}
	return story.Escape(string(state))
}

// Summary says what is folded away: "14 lines, 1 error".
func Summary(c Counts) string {
	text := Plural(c.Lines, "line")
	if c.Errors > 0 {
		text += ", " + Plural(c.Errors, "error")
	}
	if c.Warnings > 0 {
		text += ", " + Plural(c.Warnings, "warning")
	}
	return text
}

// Plural writes a number with its noun.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

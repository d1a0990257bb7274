package reading

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
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
	// Width is that of the terminal, in columns: what is longer goes on in the next row, under
	// its beginning, and from [WideTerminal] on stands beside a branch how long it took. 0 is
	// no terminal: all stands in one row.
	Width int

	Numbers bool // of the lines, before them
}

// WideTerminal is from which width on a terminal has room for pictures.
const WideTerminal = 100

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

// Story writes a story's facts, why it went wrong, and its lines.
func (p Printer) Story(w io.Writer, t *Tree, v View) error {
	lines := p.of(w, t, v)
	lines.facts(t.Story.Header)
	if !v.Active() {
		lines.cause()
	}
	lines.all()
	return lines.out.Flush()
}

// Lines writes a story's lines alone.
func (p Printer) Lines(w io.Writer, t *Tree, v View) error {
	lines := p.of(w, t, v)
	lines.all()
	return lines.out.Flush()
}

// of returns a printer of a story's lines.
func (p Printer) of(w io.Writer, t *Tree, v View) *linePrinter {
	lines := &linePrinter{
		Printer: p, rowPrinter: rowPrinter{out: bufio.NewWriter(w), width: p.Width, paint: p.paint},
		tree: t, view: v, timeWidth: t.timeWidth(v.Times), bars: p.Width >= WideTerminal,
	}
	if p.Numbers {
		lines.numberWidth = len(strconv.Itoa(len(t.Nodes))) + 1
	}
	return lines
}

// all writes the lines that the view selects.
func (p *linePrinter) all() {
	matches := p.view.Apply(p.tree)
	switch {
	case p.view.Active():
		fmt.Fprintf(p.out, "%s\n\n", p.Printer.paint(Dim, fmt.Sprintf("%d of %s, and their callers", matches, Plural(len(p.tree.Nodes), "line"))))
	case !p.view.Each && !p.view.ByTime(p.tree):
		p.shapes = p.tree.Shapes()
	}
	p.story()
	p.claim()
}

// A linePrinter writes the lines of one story.
type linePrinter struct {
	Printer
	rowPrinter
	tree   *Tree
	view   View
	shapes []uint64 // nil where repeats are not merged

	bars        bool // whether it is drawn how long branches took
	timeWidth   int
	numberWidth int
	labelWidth  int    // of the labels of lanes; 0 where each has its lines for itself
	label       string // that stands before the next line
	called      bool   // whether a story was written that a line has called
}

func (p *linePrinter) siblings(nodes []*Node) {
	var g Group
	for len(nodes) > 0 {
		g, nodes = NextGroup(nodes, p.shapes)
		if Failed(p.out) {
			return
		}
		for i, n := range g.Once {
			if !n.Keep {
				continue
			}
			pieces := p.pieces(n)
			if i == 0 && g.Times > 1 {
				pieces = append(pieces, piece{Found, "  " + g.times()})
			}
			p.branch(n, pieces)
		}
		if g.Times > 1 && len(g.Once) > 1 {
			p.note(g.Once[0], "these "+Plural(len(g.Once), "line")+" "+g.times())
		}
		if !g.Under.Calm() {
			p.note(g.Once[0], "repeats hold "+Summary(g.Under))
		}
	}
}

// branch writes a line, and what is under it.
func (p *linePrinter) branch(n *Node, pieces []piece) {
	folded := len(n.Children) > 0 && p.view.Folded(p.tree, n)
	if folded {
		pieces = append(pieces, piece{Dim, "  … " + Summary(n.Under)})
	}
	p.line(n, pieces)
	p.calls(n)
	if !folded {
		p.siblings(n.Children)
	}
}

// note writes what is not shown of the lines from n on.
func (p *linePrinter) note(n *Node, text string) {
	at := p.start(n)
	p.pad(at)
	p.flow(at, at+2, piece{Dim, "… " + text})
	p.end()
}

// start returns the column at which a line's text begins, and leaves it room on the terminal.
func (p *linePrinter) start(n *Node) int {
	depth := n.Depth
	if p.view.Stored {
		depth = n.Stored
	}
	before := p.numberWidth + p.timeWidth + p.labelWidth
	at := before + 2*min(depth, mostIndent)
	if p.width > 0 {
		at = max(min(at, p.width-leastText), min(before, p.width/2))
	}
	return at
}

// mostIndent bounds the indent, in steps, so that no story leaves the page.
const mostIndent = 40

// leastText is how many columns of a terminal no indent takes away.
const leastText = 24

// line writes a line with what is before it, and the further lines of its message and of
// its values.
func (p *linePrinter) line(n *Node, pieces []piece) {
	at := p.start(n)
	col := 0
	write := func(width int, text string) {
		p.write(Dim, text)
		p.pad(width - Width(text))
		col += width
	}
	if p.Numbers {
		write(p.numberWidth, fmt.Sprintf("%*d", p.numberWidth-1, n.Number))
	}
	write(p.timeWidth, p.tree.TimeText(n, p.view.Times, p.zone()))
	if p.labelWidth > 0 {
		write(p.labelWidth, p.label)
	}
	p.pad(at - col)
	if p.right = p.tookBar(n); p.right != "" {
		p.width -= barWidth
	}
	p.flow(at, at+2, pieces...)
	p.end()
	p.width = p.Width
	p.further(n)
}

// pieces returns a line's first row, without what is before it.
func (p *linePrinter) pieces(n *Node) (pieces []piece) {
	add := func(style Style, text string) { pieces = append(pieces, piece{style, text}) }
	if word := LevelWord(n.Level); word != "" {
		add(levelStyle(n.Level), word+" ")
	}
	first, _, several := strings.Cut(p.cut(n.Message), "\n")
	style := Plain
	if p.view.Active() && n.Match {
		style = Found
	}
	add(style, story.Escape(first))
	if !several {
		pieces = append(pieces, p.attrs(n)...)
	}
	if n.Slow {
		add(Warning, "  after "+n.Step.String())
	}
	if n.Beyond > 0 && !p.view.Stored {
		add(Dim, "  … "+BeyondText(n))
	}
	return pieces
}

// BeyondText says that a line is deeper than it is shown.
func BeyondText(n *Node) string { return Plural(n.Beyond, "caller") + " deeper than is shown" }

// attrs returns a line's attributes, without values of several lines, which stand below. Of
// a line that is bad the error is not dimmed.
func (p *linePrinter) attrs(n *Node) (pieces []piece) {
	for a := range AttrTexts(n.Attrs) {
		text := attrGap
		if a.Name != "" {
			text += a.Name + "="
		}
		style := Dim
		if name := a.Name[strings.LastIndexByte(a.Name, '.')+1:]; n.Level >= slog.LevelWarn && (name == "err" || name == "error") {
			style = levelStyle(n.Level)
		}
		if a.Name != "" && strings.Contains(a.Value, "\n") {
			text += "…"
		} else {
			text += p.cut(a.Shown())
		}
		pieces = append(pieces, piece{style, story.Escape(text)})
	}
	return pieces
}

// further writes the further lines of a message, with the attributes behind its last, and
// values of several lines.
func (p *linePrinter) further(n *Node) {
	if _, further, more := strings.Cut(p.cut(n.Message), "\n"); more {
		p.block(n, further, p.attrs(n)...)
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

// block writes lines that belong to one of the story, and something behind the last. A tab
// would leave the indent.
func (p *linePrinter) block(n *Node, text string, behind ...piece) {
	at := p.start(n)
	for {
		line, rest, more := strings.Cut(text, "\n")
		pieces := []piece{{Plain, "| " + story.Escape(strings.ReplaceAll(line, "\t", "    "))}}
		if !more {
			pieces = append(pieces, behind...)
		}
		p.pad(at)
		p.flow(at, at+4, pieces...)
		p.end()
		if text = rest; !more {
			return
		}
	}
}

// TimeText writes a line's time.
func (t *Tree) TimeText(n *Node, times Times, zone *time.Location) string {
	return string(t.AppendTime(nil, n, times, zone))
}

// AppendTime appends what [Tree.TimeText] writes.
func (t *Tree) AppendTime(dst []byte, n *Node, times Times, zone *time.Location) []byte {
	switch times {
	case SincePrevious:
		return appendSeconds(dst, n.Step)
	case TimeOfDay:
		return t.Time(n).In(zone).AppendFormat(dst, "15:04:05.000")
	}
	return appendSeconds(dst, n.Offset)
}

func seconds(d time.Duration) string { return string(appendSeconds(nil, d)) }

func appendSeconds(dst []byte, d time.Duration) []byte {
	sign := byte('+')
	if d < 0 {
		sign = '-'
	}
	dst = append(dst, sign)
	if d%time.Millisecond != 0 {
		return strconv.AppendFloat(dst, d.Abs().Seconds(), 'f', 3, 64)
	}
	ms := d.Abs().Milliseconds()
	dst = strconv.AppendInt(dst, ms/1000, 10)
	ms %= 1000
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
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

// Unfinished reports whether a story may lack its end.
func Unfinished(state story.State) bool {
	return state == story.Open || state == story.Interrupted || state == story.Abandoned
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
func Summary(c Counts) string { return string(AppendSummary(nil, c)) }

// AppendSummary appends what [Summary] says.
func AppendSummary(dst []byte, c Counts) []byte {
	dst = appendPlural(dst, c.Lines, "line")
	if c.Errors > 0 {
		dst = appendPlural(append(dst, ", "...), c.Errors, "error")
	}
	if c.Warnings > 0 {
		dst = appendPlural(append(dst, ", "...), c.Warnings, "warning")
	}
	return dst
}

// Plural writes a number with its noun.
func Plural(n int, noun string) string { return string(appendPlural(nil, n, noun)) }

func appendPlural(dst []byte, n int, noun string) []byte {
	dst = append(append(strconv.AppendInt(dst, int64(n), 10), ' '), noun...)
	if n != 1 {
		dst = append(dst, 's')
	}
	return dst
}

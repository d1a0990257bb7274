package reading

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// facts writes what a header says, in two rows: of the attributes, where what is long is
// cut, those for which there is room.
func (p *linePrinter) facts(h story.Header) {
	id := h.ID
	if p.Width > 0 {
		id = story.ShortID(id)
	}
	texts := []string{h.Key.String(), h.Start.In(p.zone()).Format("2006-01-02 15:04:05 MST"), Took(h.Duration), Plural(h.LineCount, "line")}
	if h.State != story.Sealed {
		texts = append(texts, StateText(h.State))
	}
	p.flow(0, 2, piece{Plain, strings.Join(append(texts, story.Escape(id)), "  ")})
	p.end()
	attrs := OwnAttrs(h)
	names := factNames(attrs)
	if len(names) > 0 {
		p.pad(2)
		p.flow(2, 2, p.attrPieces(names, attrs)...)
		p.end()
	}
	p.end()
}

// attrPieces returns attributes of a header.
func (p *linePrinter) attrPieces(names []string, attrs map[string]string) (pieces []piece) {
	used := 2
	for i, name := range names {
		text := story.Escape(name + "=" + shownValue(attrs[name]))
		if i > 0 {
			text = attrGap + text
		}
		used += Width(text)
		left := fmt.Sprintf("  … %d more", len(names)-i)
		if over := used + len("  … 99 more"); p.Width > 0 && p.Most > 0 && over > p.Width && (i < len(names)-1 || used > p.Width) {
			if i == 0 {
				return []piece{{Plain, CutWidth(text, p.Width-2)}}
			}
			return append(pieces, piece{Dim, left})
		}
		pieces = append(pieces, piece{Plain, text})
	}
	return pieces
}

// shownValue returns a value as [AttrText.Shown] does, quoted where else it is not seen where
// it ends.
func shownValue(value string) string {
	quoted := strconv.Quote(value)
	return AttrText{Text: quoted, Value: value}.Shown()
}

// What of a header's attributes is of interest first, and last.
var (
	firstFacts = []string{"status", "route", "path"}
	lastFacts  = []string{"method", "bytes", "client", "user_agent", "request_id", "trace_id", "parent_span"}
)

// factNames returns the names of a header's attributes in the order of their interest.
func factNames(attrs map[string]string) []string {
	rank := func(name string) int {
		if i := slices.Index(firstFacts, name); i >= 0 {
			return i - len(firstFacts)
		}
		return slices.Index(lastFacts, name) + 1
	}
	names := slices.Sorted(maps.Keys(attrs))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// cause writes why a story went wrong: the first line at the highest level, and its callers.
func (p *linePrinter) cause() {
	n := p.tree.Worst()
	if n == nil {
		return
	}
	text := p.tree.Story.Cause
	if text == "" {
		text = n.Line.Cause()
	}
	p.flow(0, 2, piece{levelStyle(n.Level), LevelWord(n.Level) + " "}, piece{Plain, story.Escape(text)})
	p.end()
	times := p.view.Times
	if times == SincePrevious { // which says nothing of where in the story it is
		times = SinceStart
	}
	where := ""
	for _, above := range slices.Backward(p.tree.Path(n.Number)[1:]) {
		where += above.Begin() + " › "
	}
	p.pad(2)
	p.flow(2, 4, piece{Dim, fmt.Sprintf("%sline %d, %s", where, n.Number, p.tree.TimeText(n, times, p.zone()))})
	p.end()
	p.end()
}

// Worst returns the first line at the highest level, from a warning on, or nil.
func (t *Tree) Worst() (worst *Node) {
	level := slog.LevelWarn - 1
	for i := range t.Nodes {
		if n := &t.Nodes[i]; n.Level > level {
			worst, level = n, n.Level
		}
	}
	return worst
}

const (
	barCells = 12
	barWidth = len("  123456 ") + barCells
)

// tookBar returns how long a branch took, as text and as a share of its story.
func (p *linePrinter) tookBar(n *Node) string {
	all := p.tree.Story.Duration
	if last := len(p.tree.Nodes); last > 0 {
		all = max(all, p.tree.Nodes[last-1].Offset)
	}
	if !p.bars || len(n.Children) == 0 || n.Took < time.Millisecond {
		return ""
	}
	took := TookShort(n.Took)
	took = strings.Repeat(" ", max(len("  123456")-Width(took), 0)) + took
	return p.Printer.paint(Dim, took+" "+Bar(n.Took.Seconds()/all.Seconds(), barCells))
}

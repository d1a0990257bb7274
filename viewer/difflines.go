package viewer

import (
	"html"
	"log/slog"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A diffWriter writes the lines of a difference as nested lists.
type diffWriter struct {
	strings.Builder
	*reading.Diff
	all     bool // also those that are equal
	left    int  // lines that did not go into the page any more
	was, is string
}

func newDiffWriter(d *reading.Diff, all bool) *diffWriter {
	to := func(h story.Header) string {
		return html.EscapeString(link("story", storyValues(h.Key, h.ID)) + "&at=")
	}
	return &diffWriter{Diff: d, all: all, was: to(d.Was.Story.Header), is: to(d.Is.Story.Header)}
}

// mostDiff is how large a page of a difference becomes, in bytes.
const mostDiff = 16 << 20

// mostFindings is how many findings stand above the lines.
const mostFindings = 200

// findings writes what was found, the most important first.
func (w *diffWriter) findings(all []*reading.Finding) {
	w.WriteString("<h2>What changed, the most important first</h2>\n<ol class=\"findings\">\n")
	for i, f := range all {
		if i == mostFindings || w.Len() > mostDiff/4 {
			w.WriteString(`<li class="equal d0"><div class="r">… ` + strconv.Itoa(len(all)-i) + " further, in their places below</div></li>\n")
			break
		}
		w.finding(f)
	}
	w.WriteString("</ol>\n<h2>In their places</h2>\n")
}

func (w *diffWriter) finding(f *reading.Finding) {
	line := f.Line()
	w.open(f.Change, f.Level, 0)
	w.numbers(line)
	w.WriteString(`<div class="r">`)
	w.word(f.Change, f.Level)
	switch f.Change {
	case reading.Changed:
		w.WriteString(`<span class="values">`)
		for i, value := range f.Values {
			if i > 0 {
				w.WriteString(", ")
			}
			text := valueHTML(value)
			if both := value.Was != "" && value.Is != ""; i > 0 && both {
				_, text, _ = strings.Cut(text, " ") // without the name
			}
			w.WriteString(text)
		}
		if len(f.Values) > 1 && len(f.Lines) > len(f.Values) {
			w.WriteString(", …")
		}
		w.WriteString(`</span>`)
	case reading.Slower:
		w.WriteString(`<span class="m">` + html.EscapeString(reading.FirstLine(line.Node().Message, shortText)) + `</span> <span class="values">`)
		w.WriteString(html.EscapeString(reading.TookText(f.Slowdown())) + `</span>`)
	default:
		w.WriteString(`<span class="m">` + html.EscapeString(reading.FirstLine(line.Node().Message, shortText)) + `</span>`)
		if len(f.Lines) == 1 {
			w.attrs(line.Node())
		}
	}
	w.WriteString(`<span class="where">` + html.EscapeString(f.More()+f.Of(shortText)+f.Where()) + "</span></div></li>\n")
}

func shortText(s string) string {
	if head, rest := cut(s, longValue); rest {
		return head + "…"
	}
	return s
}

// lanes writes the lines in their places.
func (w *diffWriter) lanes() {
	for _, lane := range w.Lanes {
		if w.full(lane...) {
			continue
		}
		if of := w.Lane(lane[0]); of.Number > 0 || of.Name != "" {
			name, number := laneTitle(*of)
			w.WriteString("<h2>" + html.EscapeString(name))
			if number != "" {
				w.WriteString(" <small>" + number + "</small>")
			}
			w.WriteString("</h2>\n")
		}
		w.list(lane, 0)
	}
}

// text writes a text of a story, or its beginning.
func (w *diffWriter) text(s string, most int) {
	head, rest := cut(s, most)
	w.WriteString(html.EscapeString(escapeLines(head)))
	if rest {
		w.WriteString("…")
	}
}

func (w *diffWriter) list(nodes []*reading.DiffNode, depth int) {
	w.WriteString("<ol>\n")
	for _, run := range reading.Runs(nodes, w.all) {
		switch {
		case run.Folded && run.Differs > 0 && !w.full(run.Nodes...):
			w.WriteString(`<li class="equal d` + strconv.Itoa(min(depth, deepest)) + `"><details><summary class="r">` + run.String() + "</summary>\n<ol>\n")
			for _, d := range run.Nodes {
				if !w.full(d) {
					w.node(d, depth)
				}
			}
			w.WriteString("</ol>\n</details></li>\n")
		case run.Folded && run.Differs == 0:
			w.WriteString(`<li class="equal d` + strconv.Itoa(min(depth, deepest)) + `"><div class="r">… ` + run.String() + "</div></li>\n")
		case !run.Folded && !w.full(run.Nodes[0]):
			w.node(run.Nodes[0], depth)
		}
	}
	w.WriteString("</ol>\n")
}

// full reports whether the page is large enough, and counts what is left out then.
func (w *diffWriter) full(nodes ...*reading.DiffNode) bool {
	if w.Len() <= mostDiff {
		return false
	}
	for _, d := range nodes {
		w.left += 1 + d.Under.Lines()
	}
	return true
}

// open begins a line.
func (w *diffWriter) open(change reading.Change, level slog.Level, depth int) {
	w.WriteString(`<li class="`)
	if change != reading.Same {
		w.WriteString("change " + string(change) + " ")
		if class := levelClass(level); level >= slog.LevelWarn {
			w.WriteString(class + " ")
		}
	}
	w.WriteString("d" + strconv.Itoa(min(depth, deepest)) + `">`)
}

func (w *diffWriter) node(d *reading.DiffNode, depth int) {
	n := d.Node()
	w.open(d.Change, d.Level(), depth)
	w.numbers(d)
	if len(d.Children) == 0 {
		w.WriteString(`<div class="r">`)
		w.row(d, n)
		w.WriteString("</div></li>\n")
		return
	}
	if w.unfolded(d) {
		w.WriteString(`<details open><summary class="r">`)
	} else {
		w.WriteString(`<details><summary class="r">`)
	}
	w.row(d, n)
	w.WriteString(`</summary>`)
	w.list(d.Children, depth+1)
	w.WriteString("</details></li>\n")
}

// unfolded reports whether a branch is open at first: where something under it is to be
// looked at, and of one that is new or gone where something went wrong in it.
func (w *diffWriter) unfolded(d *reading.DiffNode) bool {
	if d.Was == nil || d.Is == nil {
		return w.all || !d.Node().Under.Calm()
	}
	return w.all || !d.Under.Equal()
}

func (w *diffWriter) row(d *reading.DiffNode, n *reading.Node) {
	w.word(d.Change, n.Level)
	w.WriteString(`<span class="m">`)
	w.text(n.Message, longMessage)
	w.WriteString(`</span>`)
	w.attrs(n)
	if len(d.Children) > 0 {
		w.WriteString(` <span class="f">` + reading.Plural(d.Under.Lines(), "line") + `</span>`)
	}
	if n.Beyond > 0 {
		w.WriteString(` <span class="f">` + reading.BeyondText(n) + `</span>`)
	}
	for i, value := range d.Values {
		w.WriteString(`<span class="value">`)
		switch {
		case i == mostAttrs:
			w.WriteString("… " + reading.Plural(len(d.Values)-i, "further value"))
		case d.Slow(i):
			w.WriteString(html.EscapeString(reading.TookText(d.Was.Took, d.Is.Took)))
		default:
			w.WriteString(valueHTML(value))
		}
		w.WriteString(`</span>`)
		if i == mostAttrs {
			break
		}
	}
}

// word begins the row of a line with what became of it.
func (w *diffWriter) word(change reading.Change, level slog.Level) {
	w.WriteString(`<span class="t">` + string(change) + ` </span>`)
	if word := reading.LevelWord(level); word != "" {
		w.WriteString(`<b class="` + levelClass(level) + `">` + html.EscapeString(word) + `</b> `)
	}
}

func (w *diffWriter) attrs(n *reading.Node) {
	if n.Attrs == "" {
		return
	}
	w.WriteString(`  <span class="a">`)
	left := longMessage
	for a := range reading.AttrTexts(n.Attrs) {
		if left < longMessage {
			w.WriteByte(' ')
		}
		if left -= len(a.Name) + len(a.Text) + 1; left < 0 {
			w.WriteString("…")
			break
		}
		if a.Name != "" {
			w.WriteString("<i>" + html.EscapeString(story.Escape(a.Name)) + "=</i>")
		}
		if strings.Contains(a.Value, `"`) { // whose backslashes nobody wants to read
			a.Text = a.Value
		}
		w.text(a.Text, longValue)
	}
	w.WriteString(`</span>`)
}

// numbers writes those of a line in both stories, each in a column of its own, which
// lead to it there.
func (w *diffWriter) numbers(d *reading.DiffNode) {
	for _, side := range []struct {
		n         *reading.Node
		to, class string
	}{{d.Was, w.was, "n"}, {d.Is, w.is, "n is"}} {
		if side.n == nil {
			continue
		}
		number := strconv.Itoa(side.n.Number)
		w.WriteString(`<a class="` + side.class + `" href="` + side.to + number + "#L" + number + `">` + number + `</a>`)
	}
}

package viewer

import (
	"html"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// diffPage shows the difference of two stories of one object.
type diffPage struct {
	*reading.Diff
	Key       story.Key
	Lines     template.HTML
	Left      int    // lines that are not in the page because it is large enough
	All, Less string // links to the view with the equal lines, and without
	Before    string // links to other comparisons
	Good      string
}

// diff compares a story with the one before it, with the last without an error,
// or with one that is named.
func (v *viewer) diff(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	key, err := story.ParseKey(values.Get("key"))
	if err != nil {
		return err
	}
	if values.Get("is") == "" {
		return v.toLatest(w, r, "diff", key, "is")
	}
	d, err := reading.Compare(r.Context(), v.store, reading.Pair{
		Key: key, Was: values.Get("was"), Is: values.Get("is"), Good: values.Get("good") != "",
	})
	if err != nil {
		return err
	}
	before := with(values, "was", "", "good", "")
	p := &diffPage{
		Diff: d, Key: key, All: link("diff", with(values, "all", "1")),
		Before: link("diff", before), Good: link("diff", with(before, "good", "1")),
	}
	if values.Get("all") != "" {
		p.All, p.Less = "", link("diff", with(values, "all", ""))
	}
	lines := &diffWriter{Diff: d, all: p.Less != ""}
	for _, lane := range d.Lanes {
		if lines.full(lane...) {
			continue
		}
		if of := d.Lane(lane[0]); of.Number > 0 || of.Name != "" {
			name, number := laneTitle(*of)
			lines.WriteString("<h2>" + html.EscapeString(name))
			if number != "" {
				lines.WriteString(" <small>" + number + "</small>")
			}
			lines.WriteString("</h2>\n")
		}
		lines.list(lane, 0)
	}
	p.Lines, p.Left = template.HTML(lines.String()), lines.left
	return v.render(w, http.StatusOK, "diff.html", p)
}

// A diffWriter writes the lines of a difference as nested lists.
type diffWriter struct {
	strings.Builder
	*reading.Diff
	all  bool // also those that are equal
	left int  // lines that did not go into the page any more
}

// mostDiff is how large a page of a difference becomes, in bytes.
const mostDiff = 16 << 20

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
	equal := 0
	flush := func() {
		if equal > 0 {
			w.WriteString(`<li class="equal d` + strconv.Itoa(min(depth, deepest)) + `"><div class="r">… ` + reading.Plural(equal, "equal line") + "</div></li>\n")
		}
		equal = 0
	}
	for _, d := range nodes {
		if !w.all && d.Change == reading.Same && d.Under.Equal() {
			equal += 1 + d.Under.Same
			continue
		}
		flush()
		if !w.full(d) {
			w.node(d, depth)
		}
	}
	flush()
	w.WriteString("</ol>\n")
}

// full reports whether the page is large enough, and counts what is left out then.
func (w *diffWriter) full(nodes ...*reading.DiffNode) bool {
	if w.Len() <= mostDiff {
		return false
	}
	for _, d := range nodes {
		w.left += 1 + d.Under.Same + d.Under.New + d.Under.Gone + d.Under.Changed + d.Under.Slower
	}
	return true
}

func (w *diffWriter) node(d *reading.DiffNode, depth int) {
	n := d.Node()
	w.WriteString(`<li class="` + string(d.Change) + ` d` + strconv.Itoa(min(depth, deepest)))
	if d.Change != reading.Same {
		w.WriteString(` change`)
	}
	w.WriteString(`">`)
	w.number(d)
	w.WriteString(`<div class="r"><span class="t">` + string(d.Change) + ` </span>`)
	if word := reading.LevelWord(n.Level); word != "" {
		w.WriteString(`<b class="` + levelClass(n.Level) + `">` + html.EscapeString(word) + `</b> `)
	}
	w.WriteString(`<span class="m">`)
	w.text(n.Message, longMessage)
	w.WriteString(`</span>`)
	if n.Attrs != "" {
		w.WriteString(`  <span class="a">`)
		w.text(n.Attrs, longMessage)
		w.WriteString(`</span>`)
	}
	for i, value := range d.Values {
		if i == mostAttrs {
			w.text("  … "+reading.Plural(len(d.Values)-i, "further value"), longValue)
			break
		}
		w.value(value)
	}
	if n.Beyond > 0 {
		w.WriteString(` <span class="f">` + reading.BeyondText(n) + `</span>`)
	}
	w.WriteString("</div>")
	if len(d.Children) > 0 {
		w.list(d.Children, depth+1)
	}
	w.WriteString("</li>\n")
}

// number writes the number of a line, which leads to it in its story.
func (w *diffWriter) number(d *reading.DiffNode) {
	in, number := w.Is.Story.Header, strconv.Itoa(d.Node().Number)
	if d.Is == nil {
		in = w.Was.Story.Header
	}
	to := link("story", with(storyValues(in.Key, in.ID), "at", number)) + "#L" + number
	w.WriteString(`<a class="n" href="` + html.EscapeString(to) + `">` + number + `</a>`)
}

// value writes how a value changed.
func (w *diffWriter) value(value reading.Value) {
	for _, s := range []*string{&value.Was, &value.Is} {
		if head, rest := cut(*s, longValue); rest {
			*s = head + "…"
		}
	}
	w.WriteString(` <span class="value">` + html.EscapeString(value.String()) + `</span>`)
}

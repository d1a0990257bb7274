package viewer

import (
	"bytes"
	"html"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// longStory is how many lines a story may have whose folded branches are in the
// page all the same: it folds and unfolds at once, and without the server.
const longStory = 5000

// runLength is how many lines of a long story the browser lays out together, when
// they come into sight.
const runLength = 100

// mostPage bounds a page, whatever is in the story, in bytes: a story of 100,000 lines
// takes 27 MB, unfolded. What is beyond it is counted.
const mostPage = 64 << 20

// A lineWriter writes the lines of a story as nested lists. It does so without a
// template, which took ten times as long: text may only come through its method.
type lineWriter struct {
	buffer
	v      *viewer
	tree   *reading.Tree
	view   reading.View
	shapes []uint64       // nil where repeats are not merged
	forks  *reading.Forks // nil where there is one lane, or all stand in one list
	marks  marks
	total  time.Duration // that the axis shows; at least 1 ms
	place  string        // what leads to a line elsewhere, before its number; empty where it is in this page
	values url.Values    // of the address
	folds  string        // what leads to the story folded otherwise, before the numbers of lines
	long   bool          // folded branches are left out, with a link that unfolds them

	called  map[string]called      // of stories that the lines have called, by their ids
	trace   string                 // what leads to the story's trace elsewhere, or empty
	toggled []int                  // numbers of lines folded the other way, sorted
	wanted  map[*reading.Node]bool // lines that the address names, and their callers
	opened  map[*reading.Node]bool // lines under which a lane stands that the address names a line of
	left    int                    // lines that did not go into the page any more

	byTime    bool          // all lanes stand in one list
	laneLabel string        // that stands in the next line then; empty where its lane is that of the one before
	shift     int           // how much deeper the lines of a lane are shown than they are in it
	lane      *reading.Lane // that the next line begins, and nothing else tells of; else nil
}

// lines writes the lines of a story, other lanes in their places, and returns how many
// are left out of the page, which is large enough. An error means that nobody reads it.
func (v *viewer) lines(out io.Writer, t *reading.Tree, view reading.View, called map[string]called) (left int, err error) {
	w := &lineWriter{v: v, tree: t, called: called, trace: v.elsewhere("trace_id", t.Story.Attrs["trace_id"]), view: view, values: view.Values(), long: len(t.Nodes) > longStory, byTime: view.ByTime(t)}
	w.total = max(t.Total(), time.Millisecond)
	w.toggled = view.ToggledNumbers()
	maps.Copy(w.values, storyValues(t.Story.Key, t.Story.ID))
	w.folds = link("story", with(w.values, "toggled", "")) + "&toggled="
	switch {
	case view.Active(): // what a filter leaves is seen in its place by its number
		w.place = link("story", with(w.values, "q", "", "level", "", "at", "")) + "&at="
		w.marks = marksOf(view.Filter)
	case !view.Each && !w.byTime:
		w.shapes = t.Shapes()
	}
	if !w.byTime && len(t.Lanes) > 1 {
		w.forks = t.Forks(w.shapes)
	}
	w.want()
	err = ahead(out, func(out io.Writer) error {
		w.out = out
		w.story()
		return w.flush()
	})
	return w.left, err
}

// want finds the lines that the address names.
func (w *lineWriter) want() {
	w.wanted, w.opened = make(map[*reading.Node]bool), make(map[*reading.Node]bool)
	for number := range w.view.Full {
		for _, n := range w.tree.Path(number) {
			w.wanted[n] = true
		}
	}
	for _, n := range w.tree.Path(w.view.At) {
		w.wanted[n] = true
	}
	if w.forks == nil {
		return
	}
	if n := w.tree.Line(w.view.At); n != nil {
		for _, above := range w.forks.Above(n) {
			w.wanted[above], w.opened[above] = true, true
		}
	}
	if w.view.Active() {
		w.forks.KeepPlaces()
	}
}

// done reports whether nothing more goes into the page: it is large enough, or
// nobody reads it.
func (w *lineWriter) done() bool { return w.size() > mostPage || w.err != nil }

// leave counts lines that are left out, with what is under them.
func (w *lineWriter) leave(siblings ...*reading.Node) {
	for _, n := range siblings {
		switch {
		case !w.view.Active():
			w.left += 1 + n.Under.Lines
		case n.Keep:
			w.left++
			w.leave(n.Children...)
		}
	}
}

// text writes a text of a story.
func (w *lineWriter) text(s string) {
	w.pass()
	if isPlain(s) && len(w.marks) == 0 {
		w.WriteString(s)
		return
	}
	s = escapeLines(s)
	done := 0
	if len(w.marks) > 0 {
		for from, to := range w.marks.in(s) {
			w.html(s[done:from])
			w.WriteString("<mark>")
			w.html(s[from:to])
			w.WriteString("</mark>")
			done = to
		}
	}
	w.html(s[done:])
}

// escapeLines escapes what a page must not hold raw, but for newlines, and tabs
// where there are several lines.
func escapeLines(s string) string {
	if !strings.Contains(s, "\n") {
		return story.Escape(s)
	}
	var text strings.Builder
	for len(s) > 0 {
		end := strings.IndexAny(s, "\n\t")
		if end < 0 {
			text.WriteString(story.Escape(s))
			break
		}
		text.WriteString(story.Escape(s[:end]))
		text.WriteByte(s[end])
		s = s[end+1:]
	}
	return text.String()
}

// list writes siblings, and the lanes that begin behind one of them, or behind the line
// above them.
func (w *lineWriter) list(above *reading.Node, siblings []*reading.Node) {
	w.WriteString("<ol>\n")
	if above != nil {
		w.calls(above)
		w.forksAt(above.Number, above.Number, above.Depth+1)
	}
	var g reading.Group
	for i := 0; len(siblings) > 0; i++ {
		g, siblings = reading.NextGroup(siblings, w.shapes)
		if w.long && i > 0 && i%runLength == 0 {
			w.WriteString("</ol><ol>\n")
		}
		if g.Times > 1 {
			w.repeats(g)
			continue
		}
		w.node(g.Once[0])
		if n := g.Once[0]; len(n.Children) == 0 {
			w.forksAt(n.Number, n.Number, n.Depth)
		}
	}
	w.WriteString("</ol>")
}

// node writes a line and what is below it.
func (w *lineWriter) node(n *reading.Node) {
	if !n.Keep {
		return
	}
	if w.done() {
		w.leave(n)
		return
	}
	w.begin(n)
	if len(n.Children) == 0 {
		w.WriteString(`<div class="r">`)
		w.row(n)
		w.WriteString("</div></li>\n")
		w.calls(n)
		return
	}
	folded := w.view.Folded(w.tree, n) && !w.opened[n]
	if folded && w.long {
		w.WriteString(`<div class="r">`)
		w.row(n)
		w.unfold(n)
		w.WriteString("</div></li>\n")
		w.calls(n)
		return
	}
	w.WriteString(`<details`)
	if !folded {
		w.WriteString(` open`)
	}
	w.WriteString(`><summary class="r">`)
	folds := w.row(n)
	w.WriteString(` <span class="f">`)
	w.page = reading.AppendSummary(w.page, n.Under)
	w.WriteString(`</span></summary>`)
	if folds {
		w.valuesBelow(n)
	}
	w.list(n, n.Children)
	w.WriteString("</details></li>\n")
}

// begin writes the beginning of a line, up to its number, which leads to it.
func (w *lineWriter) begin(n *reading.Node) {
	w.WriteString(`<li id="L`)
	at := len(w.page)
	w.int(n.Number)
	number := w.page[at:]
	w.WriteString(`" class="d`)
	w.int(w.depth(n))
	w.WriteString(" ")
	w.WriteString(levelClass(n.Level))
	if w.view.Active() && n.Match {
		w.WriteString(" hit")
	}
	if n.Slow {
		w.WriteString(" late")
	}
	if len(n.Children) > 0 {
		w.WriteString(" b")
	}
	if w.byTime && n.Parent != nil {
		w.WriteString(`" data-caller="`)
		w.int(n.Parent.Number)
	}
	w.WriteString(`"><a class="n" href="`)
	if w.place != "" {
		w.html(w.place)
		w.page = append(w.page, number...)
	}
	w.WriteString("#L")
	w.page = append(w.page, number...)
	w.WriteString(`">`)
	w.page = append(w.page, number...)
	w.WriteString(`</a>`)
}

// unfold writes a link to the story with a branch unfolded that is not in the page.
func (w *lineWriter) unfold(n *reading.Node) {
	toggled := slices.Clone(w.toggled)
	if i, found := slices.BinarySearch(toggled, n.Number); found {
		toggled = slices.Delete(toggled, i, i+1)
	} else if toggled = slices.Insert(toggled, i, n.Number); len(toggled) > reading.MostToggled {
		toggled = []int{n.Number} // an address has a limit
	}
	number := strconv.Itoa(n.Number)
	w.WriteString(` <a class="f" href="` + html.EscapeString(w.folds+reading.JoinNumbers(toggled)) + `#L` + number + `">` + reading.Summary(n.Under) + `</a>`)
}

// added returns a list of an address with a number more; with that alone where the list
// would become too long.
func added(numbers map[int]bool, n int) string {
	list := []int{n}
	for number, in := range numbers {
		if in && number != n {
			list = append(list, number)
		}
	}
	if len(list) > reading.MostToggled {
		return strconv.Itoa(n)
	}
	slices.Sort(list)
	return reading.JoinNumbers(list)
}

// deepest is the deepest indent that the style sheet has a class for.
const deepest = 40

func (w *lineWriter) depth(n *reading.Node) int {
	if w.view.Stored {
		return min(n.Stored+w.shift, deepest)
	}
	return min(n.Depth+w.shift, deepest)
}

// row writes what stands in the row of a line, and reports whether one of its values may
// be folded.
func (w *lineWriter) row(n *reading.Node) (folds bool) {
	w.time(n)
	w.took(n)
	w.label()
	lane := w.lane
	if w.lane = nil; lane != nil {
		w.WriteString(forkMark)
	}
	w.word(n)
	w.message(n)
	if n.Attrs != "" {
		folds = w.attrs(n)
	}
	if lane != nil {
		w.laneName(lane, true)
	}
	w.elsewhere(n)
	if n.Slow && len(n.Children) > 0 {
		w.WriteString(` <span class="slow">after `)
		w.brief(n.Step)
		w.WriteString(`</span>`)
	}
	if n.Beyond > 0 && !w.view.Stored {
		w.WriteString(` <span class="f">` + reading.BeyondText(n) + `</span>`)
	}
	return folds
}

// time writes a line's time, without a plus.
func (w *lineWriter) time(n *reading.Node) {
	w.WriteString(`<span class="t">`)
	var text [len("-1234567890.123")]byte
	w.page = append(w.page, bytes.TrimPrefix(w.tree.AppendTime(text[:0], n, w.view.Times, w.v.opts.Zone), []byte("+"))...)
	w.WriteString(` </span>`)
}

// word writes a level that says anything.
func (w *lineWriter) word(n *reading.Node) {
	if word := reading.LevelWord(n.Level); word != "" {
		w.WriteString(`<b class="` + levelClass(n.Level) + `">` + html.EscapeString(word) + `</b> `)
	}
}

// cut returns a text, or its beginning where it is too long, and whether there is more.
func cut(s string, most int) (head string, rest bool) {
	if len(s) <= most {
		return s, false
	}
	end := most * 4 / 5
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end], true
}

package viewer

import (
	"bufio"
	"html"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// What is longer is cut, with a link to all of it.
const (
	longMessage = 1000 // bytes
	longValue   = 200
)

// longStory is how many lines a story may have whose folded branches are in the
// page all the same: it folds and unfolds at once, and without the server.
const longStory = 5000

// runLength is how many lines of a long story the browser lays out together, when
// they come into sight.
const runLength = 100

// Limits of a page, whatever is in the story. What is beyond them is counted.
const (
	mostPage  = 64 << 20 // bytes: a story of 100,000 lines takes 27 MB, unfolded
	mostAttrs = 100      // of a line that is not asked for in full
	mostFull  = 4 << 20  // bytes of a text that is asked for in full
)

// A lineWriter writes the lines of a story as nested lists. It does so without a
// template, which took ten times as long: text may only come through its method.
type lineWriter struct {
	*bufio.Writer
	v      *viewer
	tree   *reading.Tree
	view   reading.View
	shapes []uint64 // nil where repeats are not merged
	place  string   // what leads to a line elsewhere, before its number; empty where it is in this page
	full   url.Values
	folds  string // what leads to the story folded otherwise, before the numbers of lines
	long   bool   // folded branches are left out, with a link that unfolds them

	out     *counter
	toggled []int                  // numbers of lines folded the other way, sorted
	wanted  map[*reading.Node]bool // lines that the address names, and their callers
	left    int                    // lines that did not go into the page any more

	byTime    bool   // all lanes stand in one list
	laneLabel string // that stands in the next line then; empty where its lane is that of the one before
}

// A counter counts what goes through it.
type counter struct {
	io.Writer
	n int
}

func (c *counter) Write(text []byte) (int, error) {
	n, err := c.Writer.Write(text)
	c.n += n
	return n, err
}

// lines writes the lines of a story, a block for each lane, and returns how many are
// left out of the page, which is large enough. An error means that nobody reads it.
func (v *viewer) lines(out io.Writer, t *reading.Tree, view reading.View) (left int, err error) {
	w := &lineWriter{out: &counter{Writer: out}, v: v, tree: t, view: view, full: view.Values(), long: len(t.Nodes) > longStory, byTime: view.ByTime(t)}
	w.Writer = bufio.NewWriterSize(w.out, 64<<10)
	w.toggled = view.ToggledNumbers()
	w.wanted = make(map[*reading.Node]bool)
	for _, n := range append(t.Path(view.At), t.Path(view.Full)...) {
		w.wanted[n] = true
	}
	maps.Copy(w.full, storyValues(t.Story.Key, t.Story.ID))
	w.folds = link("story", with(w.full, "toggled", "")) + "&toggled="
	switch {
	case view.Active(): // what a filter leaves is seen in its place by its number
		w.place = link("story", with(w.full, "q", "", "level", "", "toggled", "", "at", "")) + "&at="
	case !view.Each && !w.byTime:
		w.shapes = t.Shapes()
	}
	w.story()
	return w.left, w.Flush()
}

// done reports whether nothing more goes into the page: it is large enough, or
// nobody reads it.
func (w *lineWriter) done() bool { return w.out.n+w.Buffered() > mostPage || reading.Failed(w.Writer) }

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
func (w *lineWriter) text(s string) { w.WriteString(html.EscapeString(escapeLines(s))) }

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

func (w *lineWriter) int(n int) { w.WriteString(strconv.Itoa(n)) }

func (w *lineWriter) list(siblings []*reading.Node) {
	w.WriteString("<ol>\n")
	groups := reading.Single(siblings)
	if w.shapes != nil {
		groups = reading.Groups(siblings, w.shapes)
	}
	for i, g := range groups {
		if w.long && i > 0 && i%runLength == 0 {
			w.WriteString("</ol><ol>\n")
		}
		for i, n := range g.Once {
			times := 1
			if i == 0 {
				times = g.Times
			}
			w.node(n, times, len(g.Once))
		}
		if g.Times > 1 {
			w.repeats(g)
		}
	}
	w.WriteString("</ol>")
}

// repeats writes the other times of a group, folded.
func (w *lineWriter) repeats(g reading.Group) {
	if w.done() {
		w.left += g.Under.Lines
		return
	}
	last := g.More[len(g.More)-1]
	wanted := slices.ContainsFunc(g.More, func(n *reading.Node) bool { return w.wanted[n] })
	w.WriteString(`<li class="again d` + strconv.Itoa(w.depth(g.Once[0])) + `">`)
	if w.long && !wanted {
		w.WriteString(`<div class="r"><a href="` + html.EscapeString(link("story", with(w.full, "repeats", "each"))) + `#L` + strconv.Itoa(g.More[0].Number) + `">`)
		w.WriteString(strconv.Itoa(g.Times-1) + " more times</a>, until " + w.tree.TimeText(last, reading.SinceStart, nil) + `: <span class="f">` + reading.Summary(g.Under) + "</span></div></li>\n")
		return
	}
	open := ""
	if wanted {
		open = " open"
	}
	w.WriteString(`<details` + open + `><summary class="r">`)
	w.WriteString(strconv.Itoa(g.Times-1) + " more times, until " + w.tree.TimeText(last, reading.SinceStart, nil) + `: <span class="f">` + reading.Summary(g.Under) + "</span></summary><ol>\n")
	for _, n := range g.More {
		w.node(n, 1, 1)
	}
	w.WriteString("</ol></details></li>\n")
}

// node writes a line and what is below it. Times is how often it, or the block of
// so many lines that begins with it, comes.
func (w *lineWriter) node(n *reading.Node, times, block int) {
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
		w.row(n, times, block)
		w.WriteString("</div></li>\n")
		return
	}
	folded := w.view.Folded(w.tree, n)
	if folded && w.long {
		w.WriteString(`<div class="r">`)
		w.row(n, times, block)
		w.unfold(n)
		w.WriteString("</div></li>\n")
		return
	}
	w.WriteString(`<details`)
	if !folded {
		w.WriteString(` open`)
	}
	w.WriteString(`><summary class="r">`)
	w.row(n, times, block)
	w.WriteString(` <span class="f">` + reading.Summary(n.Under) + `</span></summary>`)
	w.list(n.Children)
	w.WriteString("</details></li>\n")
}

// begin writes the beginning of a line, up to its number.
func (w *lineWriter) begin(n *reading.Node) {
	w.WriteString(`<li id="L`)
	w.int(n.Number)
	w.WriteString(`" class="d`)
	w.int(w.depth(n))
	w.WriteByte(' ')
	w.WriteString(levelClass(n.Level))
	if w.view.Active() && n.Match {
		w.WriteString(" hit")
	}
	if w.byTime && n.Parent != nil {
		w.WriteString(`" data-caller="`)
		w.int(n.Parent.Number)
	}
	w.WriteString(`"><a class="n" href="`)
	if w.place != "" {
		w.WriteString(html.EscapeString(w.place))
		w.int(n.Number)
	}
	w.WriteString("#L")
	w.int(n.Number)
	w.WriteString(`">`)
	w.int(n.Number)
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

// deepest is the deepest indent that the style sheet has a class for.
const deepest = 40

func (w *lineWriter) depth(n *reading.Node) int {
	if w.view.Stored {
		return min(n.Stored, deepest)
	}
	return min(n.Depth, deepest)
}

func (w *lineWriter) row(n *reading.Node, times, block int) {
	w.WriteString(`<span class="t">`)
	w.WriteString(w.tree.TimeText(n, w.view.Times, w.v.opts.Zone))
	w.WriteString(` </span>`)
	w.label()
	if word := reading.LevelWord(n.Level); word != "" {
		w.WriteString(`<b class="` + levelClass(n.Level) + `">` + html.EscapeString(word) + `</b> `)
	}
	w.message(n)
	if times > 1 {
		w.WriteString(` <span class="x">×`)
		w.int(times)
		if block > 1 {
			w.WriteString(` with the ` + reading.Plural(block-1, "line") + ` after it`)
		}
		w.WriteString(`</span>`)
	}
	if n.Attrs != "" {
		w.attrs(n)
	}
	if n.Slow {
		w.WriteString(` <span class="slow">after ` + n.Step.String() + `</span>`)
	}
	if n.Beyond > 0 && !w.view.Stored {
		w.WriteString(` <span class="f">` + reading.BeyondText(n) + `</span>`)
	}
}

func (w *lineWriter) attrs(n *reading.Node) {
	w.WriteString(`  <span class="a">`)
	written := 0
	for a := range reading.AttrTexts(n.Attrs) {
		if written > 0 {
			w.WriteByte(' ')
		}
		if written++; written > mostAttrs && w.view.Full != n.Number {
			w.more(n, len(n.Attrs))
			break
		}
		if a.Name != "" {
			w.WriteString("<i>")
			w.text(a.Name)
			w.WriteString("=</i>")
		}
		w.attr(n, a)
	}
	w.WriteString(`</span>`)
}

// attr writes a value; one that is cut stands as a block of its own, as it was
// before it was quoted, where all of it is asked for.
func (w *lineWriter) attr(n *reading.Node, a reading.AttrText) {
	long := len(a.Text) > longValue || strings.Contains(a.Value, "\n")
	switch {
	case !long:
		w.text(a.Text)
	case w.view.Full == n.Number:
		w.WriteString(`<span class="block">`)
		w.whole(a.Value)
		w.WriteString(`</span>`)
	default:
		head, _ := cut(a.Text, longValue)
		w.text(head)
		w.more(n, len(a.Value))
	}
}

// message writes a message, or its beginning.
func (w *lineWriter) message(n *reading.Node) {
	head, rest := cut(n.Message, longMessage)
	if !rest || w.view.Full == n.Number {
		w.whole(n.Message)
		return
	}
	w.text(head)
	w.more(n, len(n.Message))
}

// whole writes a text that is asked for in full, which a download gives in any case.
func (w *lineWriter) whole(s string) {
	head, rest := cut(s, mostFull)
	w.text(head)
	if rest {
		w.text("… (" + strconv.Itoa(len(s)) + " bytes, all of them in a download)")
	}
}

// more writes the link to all of a line.
func (w *lineWriter) more(n *reading.Node, size int) {
	number := strconv.Itoa(n.Number)
	all := link("story", with(w.full, "full", number)) + "#L" + number
	w.WriteString(`… <a class="more" href="` + html.EscapeString(all) + `">all ` + strconv.Itoa(size) + ` bytes</a>`)
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

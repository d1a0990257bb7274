package viewer

import (
	"html"
	"slices"
	"strconv"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// story writes the lines: those of the lane in which the story began, with the others in
// their places, or all in the order of time.
func (w *lineWriter) story() {
	if w.byTime {
		w.flat()
		return
	}
	if len(w.tree.Lanes) == 0 {
		return
	}
	w.WriteString(`<section class="lane" aria-labelledby="lines"><h2 id="lines" class="unseen">Lines</h2>`)
	w.list(nil, w.tree.Lanes[0].Roots)
	w.WriteString("</section>\n")
}

// laneTitle returns the name of a lane, and its number where the name does not say it.
func laneTitle(lane reading.Lane) (name, number string) {
	number = strconv.Itoa(lane.Number)
	if lane.Name == "" {
		return "Lane " + number, ""
	}
	name, rest := cut(story.Escape(lane.Name), longValue)
	if rest {
		name += "…"
	}
	return name, "lane " + number
}

// forkMark stands before what a lane of its own tells.
const forkMark = `<svg class="fork" viewBox="0 0 10 12" role="img" aria-label="goroutine"><path d="M1 0v4l4 3 4-3V0M5 7v5"/></svg>`

// forksAt writes the lanes that begin behind one of the lines from number first to last.
func (w *lineWriter) forksAt(first, last, depth int) {
	if w.forks == nil {
		return
	}
	for _, f := range w.forks.At(first, last) {
		if !slices.ContainsFunc(f.Lanes, func(lane *reading.Lane) bool {
			return slices.ContainsFunc(lane.Roots, func(n *reading.Node) bool { return n.Keep })
		}) {
			continue
		}
		if w.done() {
			for _, lane := range f.Lanes {
				w.leave(lane.Roots...)
			}
			continue
		}
		w.fork(f, min(depth, deepest-1), w.forkOpen(f))
	}
}

// forkOpen reports whether the lines of a fork are seen.
func (w *lineWriter) forkOpen(f reading.Fork) bool {
	for _, lane := range f.Lanes {
		if slices.ContainsFunc(lane.Roots, func(n *reading.Node) bool { return w.wanted[n] }) {
			return true
		}
	}
	open := false
	switch all := w.tree.All; {
	case w.view.Active():
		return true
	case w.view.Fold == reading.Unfolded:
		open = len(f.Lanes) == 1 || w.view.Each
	case w.view.Fold == reading.ErrorsFirst:
		open = !f.Calm() || all.Calm() && len(f.Lanes) == 1 && all.Lines <= reading.CalmLines
	}
	return open != w.view.Open[f.First().Number]
}

// fork writes lanes that look alike as a row: the first one's lines are seen in it, and the
// others each as a row.
func (w *lineWriter) fork(f reading.Fork, depth int, open bool) {
	lane, before := f.Lanes[0], w.shift
	w.shift = depth
	defer func() { w.shift = before }()
	if len(f.Lanes) == 1 && len(lane.Roots) == 1 {
		w.lane = lane
		w.node(f.First())
		return
	}
	number := strconv.Itoa(f.First().Number)
	w.WriteString(`<li id="G` + number + `" class="lane-row d` + strconv.Itoa(depth) + ` ` + worstClass(f.Counts) + `">`)
	w.WriteString(foldStart(open, w.long))
	w.forkRow(f)
	if w.long && !open {
		w.WriteString(` <a class="f" href="` + html.EscapeString(link("story", with(w.values, "open", added(w.view.Open, f.First().Number)))) + `#G` + number + `">` + reading.Summary(f.Counts) + "</a></div></li>\n")
		return
	}
	w.WriteString(` <span class="f">` + reading.Summary(f.Counts) + `</span></summary>`)
	if len(f.Lanes) == 1 {
		w.shift++
		w.list(nil, lane.Roots)
		w.WriteString("</details></li>\n")
		return
	}
	w.WriteString("<ol>\n")
	for i, lane := range f.Lanes {
		one := reading.Fork{Lanes: f.Lanes[i : i+1], Counts: lane.Counts, Longest: lane.Took()}
		open := slices.ContainsFunc(lane.Roots, func(n *reading.Node) bool { return w.wanted[n] }) || i == 0 && !lane.Calm()
		w.fork(one, min(depth+1, deepest-1), open)
	}
	w.WriteString("</ol></details></li>\n")
}

// foldStart returns the tags that begin a row which folds, or one whose lines are left out
// of a long story.
func foldStart(open, long bool) string {
	switch {
	case open:
		return `<details open><summary class="r">`
	case long:
		return `<div class="r">`
	}
	return `<details><summary class="r">`
}

// forkRow writes what is said of lanes: how the first one begins, whose it is, how many.
func (w *lineWriter) forkRow(f reading.Fork) {
	first := f.First()
	w.time(first)
	w.duration(f.Longest, false)
	w.span(first.Offset, f.Longest, false)
	w.WriteString(forkMark)
	text, _ := first.First()
	head, rest := cut(text, longValue)
	if rest {
		head += "…"
	}
	w.text(head)
	if len(f.Lanes) > 1 {
		w.WriteString(` <span class="x">×` + strconv.Itoa(len(f.Lanes)) + `</span> <small>alike, the longest ` + reading.Brief(f.Longest) + `</small>`)
	}
	w.laneName(f.Lanes[0], len(f.Lanes) == 1)
}

// laneName writes whose lines follow, with the lane's number where it is one.
func (w *lineWriter) laneName(lane *reading.Lane, one bool) {
	name, number := laneTitle(*lane)
	w.WriteString(` <small>` + html.EscapeString(name))
	if number != "" && one {
		w.WriteString(", " + number)
	}
	w.WriteString(`</small>`)
}

// worstClass is the class of what a part of a story holds.
func worstClass(c reading.Counts) string {
	switch {
	case c.Errors > 0:
		return "error"
	case c.Warnings > 0:
		return "warn"
	}
	return "info"
}

// flat writes the lines of all lanes in the order of time.
func (w *lineWriter) flat() {
	labels := "long-labels"
	switch width := w.tree.LabelWidth(); { // the pages allow no style of their own
	case width <= 8:
		labels = "short-labels"
	case width <= 17:
		labels = "middle-labels"
	}
	w.WriteString(`<section class="lane flat ` + labels + `" aria-labelledby="lanes"><h2 id="lanes">All lanes in the order of time <small>` +
		reading.Plural(len(w.tree.Lanes), "lane") + `, repeats are not merged</small></h2><ol>` + "\n")
	written := 0
	for line := range w.tree.Flat(w.view) {
		if w.done() {
			w.left++
			continue
		}
		if w.long && written > 0 && written%runLength == 0 {
			w.WriteString("</ol><ol>\n")
		}
		written++
		w.laneLabel = line.Label
		w.begin(line.Node)
		w.WriteString(`<div class="r">`)
		w.row(line.Node)
		if line.Folded {
			w.unfold(line.Node)
		}
		w.WriteString("</div></li>\n")
		w.calls(line.Node)
	}
	w.WriteString("</ol></section>\n")
}

// label writes the label of the lane of the line that is written, where it changes.
func (w *lineWriter) label() {
	if w.laneLabel != "" {
		w.WriteString(`<span class="l">`)
		w.text(w.laneLabel)
		w.WriteString(` </span>`)
	}
}

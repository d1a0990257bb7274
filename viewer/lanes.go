package viewer

import (
	"html"
	"slices"
	"strconv"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// story writes the lines of all lanes.
func (w *lineWriter) story() {
	if w.byTime {
		w.flat()
		return
	}
	for _, lane := range w.tree.Lanes {
		w.lane(lane)
	}
}

func (w *lineWriter) lane(lane reading.Lane) {
	if !slices.ContainsFunc(lane.Roots, func(n *reading.Node) bool { return n.Keep }) {
		return
	}
	if w.done() {
		w.leave(lane.Roots...)
		return
	}
	id := "lane" + strconv.Itoa(lane.Number)
	w.WriteString(`<section class="lane" aria-labelledby="` + id + `"><h2 id="` + id + `"`)
	if len(w.tree.Lanes) == 1 && lane.Name == "" {
		w.WriteString(` class="unseen">Lines</h2>`)
	} else {
		w.WriteString(">")
		w.laneHeading(lane)
		w.WriteString("</h2>")
	}
	w.list(lane.Roots)
	w.WriteString("</section>\n")
}

// laneHeading writes whose lines follow: the lane's name first, where it has one.
func (w *lineWriter) laneHeading(lane reading.Lane) {
	name, number := laneTitle(lane)
	w.WriteString(html.EscapeString(name) + " <small>")
	if number != "" {
		w.WriteString(number + ": ")
	}
	w.WriteString(reading.Summary(lane.Counts))
	before := w.tree.Began(lane)
	switch {
	case before != nil:
		w.WriteString(`, begins after <a href="` + html.EscapeString(w.lineLink(before)) + `">line `)
		w.int(before.Number)
		w.WriteString(`</a>: `)
		w.text(before.Begin())
	case len(w.tree.Lanes) > 1:
		w.WriteString(`, where the story began`)
	}
	w.WriteString(`</small>`)
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

// lineLink returns what leads to a line, which may be filtered or in a branch that the
// page leaves out.
func (w *lineWriter) lineLink(n *reading.Node) string {
	number := strconv.Itoa(n.Number)
	switch {
	case w.place != "":
		return w.place + number + "#L" + number
	case w.long:
		return link("story", with(w.full, "at", number)) + "#L" + number
	}
	return "#L" + number
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
		w.row(line.Node, 1, 1)
		if line.Folded {
			w.unfold(line.Node)
		}
		w.WriteString("</div></li>\n")
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

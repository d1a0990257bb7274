package viewer

import (
	"html"
	"slices"
	"strconv"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// repeats writes what repeats as a row with what all turns took; the slowest turn is seen
// below it, and in a story that is open the last one. The others are folded in it. Lanes
// that begin in one of the turns stand behind them.
func (w *lineWriter) repeats(g reading.Group) {
	turns := g.Turns()
	first, last := g.Once[0], g.More[len(g.More)-1]
	if w.done() {
		w.leave(g.Once...)
		w.leave(g.More...)
		return
	}
	spread := reading.SpreadOf(turns)
	shown := []int{spread.Slowest}
	if goesOn := w.tree.Story.State == story.Open && last.Last() == len(w.tree.Nodes); goesOn && spread.Slowest != len(turns)-1 {
		shown = append(shown, len(turns)-1)
	}
	forks := w.forks
	w.forks = nil // of single turns
	w.turns(turns, shown, spread)
	for _, i := range shown {
		for _, n := range turns[i] {
			w.node(n)
		}
	}
	w.forks = forks
	w.forksAt(first.Number, last.Last(), first.Depth)
}

// turns writes the row of turns, with those in it that are not shown beside it.
func (w *lineWriter) turns(turns [][]*reading.Node, shown []int, spread reading.Spread) {
	first := turns[0][0]
	open := w.view.Open[first.Number]
	var under reading.Counts
	for i, turn := range turns {
		for _, n := range turn {
			open = open || w.wanted[n] && !slices.Contains(shown, i)
			if !slices.Contains(shown, i) {
				under.Lines += 1 + n.Under.Lines
			}
		}
	}
	number := strconv.Itoa(first.Number)
	w.WriteString(`<li id="R` + number + `" class="many d` + strconv.Itoa(w.depth(first)) + ` ` + levelClass(first.Level) + `">`)
	w.WriteString(foldStart(open, w.long))
	w.time(first)
	w.duration(spread.Total, w.isHot(spread.Total))
	w.span(spread.From, spread.Total, w.isHot(spread.Total))
	w.word(first)
	text, _ := first.First()
	head, rest := cut(text, longValue)
	if rest {
		head += "…"
	}
	w.text(head)
	w.WriteString(` <span class="x">×` + strconv.Itoa(len(turns)))
	if len(turns[0]) > 1 {
		w.WriteString(` with the ` + reading.Plural(len(turns[0])-1, "line") + ` after it`)
	}
	w.WriteString(`</span>`)
	if spread.Most > 0 {
		w.WriteString(` <small>` + spread.Text())
		if spread.Least < spread.Most {
			w.WriteString(`, the slowest is line ` + strconv.Itoa(turns[spread.Slowest][0].Number))
		}
		w.WriteString(`</small>`)
	}
	others := reading.Plural(len(turns)-len(shown), "other") + ": " + reading.Summary(under)
	if w.long && !open {
		w.WriteString(` <a class="f" href="` + html.EscapeString(link("story", with(w.values, "open", added(w.view.Open, first.Number)))) + `#R` + number + `">` + others + "</a></div></li>\n")
		return
	}
	w.WriteString(` <span class="f">` + others + "</span></summary><ol>\n")
	for i, turn := range turns {
		if slices.Contains(shown, i) {
			continue
		}
		for _, n := range turn {
			w.node(n)
		}
	}
	w.WriteString("</ol></details></li>\n")
}

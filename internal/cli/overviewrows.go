package cli

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// OverviewRows writes what an overview tells.
type overviewRows struct {
	*rows
	*reading.Overview
	named string // what its span is called
}

func (w *overviewRows) cut(text string, used int) string {
	if w.width == 0 {
		return text
	}
	return reading.CutWidth(text, max(w.width-used, 1))
}

// problem writes what went wrong, and below it to whom, when, and how to see more.
func (w *overviewRows) problem(p reading.Problem) error {
	const indent = len("x 1234 new  ")
	mark := "   "
	if p.New {
		mark = w.colours.paint(codeOf(slog.LevelError), "new")
	}
	cause := story.Escape(p.Cause)
	if cause == "" {
		cause = story.Escape(p.Newest.Title)
	}
	spark, used := "", indent
	if w.width == 0 || w.width >= wide {
		spark, used = reading.Spark(p.Spark)+"  ", indent+len(p.Spark)+2
	}
	text := fmt.Sprintf("%s %4d %s  %s%s", w.colours.mark(p.Level), p.Count, mark, w.colours.dim(spark), w.colours.paint(codeOf(p.Level), w.cut(cause, used)))
	if err := w.print(text); err != nil {
		return err
	}
	facts := []string{w.what(p.Kind, p.Route), reading.Plural(p.Objects, "object"), w.times(p.First, p.Last), "show " + story.Escape(story.ShortID(p.Newest.ID))}
	if p.ID != "" {
		facts = append(facts, "ls "+story.Escape(story.SearchTerm("problem", p.ID)))
	}
	return w.facts(indent, facts)
}

// wide is how many columns a terminal has from which on there are pictures.
const wide = 100

// what names what stories did that did the same.
func (w *overviewRows) what(kind, route string) string {
	return strings.TrimSpace(story.Escape(kind) + " " + story.Escape(route))
}

// facts writes facts one after another, in as many rows as they need.
func (w *overviewRows) facts(indent int, facts []string) error {
	row := strings.Repeat(" ", indent)
	for i, fact := range facts {
		switch {
		case i == 0:
			row += w.cut(fact, indent)
		case w.width > 0 && reading.Width(row+" · "+fact) > w.width:
			if err := w.print(w.colours.dim(row)); err != nil {
				return err
			}
			row = strings.Repeat(" ", indent) + w.cut(fact, indent)
		default:
			row += " · " + fact
		}
	}
	return w.print(w.colours.dim(row))
}

// times writes the first and the last of some times, with the date where it is not today.
func (w *overviewRows) times(first, last time.Time) string {
	from, to := first.In(w.now.Location()), last.In(w.now.Location())
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	clock := func(t time.Time) string { return t.Format(time.TimeOnly) + reading.OtherZone(t, w.now) }
	text := clock(from)
	if day(from) != day(w.now) || w.dated {
		text = day(from) + " " + text
	}
	switch {
	case from.Truncate(time.Second).Equal(to.Truncate(time.Second)):
		return text
	case day(from) == day(to):
		return text + "–" + clock(to)
	case day(to) == day(w.now) && !w.dated:
		return text + "–today " + clock(to)
	}
	return text + "–" + day(to) + " " + clock(to)
}

// slowHead writes what the columns of [overviewRows.slow] are called.
func (w *overviewRows) slowHead() error {
	return w.print(w.colours.dim("COUNT  MEDIAN     P95  BEFORE         SLOWEST       WHAT"))
}

// slow writes how long stories of a kind and route took.
func (w *overviewRows) slow(s reading.Slow) error {
	before, factor := "", ""
	if s.CountBefore > 0 {
		before = reading.TookShort(s.P95Before)
	}
	if s.Slower > 0 {
		factor = factorText(s.Slower)
	}
	text := fmt.Sprintf("%5d  %6s  %6s  %6s ", s.Count, reading.TookShort(s.Median), reading.TookShort(s.P95), before)
	code := plain
	if s.Worse() {
		code = codeOf(slog.LevelWarn)
	}
	text += w.colours.paint(code, reading.PadWidth(factor, 6)) + "  "
	id := story.Escape(story.ShortID(s.Slowest.ID))
	used := len("12345  123456  123456  123456 123456  ") + max(reading.Width(id), 12) + 2
	return w.print(text + w.colours.dim(reading.PadWidth(id, 12)) + "  " + w.cut(w.what(s.Kind, s.Route), used))
}

// factorText writes how many times as long something takes.
func factorText(factor float64) string {
	switch {
	case factor >= 9.95:
		return "×" + strconv.FormatFloat(min(factor, 9999), 'f', 0, 64)
	case factor < 0.95:
		return "×" + strconv.FormatFloat(factor, 'f', 2, 64)
	}
	return "×" + strconv.FormatFloat(factor, 'f', 1, 64)
}

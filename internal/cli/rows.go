package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// Rows writes stories in rows: when, a mark from a warning on, the key, what it was and why
// it went wrong, lines, how long it took, and the short id.
type rows struct {
	out     io.Writer
	colours palette
	now     time.Time
	// width is that of the terminal, which no row exceeds. Where it is 0 the output is
	// none: then nothing is cut, and every row has its date.
	width int
	dated bool   // whether every row has its date
	day   string // of the last heading, where they have not

	keys, titles, lines, took, ids int // the columns' widths
}

func (o *options) rows(terminal, out io.Writer) *rows {
	r := &rows{out: out, colours: o.palette(terminal), now: time.Now(), width: widthOf(terminal)}
	r.dated = r.width == 0
	r.day = r.now.Local().Format(time.DateOnly)
	r.keys, r.titles, r.lines, r.took, r.ids = len("KEY"), len("WHAT"), 1, len("TOOK"), len("ID")
	return r
}

const (
	leastTitle  = 24 // columns of a title, for which others are left out
	usualTitle  = 60 // where nothing is cut
	usualKey    = 30
	columnGap   = 2
	timeColumns = len("15:04:05")
	dateColumns = len(time.DateTime)
)

// fit makes the columns wide enough for a story.
func (r *rows) fit(h story.Header) {
	most := usualKey
	if r.width > 0 {
		most = max(r.width/5, 10)
	}
	r.keys = max(r.keys, min(reading.Width(reading.About(h).String()), most))
	what, cause := headline(h, 0)
	r.titles = max(r.titles, reading.Width(what+cause))
	r.lines = max(r.lines, len(fmt.Sprint(h.LineCount)))
	r.took = max(r.took, reading.Width(reading.TookShort(h.Duration)))
	r.ids = max(r.ids, len(story.Escape(story.ShortID(h.ID))))
}

// columns are the widths in which a row is laid out.
type columns struct{ when, keys, titles, lines, took int }

// layout returns the widths of columns that fit the terminal: without lines, and without
// how long it took, where that leaves no title.
func (r *rows) layout() columns {
	c := columns{timeColumns, r.keys, min(r.titles, usualTitle), r.lines, r.took}
	if r.dated {
		c.when = dateColumns
	}
	if r.width == 0 {
		return c
	}
	room := func() int {
		used := c.when + 3 + c.keys + columnGap + columnGap + r.ids
		for _, column := range []int{c.lines, c.took} {
			if column > 0 {
				used += columnGap + column
			}
		}
		return r.width - used
	}
	if room() < leastTitle {
		c.lines = 0
	}
	if room() < leastTitle {
		c.took = 0
	}
	c.titles = max(min(r.titles, room()), 1)
	return c
}

// print writes a line of text.
func (r *rows) print(text string) error {
	_, err := io.WriteString(r.out, text+"\n")
	return err
}

// head writes what the columns are called.
func (r *rows) head() error {
	c := r.layout()
	zone, _ := r.now.Zone()
	text := reading.PadWidth(zone, c.when) + "   " + reading.PadWidth("KEY", c.keys) + "  "
	if c.lines > 0 { // its name reaches to the left, over what is seldom there
		text += reading.PadWidth("WHAT", c.titles+columnGap+c.lines-len(" LINES")) + " LINES"
	} else {
		text += reading.PadWidth("WHAT", c.titles)
	}
	if c.took > 0 {
		text += fmt.Sprintf("  %*s", c.took, "TOOK")
	}
	return r.print(r.colours.dim(text + "  ID"))
}

// row writes a story, and before the first of a day which day that is, unless it is today.
func (r *rows) row(h story.Header) error {
	c := r.layout()
	at := h.Start.In(r.now.Location())
	var text strings.Builder
	if day := at.Format(time.DateOnly); !r.dated && day != r.day {
		r.day = day
		text.WriteString(r.colours.dim(dayHeading(at, r.now)) + "\n")
	}
	when := at.Format(time.TimeOnly)
	if r.dated {
		when = at.Format(time.DateTime) + reading.OtherZone(at, r.now)
	}
	text.WriteString(reading.PadWidth(when, c.when) + " " + r.colours.mark(h.MaxLevel) + " ")
	key := reading.About(h).String()
	if r.width > 0 {
		key = reading.CutWidth(key, c.keys)
	}
	text.WriteString(reading.PadWidth(key, c.keys) + "  ")
	most := 0
	if r.width > 0 {
		most = c.titles
	}
	what, cause := headline(h, most)
	text.WriteString(what + r.colours.paint(codeOf(h.MaxLevel), cause) + strings.Repeat(" ", max(c.titles-reading.Width(what+cause), 0)))
	if c.lines > 0 {
		fmt.Fprintf(&text, "  %*d", c.lines, h.LineCount)
	}
	if c.took > 0 {
		took := reading.TookShort(h.Duration)
		text.WriteString("  " + strings.Repeat(" ", max(c.took-reading.Width(took), 0)) + took)
	}
	return r.print(text.String() + "  " + r.colours.dim(story.Escape(story.ShortID(h.ID))))
}

// headline returns what a story was and, behind a dash, why it went wrong, escaped and in at
// most so many columns, unless that is 0. Of the two it is the cause that is cut first.
func headline(h story.Header, most int) (what, cause string) {
	what = story.Escape(h.Title)
	if n := h.Stories(); n > 1 { // of a problem
		what = fmt.Sprintf("%d× ", n) + what
	}
	if h.State != story.Sealed {
		what = "(" + story.Escape(string(h.State)) + ") " + what
	}
	if cause = story.Escape(reading.Cause(h)); cause != "" {
		cause = " — " + cause
	}
	if most > 0 {
		what = reading.CutWidth(what, max(most-reading.Width(cause), most*3/5))
		cause = reading.CutWidth(cause, most-reading.Width(what))
	}
	return what, cause
}

// dayHeading names a day, and says how long ago it was where that is easily said.
func dayHeading(day, now time.Time) string {
	name := day.Format("Monday, 2006-01-02")
	if now.AddDate(0, 0, -1).Format(time.DateOnly) == day.Format(time.DateOnly) {
		return "yesterday, " + name
	}
	return name
}

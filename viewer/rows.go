package viewer

import (
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A day is the rows of a list that began on it.
type day struct {
	Name string // "Today" or the date
	Rows []row
}

// A row is a story in a list.
type row struct {
	story.Header
	Length  int  // of the bar that shows how long it took, of 100
	Beyond  bool // whether it took longer than the longest bar tells
	Good    bool // whether it is the last of its kind and route without an error, where others had one since
	Was, Is bool // whether it is chosen to be compared
}

// days returns the rows of headers, which are sorted by time in either order.
func (v *viewer) days(headers []story.Header, now time.Time) []day {
	var all []day
	scale := fullScale(headers)
	last := ""
	for _, h := range headers {
		if date := h.Start.In(v.opts.Zone).Format(time.DateOnly); date != last {
			last = date
			all = append(all, day{Name: v.dayName(h.Start, now)})
		}
		r := row{Header: h}
		r.Length, r.Beyond = scaled(h.Duration, scale, 100)
		today := &all[len(all)-1]
		today.Rows = append(today.Rows, r)
	}
	return all
}

// dayName names the day of a time.
func (v *viewer) dayName(t, now time.Time) string {
	t, now = t.In(v.opts.Zone), now.In(v.opts.Zone)
	date := t.Format(time.DateOnly)
	switch {
	case date == now.Format(time.DateOnly):
		return "Today"
	case date == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "Yesterday, " + t.Format("Monday 2 January")
	case t.Year() == now.Year():
		return t.Format("Monday 2 January")
	}
	return t.Format("Monday 2 January 2006")
}

// ordinary reports whether nothing has to be said of a story's state.
func ordinary(state story.State) bool { return state == story.Sealed }

// keyID returns what stands behind the kind in a key as it is written.
func keyID(key story.Key) string {
	_, id, _ := strings.Cut(key.String(), "_")
	return id
}

package reading

import (
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dynamoslog/dynamoslog/story"
)

// Looked says how far a lookup looked, as in "the newest 2,500 stories, back to 14:20:05
// CET". Newest is whether it began at the newest story. Times are in now's zone.
func Looked(f story.Found, newest bool, now time.Time) string {
	stories := humanize.Comma(int64(f.Looked)) + " stories"
	if f.Looked == 1 {
		stories = "story"
	}
	if newest {
		stories = "the newest " + stories
	}
	if f.Back.IsZero() {
		return stories
	}
	return stories + ", back to " + When(f.Back, now)
}

// OtherZone returns the zone of a time, behind a blank, where clocks have been changed since,
// and else "": what stands beside a column of times is now's.
func OtherZone(t, now time.Time) string {
	zone, _ := t.In(now.Location()).Zone()
	if shown, _ := now.Zone(); zone == shown {
		return ""
	}
	return " " + zone
}

// When writes a time with its zone, and with its date unless that is now's.
func When(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05 MST")
	}
	return t.Format("2006-01-02 15:04:05 MST")
}

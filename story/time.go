package story

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeForms says what a time looks like.
const timeForms = "a time is -3h, -2d, 16:00, yesterday, 2026-11-22, 2026-11-22T16:00, or 16:00Z and 2026-11-22T16:00Z for UTC"

// ErrBadTime is wrapped by the errors of [ParseTime].
var ErrBadTime = errors.New("story: not a time")

// ParseTime reads a time as people type it: 2026-11-22, 2026-11-22T16:00,
// 2026-11-22T16:00Z, the latest 16:00 or 16:00Z, today, yesterday, yesterday 16:00, now,
// or how long before now, as 3h, -3h or -2d12h, a day being 24 hours. A day stands for
// its beginning.
//
// Where the text has no zone it is in now's. Of a time that a day has twice, as clocks
// are put back, it is the first, and of the latest the one that was last. Errors wrap
// [ErrBadTime] and say what would be a time.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if days, d, ok := parseAgo(s); ok {
		return now.Add(-time.Duration(days) * day).Add(-d), nil
	}
	if t, ok := parseDayWord(s, now); ok {
		return t, nil
	}
	dates := []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}
	for _, layout := range dates {
		if t, err := time.Parse(layout, s); err == nil {
			return firstShown(t, now.Location()), nil
		}
		if t, err := time.Parse(layout+"Z07:00", s); err == nil {
			return t, nil
		}
	}
	if clock, zone, ok := parseClock(s, now.Location()); ok {
		return latest(clock, now.In(zone)), nil
	}
	return time.Time{}, fmt.Errorf("%w: %.100q; %s", ErrBadTime, s, timeForms)
}

// parseClock reads a time of day, and the zone that it names or else the one given.
func parseClock(s string, zone *time.Location) (clock time.Time, in *time.Location, ok bool) {
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, zone, true
		}
		if t, err := time.Parse(layout+"Z07:00", s); err == nil {
			return t, t.Location(), true
		}
	}
	return time.Time{}, nil, false
}

// parseDayWord reads now, today and yesterday, the last two with a time of that day too.
func parseDayWord(s string, now time.Time) (time.Time, bool) {
	word, of, timed := strings.Cut(strings.ToLower(s), " ")
	back := 0
	switch word {
	case "now":
		return now, !timed
	case "today":
	case "yesterday":
		back = 1
	default:
		return time.Time{}, false
	}
	var clock time.Time
	zone := now.Location()
	if timed {
		var ok bool
		if clock, zone, ok = parseClock(strings.ToUpper(of), zone); !ok {
			return time.Time{}, false
		}
		now = now.In(zone)
	}
	return firstShown(time.Date(now.Year(), now.Month(), now.Day()-back, clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC), zone), true
}

// parseAgo reads a duration that may have days, with or without a sign.
func parseAgo(s string) (days int, d time.Duration, ok bool) {
	s = strings.TrimPrefix(s, "-")
	if before, after, found := strings.Cut(s, "d"); found {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, 0, false
		}
		if after == "" {
			return int(n), 0, true
		}
		days, s = int(n), after
	}
	d, err := time.ParseDuration(s)
	return days, d, err == nil && d >= 0
}

const day = 24 * time.Hour

// latest returns the last time before now when a clock showed that time of day, in
// now's zone.
func latest(clock, now time.Time) time.Time {
	for back := 0; ; back++ { // on a day on which clocks change there may be none
		shown := time.Date(now.Year(), now.Month(), now.Day()-back, clock.Hour(), clock.Minute(), clock.Second(), 0, time.UTC)
		for _, t := range slices.Backward(instants(shown, now.Location())) {
			if !t.After(now) {
				return t
			}
		}
	}
}

// firstShown returns when a clock of the zone shows for the first time what t does, or else, as clocks
// are put forward over it, a time close to that.
func firstShown(t time.Time, zone *time.Location) time.Time {
	if all := instants(t, zone); len(all) > 0 {
		return all[0]
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}

// instants returns the times when a clock of the zone shows what a UTC time does, in
// their order: one, but on days on which clocks change none or two.
func instants(shown time.Time, zone *time.Location) []time.Time {
	var all []time.Time
	for _, near := range []time.Time{shown.Add(-day), shown.Add(day)} { // before the change and after it
		_, offset := near.In(zone).Zone()
		t := shown.Add(-time.Duration(offset) * time.Second).In(zone)
		if t.Format(time.DateTime) == shown.Format(time.DateTime) && !slices.ContainsFunc(all, t.Equal) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

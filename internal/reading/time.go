package reading

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a time as people type it: 2026-11-22, 2026-11-22T16:00,
// 2026-11-22T16:00:00Z, the latest 16:00, or how long before now, as 3h, -3h or
// -2d12h. Where there is no zone it is in now's. The empty string is the zero time.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if days, d, ok := parseAgo(s); ok {
		return now.AddDate(0, 0, -days).Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return latest(t, now), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: a time is -3h, -2d, 16:00, 2026-11-22 or 2026-11-22T16:00:00Z, not %.100q", ErrBadView, s)
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

// latest returns the last time before now when a clock showed that time of day.
func latest(clock, now time.Time) time.Time {
	t := time.Date(now.Year(), now.Month(), now.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
	if t.After(now) {
		t = t.AddDate(0, 0, -1)
	}
	return t
}

package reading

import (
	"fmt"
	"time"
)

// ParseTime reads a time as people type it: 2026-11-22, 2026-11-22T16:00,
// 2026-11-22T16:00:00Z, or how long before now, as 3h or -3h. Where there is no zone it is
// in now's. The empty string is the zero time.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: a time is -3h, 2026-11-22 or 2026-11-22T16:00:00Z, not %q", ErrBadView, s)
}

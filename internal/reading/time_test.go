package reading_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestParseTime(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 22, 16, 41, 41, 0, cet)
	for s, want := range map[string]time.Time{
		"":                          {},
		"3h":                        now.Add(-3 * time.Hour),
		"-90m":                      now.Add(-90 * time.Minute),
		"-2d":                       now.AddDate(0, 0, -2),
		"1d12h":                     now.AddDate(0, 0, -1).Add(-12 * time.Hour),
		"16:00":                     time.Date(2026, 11, 22, 16, 0, 0, 0, cet),
		"23:30:10":                  time.Date(2026, 11, 21, 23, 30, 10, 0, cet),
		"2026-11-22":                time.Date(2026, 11, 22, 0, 0, 0, 0, cet),
		"2026-11-22T16:00":          time.Date(2026, 11, 22, 16, 0, 0, 0, cet),
		"2026-11-22 16:00":          time.Date(2026, 11, 22, 16, 0, 0, 0, cet),
		"2026-11-22T16:00:01":       time.Date(2026, 11, 22, 16, 0, 1, 0, cet),
		"2026-11-22T16:00:01Z":      time.Date(2026, 11, 22, 16, 0, 1, 0, time.UTC),
		"2026-11-22T16:00:01-05:00": time.Date(2026, 11, 22, 21, 0, 1, 0, time.UTC),
	} {
		if got, err := reading.ParseTime(s, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseTime(%q): got %v, %v, want %v", s, got, err, want)
		}
	}
}

func TestParseTimeErrors(t *testing.T) {
	for _, s := range []string{"yesterday", "3", "d", "-1.5d", "--3h", "2026-13-01", "25:00", "2026-11-22T25:00"} {
		if got, err := reading.ParseTime(s, noon); !errors.Is(err, reading.ErrBadView) || !got.IsZero() {
			t.Errorf("ParseTime(%q): got %v, %v, want ErrBadView", s, got, err)
		}
	}
}

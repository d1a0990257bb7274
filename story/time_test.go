package story_test

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata" // so that the zones below are there

	"github.com/dynamoslog/dynamoslog/story"
)

func TestParseTime(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 22, 16, 41, 41, 0, cet)
	for s, want := range map[string]time.Time{
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
		"2026-11-22T16:00Z":         time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC),
		"2026-11-22 16:00Z":         time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC),
		"2026-11-22 16:00:01Z":      time.Date(2026, 11, 22, 16, 0, 1, 0, time.UTC),
		"2026-11-22T16:00+05:30":    time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC),
		"2026-11-22Z":               time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		"now":                       now,
		"today":                     time.Date(2026, 11, 22, 0, 0, 0, 0, cet),
		"Yesterday":                 time.Date(2026, 11, 21, 0, 0, 0, 0, cet),
		"yesterday 16:00":           time.Date(2026, 11, 21, 16, 0, 0, 0, cet),
		"yesterday 16:00Z":          time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC),
		"today 18:30:10":            time.Date(2026, 11, 22, 18, 30, 10, 0, cet),
		"15:00Z":                    time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC),
		"16:00Z":                    time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC),
		"2026-11-22T16:00:01-05:00": time.Date(2026, 11, 22, 21, 0, 1, 0, time.UTC),
	} {
		if got, err := story.ParseTime(s, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseTime(%q): got %v, %v, want %v", s, got, err, want)
		}
	}
}

// In Berlin clocks are put forward from 02:00 to 03:00 on 29 March 2026, and back from
// 03:00 to 02:00 on 25 October; on Lord Howe Island by half an hour.
func TestParseTimeWhereClocksChange(t *testing.T) {
	for _, test := range []struct{ zone, now, s, want string }{
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "09:00", "2026-03-29T09:00+02:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "01:30", "2026-03-29T01:30+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "02:30", "2026-03-28T02:30+01:00"}, // there is none that day
		{"Europe/Berlin", "2026-03-29T01:00+01:00", "02:30", "2026-03-28T02:30+01:00"},
		{"Europe/Berlin", "2026-03-30T02:00+02:00", "02:30", "2026-03-28T02:30+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "16:00", "2026-03-28T16:00+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "-1d", "2026-03-28T09:00+01:00"},
		{"Europe/Berlin", "2026-03-30T02:30+02:00", "-1d", "2026-03-29T01:30+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "-12h", "2026-03-28T21:00+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "2026-03-29", "2026-03-29T00:00+01:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "2026-03-29T16:00", "2026-03-29T16:00+02:00"},
		{"Europe/Berlin", "2026-10-25T02:45+01:00", "02:30", "2026-10-25T02:30+01:00"}, // for the second time
		{"Europe/Berlin", "2026-10-25T02:15+01:00", "02:30", "2026-10-25T02:30+02:00"},
		{"Europe/Berlin", "2026-10-25T02:15+02:00", "02:30", "2026-10-24T02:30+02:00"},
		{"Europe/Berlin", "2026-10-25T10:00+01:00", "16:00", "2026-10-24T16:00+02:00"},
		{"Europe/Berlin", "2026-10-25T10:00+01:00", "2026-10-25T02:30", "2026-10-25T02:30+02:00"},
		{"Europe/Berlin", "2026-10-25T10:00+01:00", "-7d", "2026-10-18T11:00+02:00"},
		{"Europe/Berlin", "2026-03-29T10:00+02:00", "today", "2026-03-29T00:00+01:00"},
		{"Europe/Berlin", "2026-03-30T00:30+02:00", "yesterday", "2026-03-29T00:00+01:00"},
		{"Europe/Berlin", "2026-03-30T00:30+02:00", "yesterday 09:00", "2026-03-29T09:00+02:00"},
		{"Europe/Berlin", "2026-10-26T00:30+01:00", "yesterday", "2026-10-25T00:00+02:00"},
		{"Europe/Berlin", "2026-10-26T00:30+01:00", "yesterday 02:30", "2026-10-25T02:30+02:00"}, // for the first time
		{"Europe/Berlin", "2026-10-25T23:30+01:00", "16:00Z", "2026-10-25T17:00+01:00"},
		{"Europe/Berlin", "2026-10-25T00:30+02:00", "yesterday 16:00Z", "2026-10-23T18:00+02:00"}, // in UTC it is the 24th yet
		// In New York from 02:00 to 03:00 on 8 March 2026, and back on 1 November.
		{"America/New_York", "2026-03-08T10:00-04:00", "today", "2026-03-08T00:00-05:00"},
		{"America/New_York", "2026-03-08T10:00-04:00", "02:30", "2026-03-07T02:30-05:00"},
		{"America/New_York", "2026-03-09T10:00-04:00", "yesterday", "2026-03-08T00:00-05:00"},
		{"America/New_York", "2026-11-01T10:00-05:00", "01:30", "2026-11-01T01:30-05:00"}, // for the second time
		{"America/New_York", "2026-11-01T10:00-05:00", "today 01:30", "2026-11-01T01:30-04:00"},
		{"America/New_York", "2026-11-02T10:00-05:00", "yesterday", "2026-11-01T00:00-04:00"},
		{"America/New_York", "2026-11-02T10:00-05:00", "-1d", "2026-11-01T10:00-05:00"},
		{"America/New_York", "2026-11-01T10:00-05:00", "-1d", "2026-10-31T11:00-04:00"},
		{"Australia/Lord_Howe", "2026-04-05T01:50+10:30", "01:45", "2026-04-05T01:45+10:30"}, // for the second time
		{"Australia/Lord_Howe", "2026-10-04T10:00+11:00", "02:15", "2026-10-03T02:15+10:30"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		at := func(s string) time.Time {
			parsed, err := time.Parse("2006-01-02T15:04Z07:00", s)
			if err != nil {
				t.Fatal(err)
			}
			return parsed.In(zone)
		}
		if got, err := story.ParseTime(test.s, at(test.now)); err != nil || !got.Equal(at(test.want)) {
			t.Errorf("at %s %q is %v, %v, want %v", test.now, test.s, got, err, at(test.want))
		}
	}
}

func TestParseTimeErrors(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "soon", "yesterday soon", "tomorrow", "now 16:00", "yesterday  16:00", "3", "d", "-1.5d", "--3h", "2026-13-01", "25:00", "2026-11-22T25:00"} {
		if got, err := story.ParseTime(s, noon); !errors.Is(err, story.ErrBadTime) || !got.IsZero() {
			t.Errorf("ParseTime(%q): got %v, %v, want ErrBadTime", s, got, err)
		}
	}
}

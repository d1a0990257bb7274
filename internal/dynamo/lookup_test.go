package dynamo_test

import (
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// What an index serves takes one query of at most 2 read units for 20 results, and what
// none does is bounded.
func TestLookupIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	fillStories(t, b, 700)
	all, err := b.List(t.Context(), story.Query{Limit: 300})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct {
		found, looked int
		most          float64 // read units
		short         bool
	}{
		"user_1":           {20, 20, 2, false},
		"":                 {20, 20, 2, false},
		"since:2026-11-01": {20, 20, 2, false},
		"id:" + story.ShortID(all.Headers[299].ID): {1, 1, 0.5, false},
		"status=500":        {0, 400, 20, true},
		"level:error":       {0, 500, 20, true},  // by pages of 250
		"user_1 status=500": {0, 350, 40, false}, // of which its key's item is read whole
	} {
		search, err := story.ParseSearch(text, at(23, 0))
		if err != nil {
			t.Fatal(err)
		}
		_, before := b.Consumed()
		got, err := story.Lookup{Search: search, Limit: 20, Look: 400}.Find(t.Context(), b)
		_, after := b.Consumed()
		if err != nil || len(got.Headers) != want.found || got.Looked != want.looked || got.Short != want.short || after-before > want.most {
			t.Errorf("%q: found %d, looked at %d, short %v, took %v read units, %v; want %+v", text, len(got.Headers), got.Looked, got.Short, after-before, err, want)
		}
		if want.short {
			if age := all.Headers[0].Start.Sub(got.Back); age != time.Duration(want.looked-1)*time.Minute {
				t.Errorf("%q: looked %v back", text, age)
			}
		}
	}
}

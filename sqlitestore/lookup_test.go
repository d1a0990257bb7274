package sqlitestore_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A countingStore counts the pages and the headers that it was asked for.
type countingStore struct {
	story.Store
	pages, looked int
}

func (c *countingStore) List(ctx context.Context, q story.Query) (story.Page, error) {
	page, err := c.Store.List(ctx, q)
	c.pages, c.looked = c.pages+1, c.looked+page.Looked
	return page, err
}

// Whatever is searched among 20,000 stories takes no more than it says, and what an index
// serves takes what it returns.
func TestLookupIsBounded(t *testing.T) {
	file := open(t, filepath.Join(t.TempDir(), "stories.db"))
	newest := time.Now().UTC().Truncate(time.Second)
	const all = 20_000
	parts := make([]story.Part, 0, all)
	for i := range all {
		part := header(story.NewKey([]string{"user", "job"}[min(i%1000, 1)^1], fmt.Sprint(i%40)), newest.Add(-time.Duration(i)*time.Second))
		part.Header.Attrs = map[string]string{"status": fmt.Sprint(200 + i%400)}
		if i%400 == 399 {
			part.Header.MaxLevel = slog.LevelError
		}
		parts = append(parts, part)
	}
	if err := file.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	short := story.ShortID(parts[12_345].ID)
	for text, want := range map[string]struct {
		found, looked, pages int
		short                bool
	}{
		"status=599":                           {6, 2500, 6, true},
		"status>=598 took<1s hello":            {12, 2500, 6, true},
		"level:error":                          {50, 50, 1, false},
		"level:warn":                           {50, 50, 1, false},
		"level>warn -level:error":              {0, 50, 2, false},
		"problem:bad":                          {0, 50, 2, false},
		"no-such-word":                         {0, 2500, 6, true},
		"":                                     {50, 50, 1, false},
		"user_7":                               {50, 50, 1, false},
		"user_7 status=207":                    {50, 500, 4, false},
		"kind:job":                             {20, 20, 1, false},
		"kind:job level:error":                 {0, 20, 1, false},
		"id:" + short:                          {1, 1, 1, false},
		"until:" + at(newest, 19_990):          {9, 9, 1, false},
		"since:" + at(newest, 30):              {31, 31, 1, false},
		"status=599 since:" + at(newest, 1000): {2, 1001, 4, false},
	} {
		search, err := story.ParseSearch(text, newest)
		if err != nil {
			t.Fatal(err)
		}
		store := &countingStore{Store: file}
		got, err := story.Lookup{Search: search}.Find(t.Context(), store)
		if err != nil || got.Short != want.short || got.Looked > want.looked || store.looked > want.looked || store.pages > want.pages {
			t.Errorf("%q: found %d, looked at %d (%d) in %d pages, short %v, %v; want %+v", text, len(got.Headers), got.Looked, store.looked, store.pages, got.Short, err, want)
		}
		if len(got.Headers) != want.found {
			t.Errorf("%q: found %d, want %d", text, len(got.Headers), want.found)
		}
		if back := parts[max(got.Looked-1, 0)].Header.Start; want.short && !got.Back.Equal(back) {
			t.Errorf("%q: looked back to %v, want %v", text, got.Back, back)
		}
	}
	if h, err := story.FindID(t.Context(), file, story.Key{}, short); err != nil || h.ID != parts[12_345].ID {
		t.Errorf("got %v, %v", h.ID, err)
	}
}

// at writes the time so many seconds before another.
func at(newest time.Time, seconds int) string {
	return newest.Add(-time.Duration(seconds) * time.Second).Format(time.RFC3339)
}

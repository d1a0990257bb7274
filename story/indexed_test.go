package story_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A search for an attribute under whose value stories are listed is one query, also where
// nobody says which attributes these are.
func TestSearchFindsAnIndex(t *testing.T) {
	store, now := story.NewMemory(), time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	put := func(h story.Header, also ...story.Key) {
		t.Helper()
		h.State, h.Also = story.Sealed, also
		parts := []story.Part{{Key: h.Key, ID: h.ID, Header: &h}}
		for _, key := range also {
			alias := h.Alias(key)
			parts = append(parts, story.Part{Key: key, ID: h.ID, Header: &alias})
		}
		if err := store.Put(t.Context(), parts); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3000 {
		at := now.Add(time.Duration(i) * time.Second)
		put(story.Header{Key: story.NewKey("user", fmt.Sprint(i%50)), ID: story.NewID(at), Start: at, Title: "x"})
	}
	long := now.Add(-time.Hour) // further back than a search looks
	put(story.Header{Key: story.NewKey("user", "7"), ID: story.NewID(long), Start: long, Title: "POST /orders"}, story.NewKey("order", "93"))
	at := now.Add(2 * time.Hour)
	put(story.Header{Key: story.NewKey("order", "94"), ID: story.NewID(at), Start: at, Title: "Fulfilling", Attrs: map[string]string{"order": "94"}})
	for _, c := range []struct {
		search      string
		found, most int
	}{
		{"order=93", 1, 1},
		{"order=93 POST", 1, 1},
		{"order=93 -POST", 0, 1},
		{"order=94", 1, 3100},           // a story about it is no index: others may have the attribute
		{"-order=93", 50, 3100},         // nor is what is left out
		{"kind:user order=93", 0, 3100}, // an alias is of the kind order
	} {
		search, err := story.ParseSearch(c.search, now)
		if err != nil {
			t.Fatal(err)
		}
		found, err := story.Lookup{Search: search}.Find(t.Context(), store)
		if err != nil || len(found.Headers) != c.found || found.Looked > c.most {
			t.Errorf("%s: %d found, looked at %d, %v", c.search, len(found.Headers), found.Looked, err)
		}
	}
}

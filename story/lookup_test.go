package story_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// putHeaders stores n stories, a second apart from begin on, that a function changes.
func putHeaders(t *testing.T, store story.Store, begin time.Time, n int, change func(i int, h *story.Header)) {
	t.Helper()
	for i := range n {
		start := begin.Add(time.Duration(i) * time.Second)
		h := story.Header{Key: story.NewKey("user", fmt.Sprint(i%7)), ID: story.NewID(start), Start: start, Updated: start, State: story.Sealed, LineCount: 1, Title: fmt.Sprint("story ", i)}
		change(i, &h)
		if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: &h, Text: "+0.000 I x\n"}}); err != nil {
			t.Fatal(err)
		}
	}
}

// sparse stores n stories, of which some have status=500.
func sparse(t *testing.T, n, every int) (*story.Memory, time.Time) {
	store, begin := story.NewMemory(), searchNow.UTC().Add(-time.Hour)
	putHeaders(t, store, begin, n, func(i int, h *story.Header) {
		h.Attrs = map[string]string{"status": "200"}
		if i%every == 0 {
			h.Attrs["status"], h.MaxLevel = "500", slog.LevelError
		}
	})
	return store, begin
}

// A countingStore counts pages.
type countingStore struct {
	story.Store
	pages int
	tells bool // how far it looked
}

func (c *countingStore) List(ctx context.Context, q story.Query) (story.Page, error) {
	c.pages++
	page, err := c.Store.List(ctx, q)
	if !c.tells {
		page.Looked, page.Back = 0, time.Time{}
	}
	return page, err
}

func TestLookupIsBounded(t *testing.T) {
	memory, begin := sparse(t, 3000, 100)
	for _, c := range []struct {
		text               string
		lookup             story.Lookup
		found, looked      int
		most               int // pages
		short, next, tells bool
	}{
		{"status=500", story.Lookup{Limit: 20}, 20, 2050, 6, false, true, true},
		{"status=500", story.Lookup{}, 25, 2500, 6, true, true, true},
		{"status=500", story.Lookup{}, 25, 2500, 6, true, true, false},
		{"status=500", story.Lookup{Look: 5000}, 30, 3000, 6, false, false, true},
		{"level:error", story.Lookup{}, 25, 2500, 11, true, true, true},              // a filter of the store's
		{"level:error", story.Lookup{Look: 700}, 7, 750, 3, true, true, true},        // whose pages are of 250,
		{"status=500", story.Lookup{Look: 10, Limit: 5}, 0, 10, 2, true, true, true}, // and a look for a list of status_500
		{"", story.Lookup{Look: 10}, 50, 50, 1, false, true, true},
		{"", story.Lookup{Limit: 20}, 20, 20, 1, false, true, true},
		{"", story.Lookup{Limit: 20}, 20, 20, 1, false, true, false},
		{"user_3", story.Lookup{Limit: 20}, 20, 20, 1, false, true, true},
		{"none", story.Lookup{OldestFirst: true}, 0, 2500, 6, true, true, true},
		{"kind:nobody", story.Lookup{}, 0, 2500, 11, true, true, true},
		{"since:16:41:30", story.Lookup{}, 0, 0, 1, false, false, true},
	} {
		store := &countingStore{Store: memory, tells: c.tells}
		c.lookup.Search = parseSearch(t, c.text)
		got, err := c.lookup.Find(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		// Where the limit ends a lookup within a page it has looked at most at all of it.
		if len(got.Headers) != c.found || got.Looked < c.looked || got.Looked > c.looked+950 || c.short && got.Looked != c.looked || got.Short != c.short || (got.Next != "") != c.next || store.pages > c.most {
			t.Errorf("%q %+v: found %d, looked at %d in %d pages, short %v, next %q", c.text, c.lookup, len(got.Headers), got.Looked, store.pages, got.Short, got.Next)
		}
		if want := begin.Add(time.Duration(3000-got.Looked) * time.Second); c.short && !c.lookup.OldestFirst && !got.Back.Equal(want) {
			t.Errorf("%q: looked back to %v, want %v", c.text, got.Back, want)
		}
	}
}

// A store whose filter never tells how far it looked does not keep a lookup for ever.
func TestLookupOfSilentStore(t *testing.T) {
	store := &silentStore{}
	got, err := story.Lookup{Search: parseSearch(t, "level:error")}.Find(t.Context(), store)
	if err != nil || !got.Short || got.Next == "" || store.pages > 50 {
		t.Errorf("got %+v, %v after %d pages", got, err, store.pages)
	}
}

type silentStore struct {
	story.Store
	pages int
}

func (s *silentStore) List(context.Context, story.Query) (story.Page, error) {
	s.pages++
	return story.Page{Next: fmt.Sprint(s.pages)}, nil
}

// Page by page everything is found once, newest or oldest first, whatever the limit, also
// where stories come meanwhile and the one that a page ended with is deleted.
func TestLookupGoesOn(t *testing.T) {
	for _, limit := range []int{1, 4, 30, 50} {
		for _, look := range []int{0, 90, 133} {
			for _, oldest := range []bool{false, true} {
				store, begin := sparse(t, 600, 20)
				lookup := story.Lookup{Search: parseSearch(t, "status=500"), Limit: limit, Look: look, OldestFirst: oldest}
				seen := make(map[string]int)
				rounds := 0
				for ; ; rounds++ {
					got, err := lookup.Find(t.Context(), store)
					if err != nil || len(got.Headers) > limit || rounds > 200 {
						t.Fatalf("limit %d, look %d: %d found in round %d, %v", limit, look, len(got.Headers), rounds, err)
					}
					for _, h := range got.Headers {
						seen[h.Title]++
					}
					if got.Next == "" {
						break
					}
					if lookup.Cursor = got.Next; rounds == 1 {
						if n := len(got.Headers); n > 0 {
							last := got.Headers[n-1]
							if err := store.Delete(t.Context(), last.Key, last.ID); err != nil {
								t.Fatal(err)
							}
						}
						if !oldest {
							putHeaders(t, store, begin.Add(700*time.Second), 3, func(_ int, h *story.Header) { h.Attrs = map[string]string{"status": "500"}; h.Title = "new" })
						}
					}
				}
				for title, n := range seen {
					if n != 1 || title == "new" {
						t.Errorf("limit %d, look %d, oldest first %v: %s was found %d times", limit, look, oldest, title, n)
					}
				}
				if len(seen) != 30 {
					t.Errorf("limit %d, look %d, oldest first %v: found %d of 30", limit, look, oldest, len(seen))
				}
			}
		}
	}
}

func TestLookupAll(t *testing.T) {
	store, _ := sparse(t, 3000, 100)
	n := 0
	for h, err := range (story.Lookup{Search: parseSearch(t, "status=500"), Look: 100}).All(t.Context(), store) {
		if err != nil || h.Attrs["status"] != "500" {
			t.Fatal(h, err)
		}
		if n++; n == 29 {
			break
		}
	}
	if n != 29 {
		t.Errorf("found %d", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range (story.Lookup{}).All(ctx, store) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	for _, cursor := range []string{"within.!", "within.W10", "bad"} {
		if _, err := (story.Lookup{Cursor: cursor}).Find(t.Context(), store); !errors.Is(err, story.ErrBadCursor) {
			t.Errorf("cursor %q: got %v", cursor, err)
		}
	}
}

// An indexed name is asked for as a key: what is listed under it is found whatever its
// header says.
func TestLookupByIndexedName(t *testing.T) {
	store := &countingStore{Store: story.NewMemory(), tells: true}
	putHeaders(t, store, searchNow.UTC(), 40, func(i int, h *story.Header) { h.Key = story.NewKey("order", fmt.Sprint(i%2)) })
	got, err := story.Lookup{Search: parseSearch(t, "order=1"), Index: []string{"order"}, Limit: 5}.Find(t.Context(), store)
	if err != nil || len(got.Headers) != 5 || got.Looked != 5 || store.pages != 1 {
		t.Errorf("got %d of %d in %d pages, %v", len(got.Headers), got.Looked, store.pages, err)
	}
	got, err = story.Lookup{Search: parseSearch(t, "order=1")}.Find(t.Context(), store)
	if err != nil || len(got.Headers) != 0 || got.Looked != 40 {
		t.Errorf("without the index: %+v, %v", got, err)
	}
}

func TestShortID(t *testing.T) {
	for id, want := range map[string]string{
		"2026-11-22T16:41:41.407123Z-7f3k2m":     "hoejm7nd77" + "7f",
		"2026-11-22T16:41:41.407123Z-7f3k2m-2":   "hoejm7nd77" + "7f-2",
		"1970-01-01T00:00:00.000001Z-zzzzzz":     "0000000001zz",
		"9999-12-31T23:59:59.999999Z-abcdef":     "1xb3m9wqsqnzab",
		"2026-11-22T16:41:41.407123Z":            "", // of another form: as they are
		"2026-11-22T16:41:41.407123Z-7f3k2":      "",
		"2026-11-22T16:41:41.407123Z-7f3k2mx":    "",
		"2026-11-22T16:41:41.407123Z-7F3k2m":     "",
		"1969-11-22T16:41:41.407123Z-7f3k2m":     "",
		"mine":                                   "",
		"":                                       "",
		"2026-11-22T16:41:41.407123Z_7f3k2m":     "",
		"2026-11-22T16:41:41.407123Z-7f3k2m\x1b": "",
	} {
		got := story.ShortID(id)
		if want == "" {
			want = id
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
		if got != id && !story.IsID(got) {
			t.Errorf("%q is no id", got)
		}
	}
	for range 1000 {
		if id := story.NewID(time.Now()); len(story.ShortID(id)) != 12 || !story.IsID(story.ShortID(id)) {
			t.Errorf("%s becomes %s", id, story.ShortID(id))
		}
	}
	for _, text := range []string{"", "user_42", "hobq7sg5c3", "hobq7sg5c37fxx", "HOBQ7SG5C37F", "2026-11-22", "zzzzzzzzzzzzzzz"} {
		if story.IsID(text) {
			t.Errorf("%q is an id", text)
		}
	}
}

func TestFindID(t *testing.T) {
	store := &countingStore{Store: story.NewMemory(), tells: true}
	begin := searchNow.UTC()
	ids := []string{"-aaaaaa", "-aabbbb", "-bbbbbb", "-bbbbbb-2"}
	putHeaders(t, store, begin, 200, func(i int, h *story.Header) {
		if i < len(ids) { // of one microsecond
			h.Start = begin
			h.ID = story.IDPrefix(begin) + ids[i]
		}
	})
	short := story.ShortID(story.IDPrefix(begin) + "-bbbbbb")
	for id, want := range map[string]string{short: "user_2", short + "-2": "user_3", story.IDPrefix(begin) + "-aabbbb": "user_1", story.IDPrefix(begin) + "-bbbbbb-2": "user_3"} {
		store.pages = 0
		if h, err := story.FindID(t.Context(), store, story.Key{}, id); err != nil || h.Key.String() != want || store.pages != 1 {
			t.Errorf("%s: got %v %v, %v in %d pages, want %s", id, h.Key, h.ID, err, store.pages, want)
		}
	}
	_, err := story.FindID(t.Context(), store, story.Key{}, short[:10]+"aa")
	if !errors.Is(err, story.ErrAmbiguous) || !strings.Contains(err.Error(), "user_0 "+story.IDPrefix(begin)+"-aaaaaa") || !strings.Contains(err.Error(), "user_1 ") {
		t.Errorf("got %v", err)
	}
	if h, err := story.FindID(t.Context(), store, story.NewKey("user", "1"), short[:10]+"aa"); err != nil || !strings.HasSuffix(h.ID, "-aabbbb") {
		t.Errorf("of one key: got %v, %v", h.ID, err)
	}
	for _, id := range []string{"", "mine", "user_1", short[:11] + "c", short[:9] + "zbb", "\x1b[2J"} {
		if _, err := story.FindID(t.Context(), store, story.Key{}, id); !errors.Is(err, story.ErrNotFound) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

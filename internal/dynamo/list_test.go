package dynamo_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// fillStories stores n stories of two keys, a minute apart, titled 000, 001 and
// so on, and returns their titles, newest first.
func fillStories(t *testing.T, b *bench, n int) []string {
	t.Helper()
	var parts []story.Part
	var all []string
	for i := range n {
		h := headerOf(story.NewKey("user", fmt.Sprint(i%2)), idAt(at(5, time.Duration(i)*time.Minute), fmt.Sprintf("%06d", i)))
		h.Title = fmt.Sprintf("%03d", i)
		parts = append(parts, headPart(h, "+0.000 I x\n"), textPart(h.Key, h.ID, 1, "+0.000 I y\n"))
		all = append(all, h.Title)
	}
	b.put(t, parts...)
	slices.Reverse(all)
	return all
}

func TestListShards(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, dynamo.Config{Shards: shards})
			want := fillStories(t, b, 60)
			for _, q := range []story.Query{{Limit: 1}, {Limit: 7}, {Limit: 60}, {Limit: 1000},
				{Limit: 1, OldestFirst: true}, {Limit: 7, OldestFirst: true}, {Limit: 60, OldestFirst: true}} {
				want, limit := slices.Clone(want), q.Limit
				if q.OldestFirst {
					slices.Reverse(want)
				}
				var got []string
				for pages := 0; ; pages++ {
					page, err := b.List(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					if len(page.Headers) > limit || pages > 60 {
						t.Fatalf("limit %d: got a page of %d, the %dth", limit, len(page.Headers), pages)
					}
					for _, h := range page.Headers {
						got = append(got, h.Title)
					}
					if page.Next == "" {
						break
					}
					q.Cursor = page.Next
				}
				if !slices.Equal(got, want) {
					t.Errorf("limit %d, oldest first %v: got %v, want %v", limit, q.OldestFirst, got, want)
				}
			}
		})
	}
}

func mustNext(t *testing.T, b *bench, q story.Query) string {
	t.Helper()
	page, err := b.List(t.Context(), q)
	if err != nil || page.Next == "" {
		t.Fatalf("got no cursor: %v, %v", page, err)
	}
	return page.Next
}

func TestListOfKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	fillStories(t, b, 10)
	key := story.NewKey("user", "1")
	minute := func(n int) time.Time { return at(5, time.Duration(n)*time.Minute) }
	for _, test := range []struct {
		q      story.Query
		want   string
		reason string
	}{
		{story.Query{Key: key}, "009,007,005,003,001", "all, without their parts"},
		{story.Query{Key: key, Since: minute(5)}, "009,007,005", "the one at Since too"},
		{story.Query{Key: key, Until: minute(5)}, "003,001", "not the one at Until"},
		{story.Query{Key: key, Since: minute(3), Until: minute(7)}, "005,003", "between"},
		{story.Query{Key: key, Since: minute(5).Add(time.Nanosecond)}, "009,007", "Since is finer than ids"},
		{story.Query{Key: key, Until: minute(5).Add(time.Nanosecond)}, "005,003,001", "Until is finer than ids"},
		{story.Query{Key: key, Since: minute(7), Until: minute(3)}, "", "a range turned around"},
		{story.Query{Key: key, Until: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}, "009,007,005,003,001", "a year of five digits"},
		{story.Query{Key: key, Since: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}, "009,007,005,003,001", "a year before the first"},
		{story.Query{Key: key, Text: "5"}, "005", "by title"},
		{story.Query{Key: key, MinLevel: slog.LevelError}, "", "by level"},
		{story.Query{Key: key, Kind: "job"}, "", "of another kind"},
		{story.Query{Key: story.NewKey("user", "2")}, "", "another key"},
		{story.Query{Since: minute(8)}, "009,008", "over all keys"},
		{story.Query{Key: key, OldestFirst: true}, "001,003,005,007,009", "oldest first"},
		{story.Query{Key: key, OldestFirst: true, Since: minute(3), Limit: 2}, "003,005", "the one at Since and the next"},
		{story.Query{Key: key, OldestFirst: true, Until: minute(5)}, "001,003", "oldest first, not the one at Until"},
		{story.Query{OldestFirst: true, Since: minute(2), Until: minute(5), Limit: 2}, "002,003", "over all keys, oldest first"},
		{story.Query{Since: minute(2), Until: minute(4)}, "003,002", "over all keys, between"},
		{story.Query{Kind: "user", Until: minute(1)}, "000", "over all keys, of a kind"},
	} {
		page, err := b.List(t.Context(), test.q)
		if err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
		if got := titles(page); got != test.want {
			t.Errorf("%s: got %s, want %s", test.reason, got, test.want)
		}
	}
}

// TestListMoved checks the two places that a moved story has.
func TestListMoved(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	h := headerOf(user42, idAt(at(10, 0), "a"))
	h.State = story.Open
	b.put(t, headPart(h, ""))
	h.State = story.Moved
	b.put(t, headPart(h, ""))
	page, err := b.List(t.Context(), story.Query{Key: user42})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].State != story.Moved {
		t.Errorf("of its key: got %v, %v, want the moved header", page, err)
	}
	if page, err = b.List(t.Context(), story.Query{}); err != nil || len(page.Headers) != 0 {
		t.Errorf("over all keys: got %v, %v, want none", page, err)
	}
}

// TestListBounded checks that a page that finds nothing costs no more than others.
func TestListBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{Shards: 2})
	fillStories(t, b, 700)
	for _, q := range []story.Query{
		{Text: "nowhere"},
		{Key: story.NewKey("user", "0"), Text: "nowhere"},
	} {
		b.faults.set(nil)
		page, err := b.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Headers) != 0 || page.Next == "" {
			t.Errorf("%v: got %d headers, Next %q: want none, and more to look at", q, len(page.Headers), page.Next)
		}
		if calls := len(strings.Fields(b.faults.actions())); calls > 2 {
			t.Errorf("%v: got %d calls for a page, want 2", q, calls)
		}
		for h, err := range story.All(t.Context(), b, q) {
			t.Errorf("%v: got %v, %v, want nothing to the end", q, h, err)
		}
	}
}

// TestListWhileWriting checks that what is stored between pages shows nothing twice.
func TestListWhileWriting(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{Shards: 3})
	want := fillStories(t, b, 20)
	var got []string
	q := story.Query{Limit: 3}
	for n := 0; ; n++ {
		page, err := b.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.Headers {
			got = append(got, h.Title)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
		h := headerOf(user42, idAt(at(6, time.Duration(n)*time.Second), "new"))
		h.Title = "new"
		b.put(t, headPart(h, ""))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{TTL: time.Hour})
	now := time.Now()
	gone, kept := idAt(now.Add(-26*time.Hour), "gone"), idAt(now.Add(-24*time.Hour), "kept")
	for _, id := range []string{gone, kept} {
		h := headerOf(user42, id)
		h.Title = id[len(id)-4:]
		h.Parts = 1
		b.put(t, headPart(h, ""), textPart(user42, id, 1, "+0.000 I x\n"))
	}
	b.put(t, textPart(user42, idAt(now.Add(-26*time.Hour), "late"), 1, "+0.000 I x\n"))
	for _, q := range []story.Query{{}, {Key: user42}} {
		page, err := b.List(t.Context(), q)
		if got := titles(page); err != nil || got != "kept" {
			t.Errorf("List(%v): got %s, %v, want kept", q, got, err)
		}
	}
	for _, id := range []string{gone, idAt(now.Add(-26*time.Hour), "late")} {
		if _, err := b.Read(t.Context(), user42, id); !errors.Is(err, story.ErrNotFound) {
			t.Errorf("Read(%s): got %v, want ErrNotFound", id, err)
		}
	}
	// A newer story that is expired earlier, as after the time to live was changed.
	short := newStore(t, b.client, dynamo.Config{Name: b.name, TTL: 0})
	for i := range 300 {
		h := headerOf(user42, idAt(now.Add(-24*time.Hour-time.Duration(300-i)*time.Second), "x"))
		if i >= 100 {
			h.ID = idAt(now.Add(-24*time.Hour-time.Duration(300-i)*time.Millisecond), "x")
		}
		if err := short.Put(t.Context(), []story.Part{headPart(h, "")}); err != nil {
			t.Fatal(err)
		}
	}
	b.faults.set(nil)
	if got, err := b.Read(t.Context(), user42, ""); err != nil || got.ID != kept {
		t.Errorf("Read of the latest: got %s, %v, want %s", got.ID, err, kept)
	}
	if calls := len(strings.Fields(b.faults.actions())); calls > 10 {
		t.Errorf("Read of the latest behind 300 expired ones: got %d calls", calls)
	}
	if err := b.Delete(t.Context(), user42, gone); err != nil {
		t.Errorf("Delete of an expired story: got %v", err)
	}
}

func TestBadCursor(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	fillStories(t, b, 6)
	key := story.NewKey("user", "0")
	next := mustNext(t, b, story.Query{Key: key, Limit: 1})
	encode := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	for _, test := range []struct{ cursor, reason string }{
		{"!", "not base64"},
		{encode("not JSON"), "not JSON"},
		{encode(`[]`), "not an object"},
		{encode(`{}`), "no place"},
		{encode(`{"o":"user_0","s":"2026","x":1}`), "an unknown field"},
		{encode(`{"s":"x"}`), "half a place"},
		{encode(`{"o":"user_0","s":"2026"} {}`), "something behind"},
		{encode(`{"o":"user_0","s":"` + strings.Repeat("x", 1025) + `"}`), "longer than a key can be"},
		{encode(`{"o":"user_7","s":"2026"}`), "of another key"},
		{encode(`{"o":"user_0","s":"part#x"}`), "among the parts"},
		{next + "x", "with a letter more"},
	} {
		page, err := b.List(t.Context(), story.Query{Key: key, Cursor: test.cursor})
		if !errors.Is(err, story.ErrBadCursor) {
			t.Errorf("%s: got %v, %v, want ErrBadCursor", test.reason, titles(page), err)
		}
	}
}

// TestListSameID lists stories of several keys that have one id, as a rekeyed
// one and its successor: a page may end between them.
func TestListSameID(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 4} {
		b := newBench(t, dynamo.Config{Shards: shards})
		const n = 5
		for i := range n {
			for _, suffix := range []string{"a", "b", "c"} {
				b.put(t, headPart(headerOf(story.NewKey("user", fmt.Sprint(i)), idAt(at(10, 0), suffix)), ""))
			}
		}
		for _, q := range []story.Query{{Limit: 1}, {Limit: 2}, {Limit: 7},
			{Limit: 1, OldestFirst: true}, {Limit: 2, OldestFirst: true}, {Limit: 7, OldestFirst: true}} {
			seen := make(map[string]int)
			var ids []string
			for h, err := range story.All(t.Context(), b, q) {
				if err != nil {
					t.Fatal(err)
				}
				seen[h.Key.String()+h.ID]++
				ids = append(ids, h.ID)
			}
			if len(ids) != 3*n || len(seen) != 3*n {
				t.Errorf("%d shards, %+v: got %d headers, %d different ones, want %d", shards, q, len(ids), len(seen), 3*n)
			}
			if !q.OldestFirst {
				slices.Reverse(ids)
			}
			if !slices.IsSorted(ids) {
				t.Errorf("%d shards, %+v: got, oldest first, %v", shards, q, ids)
			}
		}
	}
}

// TestListAfterMoreShards lists stories that were stored when there was one shard.
func TestListAfterMoreShards(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	want := fillStories(t, b, 12)
	more := newStore(t, b.client, dynamo.Config{Name: b.name, TTL: time.Hour * 1000, Shards: 5})
	for _, oldest := range []bool{false, true} {
		var got []string
		q := story.Query{Limit: 1, OldestFirst: oldest, Since: at(4, 0)}
		for h, err := range story.All(t.Context(), more, q) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, h.Title); len(got) > 2*len(want) {
				break
			}
		}
		if oldest {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("oldest first %v: got %v, want %v", oldest, got, want)
		}
	}
}

// TestCursorOfOtherQuery goes on where the query's range does not reach.
func TestCursorOfOtherQuery(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	fillStories(t, b, 6)
	for _, key := range []story.Key{{}, story.NewKey("user", "0")} {
		next := mustNext(t, b, story.Query{Key: key, Limit: 1})
		for _, q := range []story.Query{{Until: at(4, 0)}, {Since: at(6, 0)}} {
			q.Key, q.Cursor = key, next
			if _, err := b.List(t.Context(), q); !errors.Is(err, story.ErrBadCursor) {
				t.Errorf("%v: got %v, want ErrBadCursor", q, err)
			}
		}
	}
}

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{`{"o":"user_42","s":"x"}`, `{}`, `[]`, `{"o":1}`} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(seed)))
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		at, err := dynamo.DecodeCursor(cursor)
		if err != nil {
			if !errors.Is(err, story.ErrBadCursor) {
				t.Errorf("got %v, want ErrBadCursor", err)
			}
			return
		}
		if cursor == "" {
			return
		}
		again, err := dynamo.DecodeCursor(dynamo.EncodeCursor(at))
		if err != nil || again != at {
			t.Errorf("got %v, %v again, want %v", again, err, at)
		}
	})
}

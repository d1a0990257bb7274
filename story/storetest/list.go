package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var listCases = []testCase{
	{"ListOrder", "List returns headers newest first by id, of one key or of a kind", checkListOrder},
	{"ListOldestFirst", "OldestFirst turns the order round, and a cursor goes on in it", checkListOldestFirst},
	{"ListOldestFirstPages", "oldest first, a story stored between two pages never makes one appear twice, or be missing", checkListOldestFirstPages},
	{"ListOverAll", "a query without a key and without a kind selects the stories of all", checkListOverAll},
	{"ListPeriod", "a query selects stories that started at Since or later, and before Until", checkListPeriod},
	{"ListFilters", "MinLevel selects by the highest level, Text by what the title contains, in upper or lower case", checkListFilters},
	{"ListPages", "a query with Page.Next as its cursor goes on after the page: nothing is missing, and a story stored in the meantime never makes one appear twice", checkListPages},
	{"ListLooked", "a page that tells how many headers were looked at counts at least its own, and each once; Back is when the last of them began", checkListLooked},
	{"ListSameID", "stories of several keys may have one id; none is missing at the end of a page, or appears twice", checkListSameID},
	{"ListBadCursor", "a cursor that the store did not give is an error that wraps ErrBadCursor", checkListBadCursor},
	{"ListMoved", "a moved story's header is listed under its key, not over all keys", checkListMoved},
	{"ListPartsHidden", "only headers are listed, never the parts with text", checkListPartsHidden},
	{"All", "All returns the headers over all pages from the query's cursor on, and stops after the first error", checkAll},
}

// series returns sealed stories of a key, newest first, a second apart.
func series(key story.Key, start time.Time, n int) []story.Part {
	var parts []story.Part
	for i := range n {
		parts = append(parts, sealed(key, start.Add(time.Duration(i)*time.Second), fmt.Sprintf("%.8s %d", key.ID, i)))
	}
	slices.Reverse(parts)
	return parts
}

func checkListOrder(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	a := series(story.NewKey(kind, "a"), start, 5)
	b := series(story.NewKey(kind, "b"), start.Add(500*time.Millisecond), 5)
	other := sealed(story.NewKey(kind+"-x", "a"), start, "a kind whose name begins alike")
	var both []story.Part
	for i := range a {
		both = append(both, b[i], a[i])
	}
	if err := put(ctx, store, a[3], b[0], a[0], other, a[4], b[3], b[2], a[1], b[4], b[1], a[2]); err != nil {
		return err
	}
	return errors.Join(
		wantList(ctx, store, story.Query{Key: a[0].Key}, a...),
		wantList(ctx, store, story.Query{Kind: kind}, both...),
		wantList(ctx, store, story.Query{Key: b[0].Key, Kind: kind}, b...),
		wantList(ctx, store, story.Query{Key: b[0].Key, Kind: kind + "-x"}),
		wantList(ctx, store, story.Query{Key: story.NewKey(kind, "none")}),
		wantList(ctx, store, story.Query{Kind: newKind()}),
	)
}

func checkListOverAll(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	var want []story.Part
	for i := range 3 {
		key := story.NewKey(kind, fmt.Sprint(i))
		want = append(want, sealed(key, start.Add(time.Duration(i)*time.Second), fmt.Sprint("story ", i)))
	}
	if err := put(ctx, store, want...); err != nil {
		return err
	}
	slices.Reverse(want)
	for _, limit := range []int{0, 2} {
		q := story.Query{Since: start, Until: start.Add(time.Minute), Limit: limit}
		if err := wantListOverAll(ctx, store, kind, q, want...); err != nil {
			return err
		}
		q.Text = "STORY 1"
		if err := wantListOverAll(ctx, store, kind, q, want[1]); err != nil {
			return err
		}
	}
	return nil
}

func checkListOldestFirst(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	a := series(story.NewKey(kind, "a"), start, 5)
	b := series(story.NewKey(kind, "b"), start.Add(500*time.Millisecond), 5)
	if err := put(ctx, store, append(slices.Clone(a), b...)...); err != nil {
		return err
	}
	slices.Reverse(a)
	slices.Reverse(b)
	var both []story.Part
	for i := range a {
		both = append(both, a[i], b[i])
	}
	at := func(i int) time.Time { return a[i].Header.Start }
	for _, limit := range []int{0, 1, 3} {
		oldest := story.Query{OldestFirst: true, Limit: limit}
		ofKey, ofKind, all := oldest, oldest, oldest
		ofKey.Key, ofKind.Kind = a[0].Key, kind
		all.Since, all.Until = start, start.Add(time.Minute)
		ofPeriod, allOfPeriod, after := ofKey, oldest, ofKey
		ofPeriod.Since, ofPeriod.Until = at(1), at(3)
		allOfPeriod.Since, allOfPeriod.Until = at(1), at(3)
		after.Since = at(2).Add(1)
		err := errors.Join(
			wantList(ctx, store, ofKey, a...),
			wantList(ctx, store, ofKind, both...),
			wantListOverAll(ctx, store, kind, all, both...),
			wantList(ctx, store, ofPeriod, a[1:3]...),
			wantListOverAll(ctx, store, kind, allOfPeriod, both[2:6]...),
			wantList(ctx, store, after, a[3:]...),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func checkListLooked(ctx context.Context, store story.Store) error {
	stories := series(newKey(), recent(), 8)
	for _, i := range []int{2, 6} {
		stories[i].Header.MaxLevel = slog.LevelError
	}
	if err := put(ctx, store, stories...); err != nil {
		return err
	}
	looked := 0
	for q := (story.Query{Key: stories[0].Key, MinLevel: slog.LevelError, Limit: 1}); ; {
		page, err := store.List(ctx, q)
		if err != nil {
			return err
		}
		if page.Looked == 0 && page.Back.IsZero() {
			return nil // this store does not tell
		}
		if looked += page.Looked; page.Looked < len(page.Headers) || looked > len(stories) {
			return fmt.Errorf("of %d stories, %d headers were looked at so far, for %d of this page", len(stories), looked, len(page.Headers))
		}
		if want := stories[looked-1].Header.Start; !page.Back.Equal(want) {
			return fmt.Errorf("of %d headers looked at the last began at %v, not at %v", looked, want, page.Back)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if looked != len(stories) {
		return fmt.Errorf("%d of %d stories were looked at", looked, len(stories))
	}
	return nil
}

func checkListOldestFirstPages(ctx context.Context, store story.Store) error {
	for _, byKey := range []bool{true, false} {
		key, start := newKey(), recent()
		stories := series(key, start, 8)
		if err := put(ctx, store, stories...); err != nil {
			return err
		}
		q := story.Query{Kind: key.Kind, OldestFirst: true, Limit: 3}
		if byKey {
			q.Key = key
		}
		var got, want []string
		for i := range stories {
			want = append(want, stories[len(stories)-1-i].Header.Title)
		}
		for older := start.Add(-time.Second); ; older = older.Add(-time.Second) {
			page, err := store.List(ctx, q)
			if err != nil {
				return fmt.Errorf("store.List: %w", err)
			}
			for _, h := range page.Headers {
				if !h.Start.Before(start) { // an older one may show in a first page without headers
					got = append(got, h.Title)
				}
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
			if err := put(ctx, store, sealed(key, older, "older")); err != nil {
				return err
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("oldest first in pages of 3, by key %v: got %q, want %q", byKey, got, want)
		}
	}
	return nil
}

func checkListPeriod(ctx context.Context, store story.Store) error {
	key, start := newKey(), recent()
	zone := time.FixedZone("east", 5*60*60)
	var s []story.Part // oldest first, a microsecond apart
	for i := range 4 {
		s = append(s, sealed(key, start.Add(time.Duration(i)*time.Microsecond), fmt.Sprint(i)))
	}
	if err := put(ctx, store, s...); err != nil {
		return err
	}
	at := func(i int) time.Time { return s[i].Header.Start }
	for _, c := range []struct {
		reason       string
		since, until time.Time
		want         []story.Part
	}{
		{"Since includes its own instant", at(2), time.Time{}, []story.Part{s[3], s[2]}},
		{"Until excludes its own instant", time.Time{}, at(2), []story.Part{s[1], s[0]}},
		{"both bounds", at(1), at(3), []story.Part{s[2], s[1]}},
		{"bounds in another zone", at(1).In(zone), at(3).In(zone), []story.Part{s[2], s[1]}},
		{"Since between two microseconds", at(2).Add(1), time.Time{}, []story.Part{s[3]}},
		{"Until between two microseconds", time.Time{}, at(1).Add(1), []story.Part{s[1], s[0]}},
		{"an empty period", at(2), at(2), nil},
		{"a period that ends before it begins", at(3), at(1), nil},
	} {
		for _, q := range []story.Query{{Key: key}, {Kind: key.Kind}} {
			q.Since, q.Until, q.Limit = c.since, c.until, 1
			if err := wantList(ctx, store, q, c.want...); err != nil {
				return fmt.Errorf("%s: %w", c.reason, err)
			}
		}
	}
	return nil
}

func checkListFilters(ctx context.Context, store story.Store) error {
	key, start := newKey(), recent()
	var s []story.Part
	for i, f := range []struct {
		level slog.Level
		title string
	}{
		{slog.LevelDebug, "Order of Ölsardinen"}, {slog.LevelInfo, "100% of it"}, {slog.LevelInfo + 2, "a_b"},
		{slog.LevelWarn, "axb"}, {slog.LevelError, "ORDER failed"}, {slog.LevelInfo, "nothing"},
	} {
		part := sealed(key, start.Add(time.Duration(i)*time.Second), f.title)
		s = append(s, withHeader(part, func(h *story.Header) { h.MaxLevel = f.level }))
	}
	if err := put(ctx, store, s...); err != nil {
		return err
	}
	for _, c := range []struct {
		reason string
		query  story.Query
		want   []story.Part
	}{
		{"the level itself and those above", story.Query{MinLevel: slog.LevelWarn}, []story.Part{s[4], s[3]}},
		{"a level between the named ones", story.Query{MinLevel: slog.LevelInfo + 1}, []story.Part{s[4], s[3], s[2]}},
		{"level Info is not the same as no level", story.Query{MinLevel: slog.LevelInfo}, []story.Part{s[5], s[4], s[3], s[2], s[1]}},
		{"either case", story.Query{Text: "oRDer"}, []story.Part{s[4], s[0]}},
		{"either case beyond ASCII", story.Query{Text: "öLS"}, []story.Part{s[0]}},
		{"'%' is no wildcard", story.Query{Text: "%"}, []story.Part{s[1]}},
		{"'_' is no wildcard", story.Query{Text: "a_B"}, []story.Part{s[2]}},
		{"all filters hold", story.Query{Text: "order", MinLevel: slog.LevelInfo}, []story.Part{s[4]}},
		{"no story", story.Query{Text: "no such title"}, nil},
	} {
		for _, q := range []story.Query{{Key: key}, {Kind: key.Kind}, {Kind: key.Kind, Limit: 1}} {
			q.Text, q.MinLevel = c.query.Text, c.query.MinLevel
			if err := wantList(ctx, store, q, c.want...); err != nil {
				return fmt.Errorf("%s: %w", c.reason, err)
			}
		}
	}
	return nil
}

func checkListPages(ctx context.Context, store story.Store) error {
	for _, byKey := range []bool{true, false} {
		key, start := newKey(), recent()
		stories := series(key, start, 17)
		if err := put(ctx, store, stories...); err != nil {
			return err
		}
		q := story.Query{Kind: key.Kind, Limit: 3}
		if byKey {
			q = story.Query{Key: key, Limit: 3}
		}
		var got, want []string
		for _, part := range stories {
			want = append(want, part.ID)
		}
		for newer := start.Add(time.Minute); ; newer = newer.Add(time.Second) {
			page, err := store.List(ctx, q)
			if err != nil {
				return fmt.Errorf("store.List: %w", err)
			}
			if len(page.Headers) > q.Limit {
				return fmt.Errorf("got %d headers in a page, want at most %d", len(page.Headers), q.Limit)
			}
			for _, h := range page.Headers {
				if h.Start.Before(start.Add(time.Minute)) { // a newer one may show in a first page without headers
					got = append(got, h.ID)
				}
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
			if err := put(ctx, store, sealed(key, newer, "newer")); err != nil {
				return err
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("in pages of 3, by key %v: got ids\n%q, want\n%q", byKey, got, want)
		}
	}
	return nil
}

func checkListSameID(ctx context.Context, store story.Store) error {
	kind := newKind()
	first := sealed(story.NewKey(kind, "0"), recent(), "title")
	want := make(map[string]bool)
	for i := range 7 {
		part := withHeader(first, func(h *story.Header) { h.Key.ID = fmt.Sprint(i) })
		part.Key = part.Header.Key
		want[part.Key.ID] = true
		if err := put(ctx, store, part); err != nil {
			return err
		}
	}
	got, err := list(ctx, store, story.Query{Kind: kind, Limit: 2})
	if err != nil {
		return err
	}
	for _, h := range got {
		if !want[h.Key.ID] {
			return fmt.Errorf("key %s appears twice", h.Key)
		}
		delete(want, h.Key.ID)
	}
	if len(want) > 0 {
		return fmt.Errorf("the keys with these ids are missing: %v", want)
	}
	return nil
}

func checkListBadCursor(ctx context.Context, store story.Store) error {
	for _, cursor := range []string{"not a cursor", "AAAA", "{}", "e30", "\xff\x00", strings.Repeat("x", 10_000)} {
		for _, q := range []story.Query{{Key: newKey()}, {Kind: newKind()}, {}} {
			q.Cursor = cursor
			if _, err := store.List(ctx, q); !errors.Is(err, story.ErrBadCursor) {
				return fmt.Errorf("cursor %.20q: got error %v, want one that wraps story.ErrBadCursor", cursor, err)
			}
		}
	}
	return nil
}

func checkListMoved(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	moved := bare(sealed(story.NewKey(kind, "old"), start, "moved"), story.Moved, 1)
	target := withHeader(sealed(story.NewKey(kind, "new"), start, "target"), func(h *story.Header) { h.ID = moved.ID })
	target.ID = moved.ID
	open := bare(moved, story.Open, 0) // as it was before it moved
	if err := put(ctx, store, open, piece(moved, 1, text("moved"))); err != nil {
		return err
	}
	if err := put(ctx, store, moved, target); err != nil {
		return err
	}
	all := story.Query{Since: start, Until: start.Add(time.Minute)}
	_, err := wantRead(ctx, store, moved.Key, moved.ID, text("moved"))
	return errors.Join(err,
		wantListOverAll(ctx, store, kind, all, target),
		wantList(ctx, store, story.Query{Key: moved.Key}, moved),
		wantList(ctx, store, story.Query{Key: target.Key}, target),
		wantList(ctx, store, story.Query{Kind: kind}, target),
	)
}

func checkListPartsHidden(ctx context.Context, store story.Store) error {
	key, start := newKey(), recent()
	var heads, all []story.Part
	for _, head := range series(key, start, 3) {
		head = bare(head, story.Sealed, 5)
		heads = append(heads, head)
		all = append(all, head)
		for n := 1; n <= 6; n++ { // the sixth is a late one
			all = append(all, piece(head, n, text("line")))
		}
	}
	headless := sealed(key, start.Add(time.Minute), "headless")
	if err := put(ctx, store, append(all, piece(headless, 1, headless.Text))...); err != nil {
		return err
	}
	period := story.Query{Since: start, Until: start.Add(2 * time.Minute), Limit: 2}
	return errors.Join(
		wantListOverAll(ctx, store, key.Kind, period, heads...),
		wantList(ctx, store, story.Query{Key: key}, heads...),
		wantList(ctx, store, story.Query{Key: key, Limit: 2}, heads...),
		wantList(ctx, store, story.Query{Kind: key.Kind, Limit: 2}, heads...),
	)
}

func checkAll(ctx context.Context, store story.Store) error {
	key := newKey()
	stories := series(key, recent(), 7)
	if err := put(ctx, store, stories...); err != nil {
		return err
	}
	first, err := store.List(ctx, story.Query{Key: key, Limit: 2})
	if err != nil {
		return err
	}
	skip := len(first.Headers)
	for _, c := range []struct {
		cursor string
		want   []story.Part
	}{{"", stories}, {first.Next, stories[skip:]}} {
		n := 0
		for h, err := range story.All(ctx, store, story.Query{Key: key, Limit: 2, Cursor: c.cursor}) {
			if err != nil {
				return err
			}
			if n == len(c.want) || h.ID != c.want[n].ID {
				return fmt.Errorf("header %d of %d: got id %s, not the next one", n, len(c.want), h.ID)
			}
			n++
		}
		if n != len(c.want) {
			return fmt.Errorf("got %d headers, want %d", n, len(c.want))
		}
	}
	var errs []error
	for _, err := range story.All(ctx, store, story.Query{Key: key, Cursor: "not a cursor"}) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], story.ErrBadCursor) {
		return fmt.Errorf("with a bad cursor: got the errors %v, want one that wraps story.ErrBadCursor", errs)
	}
	return nil
}

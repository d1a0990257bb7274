package reading

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// How many headers are looked at for a story: ids of one microsecond are in no order,
// and the last story without an error may be long ago.
const (
	searched     = 200  // of one key
	searchedKind = 1000 // of a kind, those of other kinds included where a store passes over them
)

// Latest returns the id of the key's latest story.
func Latest(ctx context.Context, store story.Store, key story.Key) (string, error) {
	for h, err := range story.All(ctx, store, story.Query{Key: key, Limit: 1}) {
		return h.ID, err
	}
	return "", fmt.Errorf("%w: %s", story.ErrNotFound, key)
}

// Back returns the id of the story so many before the key's latest.
func Back(ctx context.Context, store story.Store, key story.Key, back int) (string, error) {
	left := back
	for h, err := range story.All(ctx, store, story.Query{Key: key, Limit: min(back+1, 1000)}) {
		switch {
		case err != nil:
			return "", err
		case left == 0:
			return h.ID, nil
		}
		left--
	}
	if left == back {
		return "", fmt.Errorf("%w: %s", story.ErrNotFound, key)
	}
	return "", fmt.Errorf("%w: %s has %s, and none %d before the latest", story.ErrNotFound, key, stories(back-left), back)
}

func stories(n int) string {
	if n == 1 {
		return "1 story"
	}
	return fmt.Sprintf("%d stories", n)
}

// Previous returns the header of the story of the same key that began before, and
// false where there is none.
func Previous(ctx context.Context, store story.Store, key story.Key, id string) (story.Header, bool, error) {
	return first(ctx, store, before(id, story.Query{Key: key, Limit: 3}), func(h story.Header) bool { return h.ID < id && !h.IsAlias() })
}

// Next returns the header of the story of the same key that began after, and false
// where there is none, or where the id does not tell when its own began.
func Next(ctx context.Context, store story.Store, key story.Key, id string) (story.Header, bool, error) {
	start, ok := story.IDTime(id)
	if !ok {
		return story.Header{}, false, nil
	}
	q := story.Query{Key: key, Since: start, OldestFirst: true, Limit: 3}
	return first(ctx, store, q, func(h story.Header) bool { return h.ID > id && !h.IsAlias() })
}

// LastGood returns the header of the latest story before one that is like it, see
// [Alike], and has ended without an error: of the same key, or else of the same kind.
// Its error is a [*NoOtherError] where there is none as far as it looks, which is at
// 200 stories of the key, and at 1,000 of the kind.
func LastGood(ctx context.Context, store story.Store, of story.Header) (story.Header, error) {
	good := func(h story.Header) bool { return IsGood(h) && Alike(h, of) && began(h, of) }
	none := &NoOtherError{Of: of, Good: true}
	h, looked, err := lastOf(ctx, store, of, story.Query{Key: of.Key, Limit: 20}, searched, good)
	if err != nil || h.ID != "" {
		return h, err
	}
	none.Own = looked
	h, looked, err = lastOf(ctx, store, of, story.Query{Kind: of.Key.Kind, Limit: 100}, searchedKind, good)
	if err != nil || h.ID != "" {
		return h, err
	}
	none.Kind = looked
	return story.Header{}, none
}

// lastAlike returns the header of the latest story of the same key before one that is
// like it, or else of the latest before it.
func lastAlike(ctx context.Context, store story.Store, of story.Header) (story.Header, error) {
	var latest story.Header
	h, looked, err := lastOf(ctx, store, of, story.Query{Key: of.Key, Limit: 3}, searched, func(h story.Header) bool {
		if h.IsAlias() || !began(h, of) {
			return false
		}
		if latest.ID == "" {
			latest = h
		}
		return Alike(h, of)
	})
	switch {
	case err != nil || h.ID != "":
		return h, err
	case latest.ID != "":
		return latest, nil
	}
	return h, &NoOtherError{Of: of, Own: looked}
}

// IndexGood returns which of the headers, newest first, is that of the latest story like
// one of them before it that ended without an error, or -1.
func IndexGood(headers []story.Header, of int) int {
	for i := of + 1; i < len(headers); i++ {
		if IsGood(headers[i]) && Alike(headers[i], headers[of]) {
			return i
		}
	}
	return -1
}

// IsGood reports whether it is a story of its key, that has ended without an error.
func IsGood(h story.Header) bool {
	return h.MaxLevel < slog.LevelError && h.State != story.Open && !h.IsAlias()
}

// began reports whether a story began before another. Ids of one form tell it.
func began(h, of story.Header) bool {
	_, ok := story.IDTime(h.ID)
	_, too := story.IDTime(of.ID)
	if ok == too {
		return h.ID < of.ID
	}
	return h.Start.Before(of.Start)
}

// before narrows a query to stories that began before that of an id, or in the same moment.
func before(id string, q story.Query) story.Query {
	if start, ok := story.IDTime(id); ok {
		q.Until = start.Add(time.Microsecond)
	}
	return q
}

// lastOf returns the header of the last story of a query before one that matches, and how
// far it looked: not beyond about that many. Found.Short is whether there are more.
func lastOf(ctx context.Context, store story.Store, of story.Header, q story.Query, most int, match func(story.Header) bool) (story.Header, story.Found, error) {
	var looked story.Found
	q = before(of.ID, q)
	for {
		page, err := store.List(ctx, q)
		if err != nil {
			return story.Header{}, looked, err
		}
		looked.Looked += max(page.Looked, len(page.Headers))
		for _, h := range page.Headers {
			if match(h) {
				return h, looked, nil
			}
			if h.ID == of.ID && h.Key == of.Key {
				looked.Looked--
			}
			looked.Back = h.Start
		}
		if !page.Back.IsZero() {
			looked.Back = page.Back
		}
		if looked.Short = page.Next != ""; !looked.Short || looked.Looked >= most {
			return story.Header{}, looked, nil
		}
		q.Cursor, q.Limit = page.Next, min(2*q.Limit, max(most-looked.Looked, 1))
	}
}

func first(ctx context.Context, store story.Store, q story.Query, match func(story.Header) bool) (story.Header, bool, error) {
	looked := 0
	for h, err := range story.All(ctx, store, q) {
		if err != nil {
			return story.Header{}, false, err
		}
		if match(h) {
			return h, true, nil
		}
		if looked++; looked >= searched {
			break
		}
	}
	return story.Header{}, false, nil
}

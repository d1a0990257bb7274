package reading

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// Errors about the story to compare with.
var (
	ErrSameStory = errors.New("a story does not differ from itself: name another one")
	ErrNoOther   = errors.New("there is no earlier story of this object to compare with")
)

// searched is how many headers are looked at for a story: ids of one microsecond
// are in no order, and the last story without an error may be long ago.
const searched = 200

// Latest returns the id of the key's latest story.
func Latest(ctx context.Context, store story.Store, key story.Key) (string, error) {
	for h, err := range story.All(ctx, store, story.Query{Key: key, Limit: 1}) {
		return h.ID, err
	}
	return "", fmt.Errorf("%w: %s", story.ErrNotFound, key)
}

// Previous returns the header of the story of the same key that began before, and
// false where there is none.
func Previous(ctx context.Context, store story.Store, key story.Key, id string) (story.Header, bool, error) {
	return first(ctx, store, before(key, id, 3), func(h story.Header) bool { return h.ID < id && !h.IsAlias() })
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

// LastGood returns the header of the latest story of the same key before this one
// that has ended, without an error. It looks at 200 stories.
func LastGood(ctx context.Context, store story.Store, key story.Key, id string) (story.Header, bool, error) {
	return first(ctx, store, before(key, id, 20), func(h story.Header) bool {
		return h.ID < id && IsGood(h)
	})
}

// IsGood reports whether it is a story of its key, that has ended without an error.
func IsGood(h story.Header) bool {
	return h.MaxLevel < slog.LevelError && h.State != story.Open && !h.IsAlias()
}

// before selects the stories that began before one, and those of the same moment.
func before(key story.Key, id string, limit int) story.Query {
	q := story.Query{Key: key, Limit: limit}
	if start, ok := story.IDTime(id); ok {
		q.Until = start.Add(time.Microsecond)
	}
	return q
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

// A Pair names the two stories to compare. An empty Is means the latest; an empty
// Was means the one before, or the last without an error where Good is set.
type Pair struct {
	Key     story.Key
	Was, Is string
	Good    bool
}

// Compare reads the two stories and returns their difference.
func Compare(ctx context.Context, store story.Store, p Pair) (*Diff, error) {
	is, err := store.Read(ctx, p.Key, p.Is)
	if err != nil {
		return nil, err
	}
	if p.Was == "" {
		find := Previous
		if p.Good {
			find = LastGood
		}
		p.Key = is.Key // which may have been found by an alias
		other, found, err := find(ctx, store, p.Key, is.ID)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, ErrNoOther
		}
		p.Was = other.ID
	}
	if p.Was == is.ID {
		return nil, ErrSameStory
	}
	was, err := store.Read(ctx, p.Key, p.Was)
	if err != nil {
		return nil, err
	}
	return NewDiff(ctx, NewTree(was), NewTree(is))
}

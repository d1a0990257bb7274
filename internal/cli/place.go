package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/dynamoslog/dynamoslog/story"
)

// A place is where a story is: a key, and ids of stories of it.
type place struct {
	key story.Key // zero where an id alone is named
	ids []string  // as they were typed: whole, short, or those of another program
}

// parsePlace reads the arguments KEY [ID ...] or ID ...
func parsePlace(args []string) (place, error) {
	key, err := story.ParseKey(args[0])
	switch {
	case err == nil:
		return place{key, args[1:]}, nil
	case story.IsID(args[0]):
		return place{ids: args}, nil
	}
	return place{}, fmt.Errorf("%w: %q is neither a key, as user_42, nor the id of a story, as a list shows it or whole", errUsage, args[0])
}

// find asks a store for the key and the whole ids, where they are not named.
func (p place) find(ctx context.Context, store story.Store) (place, error) {
	found := place{key: p.key}
	for i, id := range p.ids {
		if _, whole := story.IDTime(id); story.IsID(id) && (!whole || p.key.IsZero() && i == 0) {
			h, err := story.FindID(ctx, store, found.key, id)
			switch {
			case err == nil:
				found.key, id = h.Key, h.ID
			case found.key.IsZero() || !errors.Is(err, story.ErrNotFound): // else it may be another program's
				return place{}, err
			}
		}
		found.ids = append(found.ids, id)
	}
	return found, nil
}

// id returns the id of that number, or "" where there is none.
func (p place) id(number int) string {
	if number < len(p.ids) {
		return p.ids[number]
	}
	return ""
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A place is where a story is: a key, and ids of stories of it.
type place struct {
	key story.Key // zero where an id alone is named
	ids []string  // as they were typed: whole, short, ~2, or those of another program
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
		if back, ok := parseBack(id); ok && !found.key.IsZero() {
			whole, err := reading.Back(ctx, store, found.key, back)
			if err != nil {
				return place{}, err
			}
			found.ids = append(found.ids, whole)
			continue
		}
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

// mostBack is how many stories before the latest can be counted to.
const mostBack = 999

// parseBack reads ~2 as the second story before the latest of a key, and ~ as the one
// before it.
func parseBack(text string) (back int, ok bool) {
	digits, ok := strings.CutPrefix(text, "~")
	if !ok {
		return 0, false
	}
	if digits == "" {
		return 1, true
	}
	back, err := strconv.Atoi(digits)
	return back, err == nil && back >= 0 && back <= mostBack && digits[0] != '+'
}

// id returns the id of that number, or "" where there is none.
func (p place) id(number int) string {
	if number < len(p.ids) {
		return p.ids[number]
	}
	return ""
}

// checkWhole returns an error where an id is counted from the latest: it is another
// story's as soon as the next one is written.
func (p place) checkWhole() error {
	for _, id := range p.ids {
		if _, back := parseBack(id); back {
			return fmt.Errorf("%w: %s is another story as soon as the next one is written: name it by its id, which 'dynamoslog ls %s' shows", errUsage, id, p.key)
		}
	}
	return nil
}

// parsePlaces reads the arguments of one or two stories: KEY, KEY ID, KEY ID ID, ID, or
// ID ID, and any of these of two keys. Each has one id at most.
func parsePlaces(args []string) ([]place, error) {
	var places []place
	keyed := false // whether the last place has a key, and no id yet
	for i, arg := range args {
		key, err := story.ParseKey(arg)
		_, back := parseBack(arg)
		switch {
		case err == nil:
			places = append(places, place{key: key})
		case keyed:
			places[len(places)-1].ids = []string{arg}
		case i > 0 && (back || !story.IsID(arg) || !places[len(places)-1].key.IsZero()): // of the same key
			places = append(places, place{places[len(places)-1].key, []string{arg}})
		default:
			at, err := parsePlace(args[i : i+1])
			if err != nil {
				return nil, err
			}
			places = append(places, at)
		}
		keyed = err == nil
	}
	if len(places) > 2 {
		return nil, fmt.Errorf("%w: two stories are compared, not %d", errUsage, len(places))
	}
	return places, nil
}

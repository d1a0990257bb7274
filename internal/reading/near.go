package reading

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// Near returns keys like one that has no stories, the likest first, at most five: of the
// same kind, with an id that differs in a few letters or in its end, among those of the
// newest stories.
func Near(ctx context.Context, store story.Store, key story.Key) ([]story.Key, error) {
	const looked, most = 500, 5
	page, err := store.List(ctx, story.Query{Kind: key.Kind, Limit: looked})
	if err != nil {
		return nil, err
	}
	distances := make(map[story.Key]int)
	var near []story.Key
	for _, h := range page.Headers {
		if _, known := distances[h.Key]; known || h.Key == key {
			continue
		}
		distances[h.Key] = distance(key.ID, h.Key.ID)
		begins := key.ID != "" && (strings.HasPrefix(key.ID, h.Key.ID) || strings.HasPrefix(h.Key.ID, key.ID))
		if begins || distances[h.Key] <= max(1, len(key.ID)/2) {
			near = append(near, h.Key)
		}
	}
	slices.SortStableFunc(near, func(a, b story.Key) int { return cmp.Compare(distances[a], distances[b]) })
	return near[:min(most, len(near))], nil
}

// distance returns how many bytes have to be put in, left out or changed to make one text
// of another, of at most 64 bytes each.
func distance(a, b string) int {
	const longest = 64
	a, b = a[:min(len(a), longest)], b[:min(len(b), longest)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}

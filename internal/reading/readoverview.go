package reading

import (
	"context"
	"slices"

	"github.com/dynamoslog/dynamoslog/story"
)

// ReadOverview reads the overview of a span, of the stories that a search selects whatever
// times it names. Of the span and of the time before it the newest headers are looked at,
// about look of each at most.
func ReadOverview(ctx context.Context, store story.Store, search story.Search, span Span, look int) (*Overview, error) {
	now, err := lookAt(ctx, store, search, span, look)
	if err != nil {
		return nil, err
	}
	var before story.Found
	if !now.Short { // else it is no time to compare with
		if before, err = lookAt(ctx, store, search, span.Before(), look); err != nil {
			return nil, err
		}
	}
	compared := len(before.Headers) > 0
	if !now.Short && !compared && selects(search) {
		if compared, err = anyAt(ctx, store, search, span.Before()); err != nil {
			return nil, err
		}
	}
	o := Summarize(slices.Values(append(now.Headers, before.Headers...)), span)
	o.Short, o.ShortBefore = now.Short, now.Short || before.Short
	for i := range o.Problems {
		o.Problems[i].New = o.Problems[i].New && compared
	}
	o.Looked = now.Looked + before.Looked
	if o.Back = before.Back; o.Back.IsZero() {
		o.Back = now.Back
	}
	return o, nil
}

// selects reports whether a search leaves stories out that are of its key and its kind.
func selects(search story.Search) bool {
	q, rest := search.Query()
	return !rest.IsZero() || q.MinLevel != nil || q.Text != ""
}

// anyAt reports whether there is any story of a span, of the key and the kind that a search
// names.
func anyAt(ctx context.Context, store story.Store, search story.Search, span Span) (bool, error) {
	q, _ := search.Query()
	for _, err := range story.All(ctx, store, story.Query{Key: q.Key, Kind: q.Kind, Since: span.From, Until: span.To, Limit: 1}) {
		return err == nil, err
	}
	return false, nil
}

// lookAt returns the headers of a span that a search selects.
func lookAt(ctx context.Context, store story.Store, search story.Search, span Span, look int) (all story.Found, err error) {
	lookup := story.Lookup{Search: search.Within(span.From, span.To)}
	for {
		left := look - all.Looked
		lookup.Limit, lookup.Look = min(left, 1000), left
		found, err := lookup.Find(ctx, store)
		if err != nil {
			return all, err
		}
		all.Headers = append(all.Headers, found.Headers...)
		all.Looked += found.Looked
		if !found.Back.IsZero() {
			all.Back = found.Back
		}
		if lookup.Cursor = found.Next; found.Next == "" {
			return all, nil
		}
		if found.Short || all.Looked >= look {
			all.Short = true
			return all, nil
		}
	}
}

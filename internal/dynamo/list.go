package dynamo

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// pageItems bounds the items that are looked at for a page, beside its limit.
	pageItems = 250
	// minQuery is the fewest items asked for at once: less is not cheaper.
	minQuery = 10
)

// List implements [story.Store].
func (s *Store) List(ctx context.Context, q story.Query) (story.Page, error) {
	return s.list(ctx, q, false)
}

func (s *Store) list(ctx context.Context, q story.Query, consistent bool) (story.Page, error) {
	low, high := bounds(q)
	at, err := decodeCursor(q.Cursor)
	if err != nil {
		return story.Page{}, err
	}
	l := &lister{store: s, query: q, from: at, at: at, now: time.Now()}
	if low != "" && high != "" && low >= high {
		return story.Page{}, nil // nothing is between them, and DynamoDB calls it an error
	}
	if at.Story != "" && (at.Story < low || high != "" && at.Story > high) {
		return story.Page{}, badCursor("of another range of time")
	}
	if q.Key.IsZero() {
		l.overAll(low, high, at)
	} else if err := l.ofKey(low, high, at, consistent); err != nil {
		return story.Page{}, err
	}
	return l.page(ctx)
}

// bounds returns the sort keys between which the ids of a query's stories are.
func bounds(q story.Query) (low, high string) {
	if !q.Since.IsZero() {
		low = story.IDPrefix(q.Since)
	}
	if !q.Until.IsZero() {
		// Ids tell microseconds: one that tells Until's own may still be before it.
		until := q.Until.Truncate(time.Microsecond)
		if until.Before(q.Until) {
			until = until.Add(time.Microsecond)
		}
		high = story.IDPrefix(until)
	}
	return low, high
}

// A lister makes one page of the sources that a query needs: each is a range of
// sort keys, read in the query's order, and the page is what they have, merged.
type lister struct {
	store   *Store
	query   story.Query
	sources []*source
	from    place // the cursor's
	at      place // the last item taken
	looked  int   // items asked for, so far
	now     time.Time
}

// source returns a source that is read in the query's order, from start on if
// there is one.
func (l *lister) source(partition, value, low, high string, start item) *source {
	src := l.store.newSource(partition, value, low, high)
	src.input.ScanIndexForward = &l.query.OldestFirst
	src.input.ExclusiveStartKey = start
	return src
}

// overAll sets the sources of a list over all keys: the shards of the index. An
// id has one shard: there the list goes on at the cursor's item, since others may
// have the same id, and in the others behind it.
func (l *lister) overAll(low, high string, at place) {
	restLow, restHigh := low, high
	switch {
	case at.Story == "":
	case l.query.OldestFirst:
		restLow = at.Story
	default:
		restHigh = at.Story
	}
	for n := range l.store.Shards {
		shard := strconv.Itoa(n)
		if at.Story != "" && shard == l.store.shardOf(at.Story) {
			start := item{attrRecent: str(shard), attrObject: str(at.Object), attrStory: str(at.Story)}
			l.sources = append(l.sources, l.source(attrRecent, shard, low, high, start))
		} else if restLow == "" || restHigh == "" || restLow < restHigh {
			l.sources = append(l.sources, l.source(attrRecent, shard, restLow, restHigh, nil))
		}
	}
}

// ofKey sets the sources of a list of one key: the sort keys below the parts',
// where all of ours are, and those above, which others may have.
func (l *lister) ofKey(low, high string, at place, consistent bool) error {
	object := objectOf(l.query.Key)
	if high == "" {
		high = partPrefix
	}
	timed := !l.query.Since.IsZero() || !l.query.Until.IsZero() // those above tell no time

	var start, startAbove item
	readBelow, readAbove := true, !timed
	here := item{attrObject: str(at.Object), attrStory: str(at.Story)}
	switch {
	case at.Story == "":
	case at.Object != object:
		return badCursor("of another key")
	case at.Story < partPrefix:
		start = here
		readAbove = readAbove && l.query.OldestFirst
	case at.Story >= partEnd && !timed:
		startAbove = here
		readBelow = !l.query.OldestFirst
	default:
		return badCursor("no place in this list")
	}
	if readAbove {
		l.sources = append(l.sources, l.source(attrObject, object, partEnd, "", startAbove))
	}
	if readBelow {
		l.sources = append(l.sources, l.source(attrObject, object, low, high, start))
	}
	for _, src := range l.sources {
		src.input.ConsistentRead = &consistent
		src.project(keyAttrs...)
	}
	return nil
}

// page merges the sources until the page is full, they end, or enough was looked at.
func (l *lister) page(ctx context.Context) (story.Page, error) {
	var page story.Page
	most := max(pageItems, l.query.PageLimit())
	for begun := false; len(page.Headers) < l.query.PageLimit(); begun = true {
		var next *source
		for _, src := range l.sources {
			if src.empty() && !src.last {
				if begun && l.looked >= most { // what it has may come before the others'
					return l.end(page), nil
				}
				if err := l.fill(ctx, src); err != nil {
					return story.Page{}, err
				}
			}
			if !src.empty() && (next == nil || l.before(src, next)) {
				next = src
			}
		}
		if next == nil {
			break
		}
		page.Looked++
		page.Back, _ = story.IDTime(getString(next.items[0], attrStory))
		if h, ok := l.take(next); ok {
			page.Headers = append(page.Headers, h)
		}
	}
	return l.end(page), nil
}

// before reports whether the next item of a comes before that of b.
func (l *lister) before(a, b *source) bool {
	if l.query.OldestFirst {
		a, b = b, a
	}
	return a.next() > b.next()
}

// fill asks for a source's next items.
func (l *lister) fill(ctx context.Context, src *source) error {
	want := l.query.PageLimit()
	if l.query.Kind != "" || l.query.MinLevel != nil || l.query.Text != "" {
		want = max(want, pageItems) // many may have to be looked at for one
	}
	if want > 1 {
		want = max(minQuery, (want+len(l.sources)-1)/len(l.sources))
	}
	src.input.Limit = aws.Int32(int32(want))
	if err := l.store.fill(ctx, src); err != nil {
		return err
	}
	l.looked += want
	return nil
}

// take removes a source's first item, and returns its header if the query selects it.
func (l *lister) take(src *source) (story.Header, bool) {
	it := src.items[0]
	src.items = src.items[1:]
	l.at = place{Object: getString(it, attrObject), Story: getString(it, attrStory)}
	if l.at == l.from { // it was stored when there were fewer shards
		return story.Header{}, false
	}
	key, ok := l.query.Key, true
	if key.IsZero() {
		key, ok = keyOf(it)
	}
	if !ok || expired(it, l.now) {
		return story.Header{}, false
	}
	h := decodeHeader(key, it)
	if l.query.Key.IsZero() && h.State == story.Moved {
		return story.Header{}, false
	}
	return h, l.query.Match(h)
}

// end sets the page's cursor, if a source has more.
func (l *lister) end(page story.Page) story.Page {
	for _, src := range l.sources {
		if !src.empty() || !src.last {
			page.Next = encodeCursor(l.at)
		}
	}
	return page
}

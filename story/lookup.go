package story

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// A Lookup looks for what a search selects. Its zero value but for Search is the default.
type Lookup struct {
	Search Search
	// Index names the attributes under which stories are listed too: see [Search.Query]. If
	// nil, one short query says whether a store has a list for an attribute that is searched.
	Index       []string
	OldestFirst bool
	Limit       int    // the most headers that are found at once; 50 if zero, at most 1000
	Look        int    // about how many headers are looked at for them at most, but Limit at least; 2,500 if zero
	Cursor      string // Found.Next of the one before
}

// Found is one answer of [Lookup.Find].
type Found struct {
	Headers []Header
	Looked  int       // about how many headers were looked at for them
	Back    time.Time // when the last of these began; zero where there was none
	// Short says that Look headers were looked at before Limit were found. Next goes on.
	Short bool
	Next  string // cursor of what comes after; empty at the end
}

const (
	lookupLook  = 2500
	lookupPages = 50 // the most pages of a store, for stores that do not tell how far they looked
	lookupLeast = 25 // headers of the first page, where others than the store decide
	lookupMost  = 1000
)

// Find returns the next headers that the search selects, newest first unless OldestFirst
// is set. What an index of the store serves, a key, a kind and times, is one query; all
// else is looked for page by page, and no further than Look headers.
func (l Lookup) Find(ctx context.Context, s Store) (Found, error) {
	index := l.Index
	if index == nil {
		var err error
		if index, err = l.Search.indexed(ctx, s); err != nil {
			return Found{}, err
		}
	}
	q, rest := l.Search.Query(index...)
	q.OldestFirst = l.OldestFirst
	limit := Query{Limit: l.Limit}.PageLimit()
	look := l.Look
	if look <= 0 {
		look = lookupLook
	}
	look = max(look, limit)
	from, err := parseLookupCursor(l.Cursor)
	if err != nil {
		return Found{}, err
	}
	var found Found
	q.Cursor = from.cursor
	size := max(limit, lookupLeast)
	for range lookupPages {
		q.Limit = min(limit-len(found.Headers), look-found.Looked)
		if !rest.IsZero() || from.id != "" {
			q.Limit = min(size, look-found.Looked, lookupMost)
			size = min(4*size, lookupMost)
		}
		page, err := s.List(ctx, q)
		if err != nil {
			return Found{}, err
		}
		fresh := from.after(page.Headers, l.OldestFirst)
		used := found.take(fresh, rest, limit)
		found.looked(page, len(page.Headers)-len(fresh))
		found.Next = page.Next
		if used < len(fresh) {
			last := fresh[used-1]
			found.Back, found.Next = last.Start, lookupCursor{q.Cursor, last.Key.String(), last.ID}.String()
		}
		if found.Next == "" || len(found.Headers) == limit {
			return found, nil
		}
		if found.Looked >= look {
			break
		}
		q.Cursor = page.Next
	}
	found.Short = true
	return found, nil
}

// indexed returns the name of an attribute that the search asks for by its value, and that
// the store lists stories under; none where it lists none under that value.
func (s Search) indexed(ctx context.Context, store Store) ([]string, error) {
	const looked = 20 // headers under the value's key, which may be those of stories about it
	for _, t := range s.terms {
		if t.subject == subjectKey || t.subject == subjectKind { // an alias is of another kind
			return nil, nil
		}
	}
	for _, t := range s.terms {
		if t.subject != subjectAttr || t.not || t.op != opEqual || t.value == "" {
			continue
		}
		page, err := store.List(ctx, Query{Key: NewKey(t.name, t.value), Limit: looked})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(page.Headers, Header.IsAlias) {
			return []string{t.name}, nil
		}
	}
	return nil, nil
}

// take adds the headers that match, as long as there are fewer than the limit, and returns
// how many it looked at.
func (f *Found) take(headers []Header, rest Search, limit int) (used int) {
	for _, h := range headers {
		if len(f.Headers) == limit {
			break
		}
		used++
		if rest.Match(h) {
			f.Headers = append(f.Headers, h)
		}
	}
	return used
}

// looked counts what a store looked at for a page, but for headers that an answer before
// has counted.
func (f *Found) looked(page Page, before int) {
	f.Looked += max(page.Looked, len(page.Headers)) - before
	switch n := len(page.Headers); {
	case !page.Back.IsZero():
		f.Back = page.Back
	case n > 0:
		f.Back = page.Headers[n-1].Start
	}
}

// All returns all headers that the search selects, from the cursor on, however many have to
// be looked at. It stops after the first error.
func (l Lookup) All(ctx context.Context, s Store) iter.Seq2[Header, error] {
	return func(yield func(Header, error) bool) {
		for {
			found, err := l.Find(ctx, s)
			if err != nil {
				yield(Header{}, err)
				return
			}
			for _, h := range found.Headers {
				if !yield(h, nil) {
					return
				}
			}
			if found.Next == "" {
				return
			}
			l.Cursor = found.Next
		}
	}
}

// A lookupCursor is where a lookup goes on: behind a header within the page of a store
// that its cursor gives, or where id is empty with that page.
type lookupCursor struct{ cursor, key, id string }

// cursorWithin begins a cursor that is not a store's own.
const cursorWithin = "within."

func (c lookupCursor) String() string {
	data, _ := json.Marshal([]string{c.cursor, c.key, c.id}) // strings always marshal
	return cursorWithin + base64.RawURLEncoding.EncodeToString(data)
}

func parseLookupCursor(text string) (lookupCursor, error) {
	encoded, within := strings.CutPrefix(text, cursorWithin)
	if !within {
		return lookupCursor{cursor: text}, nil
	}
	var fields []string
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(data, &fields)
	}
	if err != nil || len(fields) != 3 || fields[2] == "" {
		return lookupCursor{}, fmt.Errorf("%w: %.100q", ErrBadCursor, text)
	}
	return lookupCursor{fields[0], fields[1], fields[2]}, nil
}

// after returns the headers of a page that come behind the cursor's.
func (c lookupCursor) after(headers []Header, oldestFirst bool) []Header {
	if c.id == "" {
		return headers
	}
	last := slices.IndexFunc(headers, func(h Header) bool { return h.ID == c.id && h.Key.String() == c.key })
	if last < 0 { // it was deleted, or its page has been passed
		for i, h := range headers {
			if h.ID > c.id && !oldestFirst || h.ID < c.id && oldestFirst {
				last = i
			}
		}
	}
	return headers[last+1:]
}

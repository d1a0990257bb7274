package story

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is a [Store] in memory, for tests and examples. It keeps everything
// until it is deleted: nothing expires.
type Memory struct {
	mu      sync.Mutex
	stories map[place]map[int]Part // by number
}

type place struct {
	Key Key
	ID  string
}

// compare orders places as lists show them, unless turned round: newest first.
func (p place) compare(other place) int {
	if c := strings.Compare(other.ID, p.ID); c != 0 {
		return c
	}
	return strings.Compare(other.Key.String(), p.Key.String())
}

// NewMemory returns an empty store in memory.
func NewMemory() *Memory {
	return &Memory{stories: make(map[place]map[int]Part)}
}

// Put implements [Store].
func (m *Memory) Put(ctx context.Context, parts []Part) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, part := range parts {
		at := place{part.Key, part.ID}
		if part.Raise {
			raise(m.stories[at], part.Header)
			continue
		}
		if m.stories[at] == nil {
			m.stories[at] = make(map[int]Part)
		}
		if part.Header != nil {
			_, exists := m.stories[at][0]
			if exists && part.Header.State == Open {
				continue
			}
			header := cloneHeader(*part.Header)
			part.Header = &header
		}
		part.Text, part.Prepared = strings.Clone(part.Text), nil
		m.stories[at][part.Number] = part
	}
	return nil
}

// raise changes the header among the parts of a story.
func raise(parts map[int]Part, to *Header) {
	head := parts[0]
	if head.Header == nil || to == nil || head.Header.State == Open || to.MaxLevel <= head.Header.MaxLevel {
		return
	}
	raised := cloneHeader(*head.Header) // readers may hold the other
	raised.MaxLevel, raised.LineCount, raised.Cause, raised.Problem = to.MaxLevel, to.LineCount, to.Cause, to.Problem
	if len(to.Also) > 0 {
		raised.Also = slices.Clone(to.Also)
	}
	head.Header = &raised
	parts[0] = head
}

// List implements [Store].
func (m *Memory) List(ctx context.Context, q Query) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	after, err := parseMemoryCursor(q.Cursor)
	if err != nil {
		return Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	compare := place.compare
	if q.OldestFirst {
		compare = func(a, b place) int { return b.compare(a) }
	}
	var page Page
	var last place
	indexed := Query{Key: q.Key, Since: q.Since, Until: q.Until} // what a store need not look at headers for
	for _, at := range slices.SortedFunc(maps.Keys(m.stories), compare) {
		if q.Cursor != "" && compare(at, after) <= 0 {
			continue
		}
		head := m.stories[at][0].Header
		if head == nil || !indexed.Match(*head) || q.Key.IsZero() && (head.State == Moved || head.IsAlias()) {
			continue
		}
		if len(page.Headers) == q.PageLimit() || page.Looked == max(memoryLooked, q.PageLimit()) {
			page.Next = memoryCursor(last)
			break
		}
		page.Looked, page.Back, last = page.Looked+1, head.Start, at
		if q.Match(*head) {
			page.Headers = append(page.Headers, cloneHeader(head.Bounded()))
		}
	}
	return page, nil
}

// memoryLooked is how many headers are looked at for a page, or the page's limit.
const memoryLooked = 250

func memoryCursor(at place) string {
	data, err := json.Marshal([]string{at.Key.String(), at.ID})
	if err != nil {
		panic(err) // strings always marshal
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseMemoryCursor(cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	var fields []string
	data, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(data, &fields)
	}
	if err != nil || len(fields) != 2 {
		return place{}, fmt.Errorf("%w: %q", ErrBadCursor, cursor)
	}
	key, err := ParseKey(fields[0])
	if err != nil {
		return place{}, fmt.Errorf("%w: %q", ErrBadCursor, cursor)
	}
	return place{key, fields[1]}, nil
}

// Read implements [Store].
func (m *Memory) Read(ctx context.Context, key Key, id string) (Story, error) {
	if err := ctx.Err(); err != nil {
		return Story{}, err
	}
	parts, id := m.parts(key, id)
	if of := aliasOf(parts); !of.IsZero() {
		key = of
		parts, id = m.parts(key, id)
	}
	if len(parts) == 0 || !aliasOf(parts).IsZero() {
		return Story{}, fmt.Errorf("%w: %s %s", ErrNotFound, key, Escape(id))
	}
	s := Assemble(key, id, parts)
	s.Attrs, s.Also = maps.Clone(s.Attrs), slices.Clone(s.Also)
	return s, nil
}

// aliasOf returns the key of the story for which an alias stands, or the zero key.
func aliasOf(parts []Part) Key {
	if len(parts) == 1 && parts[0].Header != nil {
		return parts[0].Header.Of
	}
	return Key{}
}

// ReadParts implements [PartReader].
func (m *Memory) ReadParts(ctx context.Context, key Key, id string) ([]Part, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var parts []Part
	if id != "" {
		parts, _ = m.parts(key, id)
	}
	if len(parts) == 0 || !aliasOf(parts).IsZero() {
		return nil, fmt.Errorf("%w: %s %s", ErrNotFound, key, Escape(id))
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.Number, b.Number) })
	if parts[0].Header != nil {
		header := cloneHeader(parts[0].Header.Bounded())
		parts[0].Header = &header
	}
	return parts, nil
}

// parts returns the parts of a story, and its id. What is stored never changes.
func (m *Memory) parts(key Key, id string) ([]Part, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == "" {
		for at, parts := range m.stories {
			if parts[0].Header != nil && at.Key == key {
				id = max(id, at.ID)
			}
		}
	}
	return slices.Collect(maps.Values(m.stories[place{key, id}])), id
}

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, key Key, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var gone []place
	for at, parts := range m.stories {
		if at.Key != key || id != "" && at.ID != id {
			continue
		}
		gone = append(gone, at)
		if h := parts[0].Header; h != nil {
			for _, also := range h.Also {
				gone = append(gone, place{also, at.ID})
			}
		}
	}
	if len(gone) == 0 {
		return fmt.Errorf("%w: %s %s", ErrNotFound, key, Escape(id))
	}
	for _, at := range gone {
		delete(m.stories, at)
	}
	return nil
}

func cloneHeader(h Header) Header {
	h.Attrs, h.Also = maps.Clone(h.Attrs), slices.Clone(h.Also)
	return h
}

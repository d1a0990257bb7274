package story_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

func TestMemory(t *testing.T) {
	t.Run("fresh", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) story.Store { return story.NewMemory() })
	})
	t.Run("shared", func(t *testing.T) {
		shared := story.NewMemory()
		storetest.Run(t, func(*testing.T) story.Store { return shared })
	})
	if err := storetest.Check(story.NewMemory()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// TestMemoryWithoutHeader puts a part 0 that is none: nothing shows it.
func TestMemoryWithoutHeader(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("user", "42")
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: "id", Text: "+0.000 I hello\n"}}); err != nil {
		t.Fatal(err)
	}
	for _, q := range []story.Query{{}, {Key: key}} {
		if page, err := store.List(t.Context(), q); err != nil || len(page.Headers) != 0 {
			t.Errorf("List(%+v): got %+v, %v; want no header", q, page, err)
		}
	}
	if s, err := store.Read(t.Context(), key, ""); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("the latest: got %+v, %v; want ErrNotFound", s, err)
	}
	if s, err := store.Read(t.Context(), key, "id"); err != nil || len(s.Lines) != 1 {
		t.Errorf("by id: got %+v, %v; want its line", s, err)
	}
}

// A faulty store is a Memory that breaks one clause of the contract.
type faulty struct {
	*story.Memory
	parts   func([]story.Part) []story.Part // changes what is put
	query   func(story.Query) story.Query   // changes what is asked
	list    func(m *story.Memory, ctx context.Context, q story.Query) (story.Page, error)
	page    func(*story.Page)  // changes what is listed
	story   func(*story.Story) // changes what is read
	err     func(method string, err error) error
	deletes func(key story.Key, id string) (story.Key, string, bool)
	ctx     func(context.Context) context.Context
	// openWins lets an open header take the place of one that is there.
	openWins bool
}

func (f faulty) Put(ctx context.Context, parts []story.Part) error {
	if f.parts != nil {
		parts = f.parts(slices.Clone(parts))
	}
	for _, part := range parts {
		if f.openWins && part.Header != nil && part.Header.State == story.Open && ctx.Err() == nil {
			_ = f.Memory.Delete(ctx, part.Key, part.ID) // where it is the first, there is nothing to delete
		}
	}
	return f.error("Put", f.Memory.Put(f.context(ctx), parts))
}

func (f faulty) List(ctx context.Context, q story.Query) (story.Page, error) {
	if f.query != nil {
		q = f.query(q)
	}
	list := (*story.Memory).List
	if f.list != nil {
		list = f.list
	}
	page, err := list(f.Memory, f.context(ctx), q)
	if f.page != nil {
		f.page(&page)
	}
	return page, f.error("List", err)
}

func (f faulty) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	s, err := f.Memory.Read(f.context(ctx), key, id)
	if f.story != nil && err == nil {
		f.story(&s)
	}
	return s, f.error("Read", err)
}

func (f faulty) Delete(ctx context.Context, key story.Key, id string) error {
	if f.deletes != nil {
		var ok bool
		if key, id, ok = f.deletes(key, id); !ok {
			return nil
		}
	}
	return f.error("Delete", f.Memory.Delete(f.context(ctx), key, id))
}

func (f faulty) error(method string, err error) error {
	if f.err != nil {
		return f.err(method, err)
	}
	return err
}

func (f faulty) context(ctx context.Context) context.Context {
	if f.ctx != nil {
		return f.ctx(ctx)
	}
	return ctx
}

// eachPart changes every part by itself.
func eachPart(change func(*story.Part)) func([]story.Part) []story.Part {
	return func(parts []story.Part) []story.Part {
		for i := range parts {
			change(&parts[i])
		}
		return parts
	}
}

// eachHeader changes a copy of every header.
func eachHeader(change func(*story.Header)) func([]story.Part) []story.Part {
	return eachPart(func(p *story.Part) {
		if p.Header != nil {
			header := *p.Header
			change(&header)
			p.Header = &header
		}
	})
}

// listMoved lists moved stories over all keys too, under the key that they had.
func listMoved() faulty {
	var mu sync.Mutex
	var moved []story.Header
	return faulty{
		parts: eachHeader(func(h *story.Header) {
			if h.State == story.Moved {
				mu.Lock()
				defer mu.Unlock()
				moved = append(moved, *h)
			}
		}),
		list: func(m *story.Memory, ctx context.Context, q story.Query) (story.Page, error) {
			page, err := m.List(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			for _, h := range moved {
				if overAll(q) && page.Next == "" && q.Match(h) {
					page.Headers = append(page.Headers, h)
				}
			}
			return page, err
		},
	}
}

func overAll(q story.Query) bool { return q.Key.IsZero() && q.Kind == "" }

// listByCount has cursors that say how many stories to pass over.
func listByCount(m *story.Memory, ctx context.Context, q story.Query) (story.Page, error) {
	skip, _ := strconv.Atoi(q.Cursor)
	limit := q.PageLimit()
	if skip == 0 && q.Cursor != "" {
		return m.List(ctx, q)
	}
	q.Cursor, q.Limit = "", skip+limit
	page, err := m.List(ctx, q)
	page.Headers = page.Headers[min(skip, len(page.Headers)):]
	if page.Next != "" {
		page.Next = strconv.Itoa(skip + limit)
	}
	return page, err
}

// firstTextWins drops the later texts of a call that are of one part.
func firstTextWins(parts []story.Part) []story.Part {
	type place struct {
		key    story.Key
		id     string
		number int
	}
	seen := make(map[place]bool)
	return slices.DeleteFunc(parts, func(p story.Part) bool {
		at := place{p.Key, p.ID, p.Number}
		again := seen[at] && p.Number > 0
		seen[at] = true
		return again
	})
}

// opaque returns a function that hides what one method's error wraps.
func opaque(method string, hidden error) func(string, error) error {
	return func(m string, err error) error {
		if m == method && errors.Is(err, hidden) {
			return errors.New("out of time")
		}
		return err
	}
}

// faults are stores with one fault each.
var faults = []struct {
	name, failing string // the fault, and the case that finds it
	store         faulty
}{
	{"lists oldest first", "ListOrder", faulty{page: func(p *story.Page) { slices.Reverse(p.Headers) }}},
	{"OldestFirst is ignored", "ListOldestFirst", faulty{query: func(q story.Query) story.Query { q.OldestFirst = false; return q }}},
	{"OldestFirst is ignored over all keys", "ListOldestFirst", faulty{query: func(q story.Query) story.Query {
		q.OldestFirst = q.OldestFirst && (!q.Key.IsZero() || q.Kind != "")
		return q
	}}},
	{"cursors go on downwards", "ListOldestFirst", faulty{query: func(q story.Query) story.Query {
		q.OldestFirst = q.OldestFirst && q.Cursor == ""
		return q
	}}},
	{"Since is ignored oldest first", "ListOldestFirst", faulty{query: func(q story.Query) story.Query {
		if q.OldestFirst && q.Limit == 1 {
			q.Since = time.Time{}
		}
		return q
	}}},
	{"lists over all keys are empty", "ListOverAll", faulty{query: func(q story.Query) story.Query {
		if overAll(q) {
			q.Text = "no such title"
		}
		return q
	}}},
	{"moved stories are shown over all keys", "ListMoved", listMoved()},
	{"cursors count", "ListPages", faulty{list: listByCount}},
	{"cursors count from the oldest", "ListOldestFirstPages", faulty{list: listByCount}},
	{"the first of two texts in a call wins", "PutPartTwice", faulty{parts: firstTextWins}},
	{"Read hides that time is up", "Cancelled", faulty{err: opaque("Read", context.DeadlineExceeded)}},
	{"Put hides that it was cancelled", "Cancelled", faulty{err: opaque("Put", context.Canceled)}},
	{"Put hides in a retry that the store is busy", "Cancelled", faulty{err: func(method string, err error) error {
		if method == "Put" && err != nil {
			return &story.PutError{Failures: []story.PutFailure{{Err: errors.Join(err, story.ErrBusy)}}}
		}
		return err
	}}},
	{"List tells the cause alone", "Cancelled", faulty{list: func(m *story.Memory, ctx context.Context, q story.Query) (story.Page, error) {
		if ctx.Err() != nil {
			return story.Page{}, context.Cause(ctx)
		}
		return m.List(ctx, q)
	}}},
	{"an open header is stored over a final one", "PutHeaderStates", faulty{openWins: true}},
	{"Delete does nothing", "DeleteOne", faulty{deletes: func(k story.Key, id string) (story.Key, string, bool) { return k, id, false }}},
	{"Delete of one story removes all of the key", "DeleteOne", faulty{deletes: func(k story.Key, _ string) (story.Key, string, bool) { return k, "", true }}},
	{"what is prepared is kept", "PutPrepared", faulty{parts: eachPart(func(p *story.Part) {
		if p.Prepared != nil {
			p.Text = "+0.000 I prepared\n"
		}
	})}},
	{"text is truncated", "PutLimits", faulty{parts: eachPart(func(p *story.Part) { p.Text = p.Text[:min(len(p.Text), story.MaxPartText-1)] })}},
	{"late parts are not read", "ReadLateParts", faulty{story: func(s *story.Story) {
		if s.State == story.Sealed && s.Duration > 0 {
			s.Lines = s.Lines[:len(s.Lines)-1]
		}
	}}},
	{"missing parts are not said", "ReadMissing", faulty{story: func(s *story.Story) {
		s.Lines = slices.DeleteFunc(s.Lines, func(l story.Line) bool { return strings.Contains(l.Message, "missing") })
	}}},
	{"a header's numbers are believed in lists", "ReadBounds", faulty{page: func(p *story.Page) {
		for i := range p.Headers {
			if strings.HasPrefix(p.Headers[i].Title, "ä") {
				p.Headers[i].LineCount = -1
			}
		}
	}}},
	{"each part that is missing is a line", "ReadBounds", faulty{story: func(s *story.Story) {
		if s.Parts == math.MaxInt32 {
			s.Lines = slices.Repeat(s.Lines, 1000)
		}
	}}},
	{"invalid UTF-8 in keys is replaced", "Keys", faulty{parts: eachPart(func(p *story.Part) { p.Key.ID = strings.ToValidUTF8(p.Key.ID, "?") })}},
	{"the last part of a call is lost", "PutAnyOrder", faulty{parts: func(p []story.Part) []story.Part { return p[:max(len(p)-1, min(len(p), 1))] }}},
	{"times are not in UTC", "HeaderFields", faulty{parts: eachHeader(func(h *story.Header) { h.Start = h.Start.In(time.FixedZone("east", 60*60)) })}},
	{"the level filter is ignored", "ListFilters", faulty{query: func(q story.Query) story.Query { q.MinLevel = nil; return q }}},
	{"Until is ignored", "ListPeriod", faulty{query: func(q story.Query) story.Query { q.Until = q.Until.AddDate(1, 0, 0); return q }}},
	{"lists end after one page", "ListPages", faulty{page: func(p *story.Page) { p.Next = "" }}},
	{"bad cursors are taken for the start", "ListBadCursor", faulty{query: func(q story.Query) story.Query {
		if len(q.Cursor) < 20 || len(q.Cursor) > 1000 {
			q.Cursor = ""
		}
		return q
	}}},
	{"the context is ignored", "Cancelled", faulty{ctx: context.WithoutCancel}},
}

// TestCheckFindsFaults tests the suite itself: each fault must fail the case
// that is there for it.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.store.Memory = story.NewMemory()
			err := storetest.Check(c.store)
			if err == nil {
				t.Fatal("Check found nothing")
			}
			if !strings.Contains("\n"+err.Error(), "\n"+c.failing+": ") {
				t.Errorf("case %s did not fail; Check found %.2000s", c.failing, err)
			}
		})
	}
}

package story_test

import (
	"context"
	"slices"
	"strings"
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

// A faulty store is a Memory that breaks one clause of the contract.
type faulty struct {
	*story.Memory
	parts   func([]story.Part) []story.Part // changes what is put
	query   func(story.Query) story.Query   // changes what is asked
	page    func(*story.Page)               // changes what is listed
	story   func(*story.Story)              // changes what is read
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
	return f.Memory.Put(f.context(ctx), parts)
}

func (f faulty) List(ctx context.Context, q story.Query) (story.Page, error) {
	if f.query != nil {
		q = f.query(q)
	}
	page, err := f.Memory.List(f.context(ctx), q)
	if f.page != nil {
		f.page(&page)
	}
	return page, err
}

func (f faulty) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	s, err := f.Memory.Read(f.context(ctx), key, id)
	if f.story != nil && err == nil {
		f.story(&s)
	}
	return s, err
}

func (f faulty) Delete(ctx context.Context, key story.Key, id string) error {
	if f.deletes != nil {
		var ok bool
		if key, id, ok = f.deletes(key, id); !ok {
			return nil
		}
	}
	return f.Memory.Delete(f.context(ctx), key, id)
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

// TestCheckFindsFaults tests the suite itself: each fault must fail the case
// that is there for it.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 60*60)
	for _, c := range []struct {
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
		{"an open header is stored over a final one", "PutHeaderStates", faulty{openWins: true}},
		{"Delete does nothing", "DeleteOne", faulty{deletes: func(k story.Key, id string) (story.Key, string, bool) { return k, id, false }}},
		{"Delete of one story removes all of the key", "DeleteOne", faulty{deletes: func(k story.Key, _ string) (story.Key, string, bool) { return k, "", true }}},
		{"text is truncated", "PutLimits", faulty{parts: eachPart(func(p *story.Part) { p.Text = p.Text[:min(len(p.Text), story.MaxPartText-1)] })}},
		{"late parts are not read", "ReadLateParts", faulty{story: func(s *story.Story) {
			if s.State == story.Sealed && s.Duration > 0 {
				s.Lines = s.Lines[:len(s.Lines)-1]
			}
		}}},
		{"missing parts are not said", "ReadMissing", faulty{story: func(s *story.Story) {
			s.Lines = slices.DeleteFunc(s.Lines, func(l story.Line) bool { return strings.Contains(l.Message, "missing") })
		}}},
		{"invalid UTF-8 in keys is replaced", "Keys", faulty{parts: eachPart(func(p *story.Part) { p.Key.ID = strings.ToValidUTF8(p.Key.ID, "?") })}},
		{"the last part of a call is lost", "PutAnyOrder", faulty{parts: func(p []story.Part) []story.Part { return p[:max(len(p)-1, min(len(p), 1))] }}},
		{"times are not in UTC", "HeaderFields", faulty{parts: eachHeader(func(h *story.Header) { h.Start = h.Start.In(east) })}},
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
	} {
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

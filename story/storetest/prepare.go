package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/dynamoslog/dynamoslog/story"
)

// changes make another part of one, as a store that wraps another may before it hands
// it on.
var changes = []struct {
	name string
	make func(part *story.Part)
}{
	{"nothing", func(*story.Part) {}},
	{"its text", func(p *story.Part) { p.Text = text("changed") }},
	{"a letter of its text", func(p *story.Part) { p.Text = text("equam") }},
	{"its key", func(p *story.Part) { p.Key.ID += "-changed"; p.Header.Key = p.Key }},
	{"its id", func(p *story.Part) { p.ID = story.NewID(p.Header.Start); p.Header.ID = p.ID }},
	{"the title, in place", func(p *story.Part) { p.Header.Title = "other" }},
	{"the level, in place", func(p *story.Part) { p.Header.MaxLevel++ }},
	{"the cause, in place", func(p *story.Part) { p.Header.Cause = "other" }},
	{"the problem, in place", func(p *story.Part) { p.Header.Problem = "other" }},
	{"the count of lines, in place", func(p *story.Part) { p.Header.LineCount++ }},
	{"the state, in place", func(p *story.Part) { p.Header.State = story.Closed }},
	{"the times, in place", func(p *story.Part) { p.Header.Updated = p.Header.Updated.AddDate(0, 0, 1) }},
	{"the value of an attribute, in place", func(p *story.Part) { p.Header.Attrs["a"] = "c" }},
	{"the name of an attribute, in place", func(p *story.Part) { delete(p.Header.Attrs, "a"); p.Header.Attrs["c"] = "b" }},
	{"all attributes", func(p *story.Part) { p.Header.Attrs = nil }},
}

// checkPrepared prepares parts, changes each in its way, and reads what Put made of it.
func checkPrepared(ctx context.Context, store story.Store) error {
	prepare := func(story.Part) (any, int) { return "of another store", 0 }
	if preparer, ok := store.(story.Preparer); ok {
		prepare = preparer.Prepare
	}
	for _, change := range changes {
		part := withHeader(sealed(newKey(), recent(), "equal"), func(h *story.Header) { h.Attrs = map[string]string{"a": "b"} })
		part.Prepared, _ = prepare(part)
		change.make(&part)
		want := *part.Header
		want.Attrs = maps.Clone(want.Attrs)
		if err := put(ctx, store, part); err != nil {
			return err
		}
		got, err := wantRead(ctx, store, part.Key, part.ID, part.Text)
		if err == nil {
			err = sameHeader(got.Header, want)
		}
		if err != nil {
			return fmt.Errorf("prepared, then changed %s: %w", change.name, err)
		}
	}
	return checkPreparedText(ctx, store, prepare)
}

// checkPreparedText exchanges what was prepared of two parts.
func checkPreparedText(ctx context.Context, store story.Store, prepare func(story.Part) (any, int)) error {
	head := bare(sealed(newKey(), recent(), "one"), story.Sealed, 2)
	one, two := piece(head, 1, text("one")), piece(head, 2, text("two"))
	one.Prepared, _ = prepare(two)
	two.Prepared, _ = prepare(one)
	if err := put(ctx, store, one, two, head); err != nil {
		return err
	}
	_, err := wantRead(ctx, store, head.Key, head.ID, text("one", "two"))
	if reader, ok := store.(story.PartReader); ok && err == nil {
		var parts []story.Part
		parts, err = reader.ReadParts(ctx, head.Key, head.ID)
		for _, part := range parts {
			if part.Prepared != nil {
				err = errors.Join(err, fmt.Errorf("part %d is read with what was prepared of it", part.Number))
			}
		}
	}
	return err
}

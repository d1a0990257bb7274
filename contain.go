package dynamoslog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/dynamoslog/dynamoslog/story"
)

// What is called of the user's may panic. That ends neither the program nor what is
// being stored: it is told once a minute, and what was asked for is done as well as
// it can be.

// caught tells of a panic, if there is one. It is deferred.
func (c *core) caught(where string, then func()) {
	if p := recover(); p != nil {
		c.hasNews(panicked, fmt.Errorf("dynamoslog: %s: %v", where, p))
		if then != nil {
			then()
		}
	}
}

// contained returns a ReplaceAttr that does not panic. A value that it panics for is
// not shown: it may be one to be masked. Time, level and message stay.
func (c *core) contained(replace replaceFunc) replaceFunc {
	return func(groups []string, a slog.Attr) (replaced slog.Attr) {
		defer c.caught("Options.ReplaceAttr panicked, and the attribute is not shown", func() {
			replaced = a
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return
			}
			replaced.Value = slog.StringValue("!PANIC in ReplaceAttr")
		})
		return replace(groups, a)
	}
}

// keep asks Options.Keep, if there is one. Where that panics the story is kept.
func (c *core) keep(h story.Header) (kept bool) {
	if c.opts.Keep == nil {
		return true
	}
	defer c.caught("Options.Keep panicked, and the story is kept", func() { kept = true })
	return c.opts.Keep(h)
}

// quietLevel returns the level below which calm stories have no lines, and false where
// there is none.
func (c *core) quietLevel() (level slog.Level, ok bool) {
	if c.opts.QuietLevel == nil {
		return 0, false
	}
	defer c.caught("Options.QuietLevel panicked, and all lines are kept", func() { ok = false })
	return c.opts.QuietLevel.Level(), true
}

// prepare has the store do ahead what it can of putting a part. Where that panics, Put
// does without.
func (c *core) prepare(part story.Part) (prepared any, size int) {
	store, ok := c.store.(story.Preparer)
	if !ok {
		return nil, 0
	}
	defer c.caught("the store panicked in Prepare", nil)
	return store.Prepare(part)
}

// consumed returns the units that the store's writes took, 0 where it counts none.
func (c *core) consumed() (writeUnits float64) {
	store, ok := c.store.(story.Meter)
	if !ok {
		return 0
	}
	defer c.caught("the store panicked in Consumed", nil)
	writeUnits, _ = store.Consumed()
	return writeUnits
}

// A containedStore is a store whose calls return an error where they panic.
type containedStore struct{ story.Store }

func panicError(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the store panicked: %v", p)
	}
}

func (s containedStore) Put(ctx context.Context, parts []story.Part) (err error) {
	defer panicError(&err)
	return s.Store.Put(ctx, parts)
}

func (s containedStore) Read(ctx context.Context, key story.Key, id string) (got story.Story, err error) {
	defer panicError(&err)
	return s.Store.Read(ctx, key, id)
}

func (s containedStore) List(ctx context.Context, q story.Query) (page story.Page, err error) {
	defer panicError(&err)
	return s.Store.List(ctx, q)
}

// ReadParts returns the parts of a story. Of a store that does not tell them they are
// made of what Read returns.
func (s containedStore) ReadParts(ctx context.Context, key story.Key, id string) (parts []story.Part, err error) {
	defer panicError(&err)
	if store, ok := s.Store.(story.PartReader); ok {
		return store.ReadParts(ctx, key, id)
	}
	told, err := s.Store.Read(ctx, key, id)
	if err != nil {
		return nil, err
	}
	return []story.Part{{Header: &told.Header, Text: story.Format(told.Lines)}, {Number: unknownParts}}, nil
}

package delivery

import (
	"context"
	"fmt"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/story"
)

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

// prepare has the store do ahead what it can of putting a part. Where that panics, Put
// does without.
func (d *Delivery) prepare(part story.Part) (prepared any, size int) {
	store, ok := d.cfg.Store.(story.Preparer)
	if !ok {
		return nil, 0
	}
	defer d.Caught("the store panicked in Prepare", nil)
	return store.Prepare(part)
}

// Consumed returns the units that the store's writes took, 0 where it counts none.
func (d *Delivery) Consumed() (writeUnits float64) {
	store, ok := d.cfg.Store.(story.Meter)
	if !ok {
		return 0
	}
	defer d.Caught("the store panicked in Consumed", nil)
	writeUnits, _ = store.Consumed()
	return writeUnits
}

// Caught tells OnError of a panic of the user's code, if there is one, and then calls
// then, unless it is nil. It is deferred.
func (d *Delivery) Caught(where string, then func()) {
	if p := recover(); p != nil {
		d.tell(panicked, fmt.Errorf("dynamoslog: %s: %v", where, p))
		if then != nil {
			then()
		}
	}
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
	return []story.Part{{Header: &told.Header, Text: story.Format(told.Lines)}, {Number: compose.UnknownParts}}, nil
}

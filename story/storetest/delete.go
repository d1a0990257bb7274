package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var deleteCases = []testCase{
	{"DeleteOne", "Delete removes a story with all its parts; where there was nothing to remove the error wraps ErrNotFound", checkDeleteOne},
	{"DeleteKey", "Delete with the empty id removes every story of the key, and of no other key", checkDeleteKey},
}

func checkDeleteOne(ctx context.Context, store story.Store) error {
	key := newKey()
	older := bare(sealed(key, recent(), "older"), story.Sealed, 2)
	// A second story whose id begins with the first one's.
	longer := withHeader(older, func(h *story.Header) { h.ID, h.Title = h.ID+"-2", "longer" })
	longer.ID = longer.Header.ID
	for _, head := range []story.Part{older, longer} {
		title := head.Header.Title
		if err := put(ctx, store, head, piece(head, 1, text(title+" 1")), piece(head, 2, text(title+" 2"))); err != nil {
			return err
		}
	}
	if err := store.Delete(ctx, key, older.ID); err != nil {
		return fmt.Errorf("store.Delete: %w", err)
	}
	_, err := wantRead(ctx, store, key, longer.ID, text("longer 1", "longer 2"))
	if err := errors.Join(err, wantNotFound(ctx, store, key, older.ID), wantList(ctx, store, story.Query{Key: key}, longer)); err != nil {
		return err
	}
	for _, id := range []string{older.ID, story.NewID(recent())} {
		if err := store.Delete(ctx, key, id); !errors.Is(err, story.ErrNotFound) {
			return fmt.Errorf("store.Delete of an id that is not there: got error %v, want one that wraps story.ErrNotFound", err)
		}
	}
	// The text must be gone, not only hidden: a new header would show it again.
	again := bare(older, story.Open, 0)
	if err := put(ctx, store, again); err != nil {
		return err
	}
	_, err = wantRead(ctx, store, key, older.ID, "")
	return err
}

func checkDeleteKey(ctx context.Context, store story.Store) error {
	kind := newKind()
	key, start := story.NewKey(kind, "4"), recent()
	var others []story.Part
	for _, other := range []story.Key{
		story.NewKey(kind, "42"), story.NewKey(kind, "4_2"), story.NewKey(kind, "4 "), story.NewKey(kind, ""), story.NewKey(kind+"-x", "4"),
	} {
		head := sealed(other, start, other.ID)
		others = append(others, withHeader(head, func(h *story.Header) { h.Parts = 1 }), piece(head, 1, text("more")))
	}
	first, second := sealed(key, start, "first"), sealed(key, start.Add(time.Second), "second")
	headless := sealed(key, start.Add(2*time.Second), "headless")
	mine := []story.Part{first, piece(first, 1, text("late")), second, piece(headless, 1, text("headless"))}
	if err := put(ctx, store, append(mine, others...)...); err != nil {
		return err
	}
	if err := store.Delete(ctx, key, ""); err != nil {
		return fmt.Errorf("store.Delete of a key: %w", err)
	}
	for _, id := range []string{"", first.ID, second.ID, headless.ID} {
		if err := wantNotFound(ctx, store, key, id); err != nil {
			return err
		}
	}
	if err := wantList(ctx, store, story.Query{Key: key}); err != nil {
		return err
	}
	if err := store.Delete(ctx, key, ""); !errors.Is(err, story.ErrNotFound) {
		return fmt.Errorf("store.Delete of a key without stories: got error %v, want one that wraps story.ErrNotFound", err)
	}
	for i := 0; i < len(others); i += 2 {
		if _, err := wantRead(ctx, store, others[i].Key, "", others[i].Text+others[i+1].Text); err != nil {
			return fmt.Errorf("another key, after the Delete: %w", err)
		}
	}
	return nil
}

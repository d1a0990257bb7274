package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// everyCases are what holds of every method.
var everyCases = []testCase{
	{"Ownership", "nothing handed in is kept or changed after a method has returned, and what is returned belongs to the caller", checkOwnership},
	{"Cancelled", "methods whose context is done return an error that wraps the context's", checkCancelled},
	{"Concurrency", "all methods may be called from several goroutines at once", checkConcurrency},
}

func checkOwnership(ctx context.Context, store story.Store) error {
	key := newKey()
	want := withHeader(sealed(key, recent(), "title"), func(h *story.Header) { h.Attrs = map[string]string{"a": "1"} })
	handed := withHeader(want, func(h *story.Header) { h.Attrs = map[string]string{"a": "1"} })
	parts := []story.Part{handed}
	if err := put(ctx, store, parts...); err != nil {
		return err
	}
	if !reflect.DeepEqual(parts, []story.Part{want}) {
		return fmt.Errorf("store.Put changed the part to %+v", parts[0])
	}
	handed.Header.Attrs["a"], handed.Header.Attrs["b"], handed.Header.Title = "changed", "added", "changed"
	parts[0].Text = "changed"
	for range 2 { // the second time after what was returned has been changed
		page, err := store.List(ctx, story.Query{Key: key})
		if err != nil || len(page.Headers) != 1 {
			return fmt.Errorf("store.List: got %d headers and error %v, want one header", len(page.Headers), err)
		}
		got, err := wantRead(ctx, store, key, want.ID, want.Text)
		if err != nil {
			return err
		}
		if err := errors.Join(sameHeader(page.Headers[0], *want.Header), sameHeader(got.Header, *want.Header)); err != nil {
			return err
		}
		page.Headers[0].Attrs["a"], got.Attrs["a"], got.Lines[0].Message = "changed", "changed", "changed"
	}
	return nil
}

func checkCancelled(ctx context.Context, store story.Store) error {
	key := newKey()
	head := sealed(key, recent(), "title")
	if err := put(ctx, store, head); err != nil {
		return err
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	withCause, cancelWithCause := context.WithCancelCause(ctx)
	cancelWithCause(errors.New("the cause"))
	late, cancelLate := context.WithDeadlineCause(ctx, time.Now().Add(-time.Second), errors.New("the cause"))
	defer cancelLate()
	for _, done := range []context.Context{cancelled, withCause, late} {
		_, listErr := store.List(done, story.Query{Key: key})
		putErr := store.Put(done, []story.Part{sealed(key, recent(), "other")})
		if err := CheckPutError(1, putErr); err != nil {
			return err
		}
		_, readErr := store.Read(done, key, head.ID)
		for _, call := range []struct {
			method string
			err    error
		}{
			{"Put", putErr},
			{"List", listErr}, {"Read", readErr}, {"Delete", store.Delete(done, key, head.ID)},
		} {
			if !errors.Is(call.err, done.Err()) {
				return fmt.Errorf("%s: got error %v, want one that wraps that of the context, %w", call.method, call.err, done.Err())
			}
		}
	}
	return wantList(ctx, store, story.Query{Key: key}, head)
}

func checkConcurrency(ctx context.Context, store story.Store) error {
	const goroutines, stories = 4, 5
	kind, start := newKind(), recent()
	errs := make([]error, goroutines)
	var wait sync.WaitGroup
	for g := range goroutines {
		wait.Go(func() {
			key := story.NewKey(kind, fmt.Sprint(g))
			for i := range stories {
				head := bare(sealed(key, start.Add(time.Duration(i)*time.Second), "title"), story.Sealed, 1)
				line := text(fmt.Sprint("line ", g, i))
				errs[g] = errors.Join(errs[g], put(ctx, store, piece(head, 1, line), head), wantList(ctx, store, story.Query{Key: key, Limit: 1, Since: head.Header.Start}, head))
				_, err := wantRead(ctx, store, key, "", line)
				_, listErr := list(ctx, store, story.Query{Kind: kind, Limit: 3})
				errs[g] = errors.Join(errs[g], err, listErr)
			}
			errs[g] = errors.Join(errs[g], store.Delete(ctx, key, ""))
		})
	}
	wait.Wait()
	return errors.Join(append(errs, wantList(ctx, store, story.Query{Kind: kind}))...)
}

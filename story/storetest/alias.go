package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

var aliasCases = []testCase{
	{"AliasListed", "an alias is listed under its key, among the stories of that, and not over all keys", checkAliasListed},
	{"AliasPages", "the pages of a key's stories and aliases have each of them once, in order", checkAliasPages},
	{"AliasPutAgain", "storing an alias again changes nothing; with another count, that alone", checkAliasPutAgain},
	{"AliasRead", "Read by an alias reads the story that it stands for, under that story's key; where that is not there the error wraps ErrNotFound", checkAliasRead},
	{"AliasDeleted", "Delete of a story removes its aliases", checkAliasDeleted},
	{"AliasDeletedAlone", "Delete by the id of an alias removes that alone", checkAliasDeletedAlone},
	{"AliasDeletedWithKey", "Delete of a key removes its stories with their aliases, and the aliases under it, whose stories stay", checkAliasDeletedWithKey},
	{"AliasRaised", "a story whose header is raised is listed as raised by its aliases too, if they are raised, and has further keys in Also", checkAliasRaised},
}

// withAlso returns a story's part 0 that has aliases, and those.
func withAlso(head story.Part, keys ...story.Key) (with story.Part, aliases []story.Part) {
	with = withHeader(head, func(h *story.Header) { h.Also = keys })
	for _, key := range keys {
		aliases = append(aliases, aliasOf(head, key))
	}
	return with, aliases
}

// aliasOf returns the alias of a story under a key.
func aliasOf(head story.Part, key story.Key) story.Part {
	h := head.Header.Alias(key)
	return story.Part{Key: key, ID: head.ID, Header: &h}
}

func checkAliasListed(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	order, problem := story.NewKey(newKind(), "93"), story.NewKey(newKind(), "a2b3c4d5e6")
	head := withHeader(sealed(story.NewKey(kind, "42"), start, "POST /orders"), func(h *story.Header) {
		h.MaxLevel, h.Cause, h.Problem = slog.LevelError, "no answer", "a2b3c4d5e6"
		h.Attrs = map[string]string{"status": "500", "host": "a"}
	})
	head, aliases := withAlso(head, order, problem)
	aliases[1] = withHeader(aliases[1], func(h *story.Header) { h.Count = 49 })
	own := sealed(order, start.Add(time.Second), "its own")
	if err := put(ctx, store, append([]story.Part{head, own}, aliases...)...); err != nil {
		return err
	}
	over := story.Query{Since: start, Until: start.Add(2 * time.Second)}
	bare := withHeader(head, func(h *story.Header) { h.Also = nil })
	return errors.Join(
		wantList(ctx, store, story.Query{Key: order}, own, aliases[0]),
		wantList(ctx, store, story.Query{Key: order, OldestFirst: true}, aliases[0], own),
		wantList(ctx, store, story.Query{Key: order, MinLevel: slog.LevelWarn}, aliases[0]),
		wantList(ctx, store, story.Query{Key: order, Since: start.Add(time.Second)}, own),
		wantList(ctx, store, story.Query{Key: order, Until: start.Add(time.Second), Text: "ORDERS"}, aliases[0]),
		wantList(ctx, store, story.Query{Key: problem}, aliases[1]),
		wantList(ctx, store, story.Query{Kind: order.Kind}, own),
		wantList(ctx, store, story.Query{Kind: problem.Kind}),
		wantListOverAll(ctx, store, problem.Kind, over),
		wantAlso(ctx, store, story.Query{Kind: kind}, bare),
	)
}

// wantAlso checks a list as wantList does, in which Also may be left out.
func wantAlso(ctx context.Context, store story.Store, q story.Query, want ...story.Part) error {
	got, err := list(ctx, store, q)
	if err != nil {
		return err
	}
	for i := range got {
		got[i].Also = nil
	}
	return sameHeaders(q, got, want)
}

func checkAliasPages(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	order := story.NewKey(kind, "93")
	var want []story.Part
	for i := range 12 {
		at := start.Add(time.Duration(i) * time.Second)
		head := sealed(order, at, fmt.Sprint("story ", i))
		if i%3 > 0 {
			other, aliases := withAlso(sealed(story.NewKey(kind, fmt.Sprint("of ", i)), at, fmt.Sprint("story ", i)), order)
			if err := put(ctx, store, other); err != nil {
				return err
			}
			head = aliases[0]
		}
		want = append(want, head)
	}
	if err := put(ctx, store, want...); err != nil {
		return err
	}
	newest := slices.Clone(want)
	slices.Reverse(newest)
	for _, limit := range []int{1, 2, 5, 50} {
		err := errors.Join(
			wantList(ctx, store, story.Query{Key: order, Limit: limit, OldestFirst: true}, want...),
			wantList(ctx, store, story.Query{Key: order, Limit: limit}, newest...),
			wantList(ctx, store, story.Query{Key: order, Limit: limit, Since: start.Add(2 * time.Second), Until: start.Add(9 * time.Second)}, newest[3:10]...),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func checkAliasPutAgain(ctx context.Context, store story.Store) error {
	problem := story.NewKey(newKind(), "a2b3c4d5e6")
	head, aliases := withAlso(sealed(newKey(), recent(), "POST /orders"), problem)
	more := withHeader(aliases[0], func(h *story.Header) { h.Count = 7 })
	for _, step := range [][]story.Part{{head, aliases[0]}, aliases, {head, aliases[0], aliases[0]}, {more}} {
		if err := put(ctx, store, step...); err != nil {
			return err
		}
		if err := wantList(ctx, store, story.Query{Key: problem}, step[len(step)-1]); err != nil {
			return err
		}
		if _, err := wantRead(ctx, store, head.Key, head.ID, head.Text); err != nil {
			return err
		}
	}
	return nil
}

func checkAliasRead(ctx context.Context, store story.Store) error {
	start, order := recent(), story.NewKey(newKind(), "93")
	own := sealed(order, start, "its own")
	short, shorts := withAlso(sealed(newKey(), start.Add(time.Second), "short"), order)
	long, longs := withAlso(bare(sealed(newKey(), start.Add(2*time.Second), "long"), story.Sealed, 2), order)
	dangling := aliasOf(sealed(newKey(), start.Add(3*time.Second), "gone"), story.NewKey(newKind(), "7"))
	parts := []story.Part{own, short, piece(long, 1, text("one")), piece(long, 2, text("two")), long, shorts[0]}
	if err := put(ctx, store, append(parts, dangling)...); err != nil {
		return err
	}
	read := func(id string, want story.Part, text string) error {
		got, err := wantRead(ctx, store, order, id, text)
		if err != nil {
			return err
		}
		return sameHeader(got.Header, *want.Header)
	}
	err := errors.Join(
		read(own.ID, own, own.Text), read(short.ID, short, short.Text), read("", short, short.Text),
		wantNotFound(ctx, store, order, long.ID),
		put(ctx, store, longs...),
		read(long.ID, long, text("one", "two")), read("", long, text("one", "two")),
		wantNotFound(ctx, store, dangling.Key, dangling.ID), wantNotFound(ctx, store, dangling.Key, ""),
	)
	if err != nil {
		return err
	}
	if reader, ok := store.(story.PartReader); ok {
		if _, err := reader.ReadParts(ctx, order, long.ID); !errors.Is(err, story.ErrNotFound) {
			return fmt.Errorf("store.ReadParts of an alias: got error %v, want one that wraps story.ErrNotFound", err)
		}
	}
	return nil
}

// wantGone checks that nothing is listed or read under keys, and that there is nothing to
// delete.
func wantGone(ctx context.Context, store story.Store, id string, keys ...story.Key) error {
	for _, key := range keys {
		err := errors.Join(wantList(ctx, store, story.Query{Key: key}), wantNotFound(ctx, store, key, id), wantNotFound(ctx, store, key, ""))
		if err != nil {
			return err
		}
		if err := store.Delete(ctx, key, id); !errors.Is(err, story.ErrNotFound) {
			return fmt.Errorf("store.Delete of an alias that is gone: got error %v, want one that wraps story.ErrNotFound", err)
		}
	}
	return nil
}

func checkAliasDeleted(ctx context.Context, store story.Store) error {
	kind := newKind()
	var keys []story.Key
	for i := range story.MaxAlso {
		keys = append(keys, story.NewKey(kind, fmt.Sprintf("%02d é", i)))
	}
	head, aliases := withAlso(sealed(newKey(), recent(), "deleted"), keys...)
	other, others := withAlso(withHeader(sealed(newKey(), recent(), "stays"), func(h *story.Header) { h.ID += "-2" }), keys...)
	other.ID = other.Header.ID
	for i := range others {
		others[i].ID = other.ID
	}
	// The last alias of the first story was not stored.
	if err := put(ctx, store, slices.Concat([]story.Part{head, other}, aliases[:story.MaxAlso-1], others)...); err != nil {
		return err
	}
	if err := store.Delete(ctx, head.Key, head.ID); err != nil {
		return fmt.Errorf("store.Delete of a story with aliases: %w", err)
	}
	for i, key := range keys {
		err := errors.Join(wantList(ctx, store, story.Query{Key: key}, others[i]), wantNotFound(ctx, store, key, head.ID))
		if err != nil {
			return err
		}
	}
	if err := store.Delete(ctx, other.Key, other.ID); err != nil {
		return fmt.Errorf("store.Delete of a story with aliases: %w", err)
	}
	return wantGone(ctx, store, other.ID, append(keys, other.Key)...)
}

func checkAliasDeletedAlone(ctx context.Context, store story.Store) error {
	order, item := story.NewKey(newKind(), "93"), story.NewKey(newKind(), "7")
	head, aliases := withAlso(sealed(newKey(), recent(), "POST /orders"), order, item)
	if err := put(ctx, store, append(aliases, head)...); err != nil {
		return err
	}
	if err := store.Delete(ctx, order, head.ID); err != nil {
		return fmt.Errorf("store.Delete of an alias: %w", err)
	}
	if _, err := wantRead(ctx, store, head.Key, head.ID, head.Text); err != nil {
		return err
	}
	if err := errors.Join(wantGone(ctx, store, head.ID, order), wantList(ctx, store, story.Query{Key: item}, aliases[1])); err != nil {
		return err
	}
	if err := store.Delete(ctx, head.Key, head.ID); err != nil {
		return fmt.Errorf("store.Delete of a story, an alias of which is gone: %w", err)
	}
	return wantGone(ctx, store, head.ID, item)
}

func checkAliasDeletedWithKey(ctx context.Context, store story.Store) error {
	kind, start := newKind(), recent()
	user, order, item := story.NewKey(kind, "42"), story.NewKey(newKind(), "93"), story.NewKey(newKind(), "7")
	first, firsts := withAlso(sealed(user, start, "first"), order)
	second, seconds := withAlso(sealed(user, start.Add(time.Second), "second"), order, item)
	other, others := withAlso(sealed(story.NewKey(kind, "33"), start.Add(2*time.Second), "mentions 42"), user, order)
	if err := put(ctx, store, slices.Concat([]story.Part{first, second, other}, firsts, seconds, others)...); err != nil {
		return err
	}
	if err := store.Delete(ctx, user, ""); err != nil {
		return fmt.Errorf("store.Delete of a key: %w", err)
	}
	_, err := wantRead(ctx, store, other.Key, other.ID, other.Text)
	return errors.Join(err,
		wantGone(ctx, store, second.ID, user, item), wantNotFound(ctx, store, user, first.ID),
		wantList(ctx, store, story.Query{Key: order}, others[1]),
	)
}

func checkAliasRaised(ctx context.Context, store story.Store) error {
	order, problem := story.NewKey(newKind(), "93"), story.NewKey(newKind(), "7")
	head, aliases := withAlso(sealed(newKey(), recent(), "POST /orders"), order)
	if err := put(ctx, store, append(aliases, head)...); err != nil {
		return err
	}
	raise := func(part story.Part, also ...story.Key) story.Part {
		raised := withHeader(part, func(h *story.Header) {
			h.MaxLevel, h.LineCount, h.Cause, h.Problem, h.Also = slog.LevelError, 2, "gone", "a2b3c4d5e6", also
		})
		raised.Text, raised.Raise = "", true
		return raised
	}
	listed := raise(aliases[0])
	also := []story.Key{order, problem}
	slices.SortFunc(also, story.Key.Compare)
	if err := put(ctx, store, raise(head, also...), listed); err != nil {
		return err
	}
	got, err := store.Read(ctx, head.Key, head.ID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(got.Also, also) {
		return fmt.Errorf("store.Read of a story that was raised: got the keys %v, want %v", got.Also, also)
	}
	return wantList(ctx, store, story.Query{Key: order}, listed)
}

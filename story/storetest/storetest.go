// Package storetest checks that an implementation of [story.Store] keeps to the
// contract that the interface states, as testing/slogtest does for handlers.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// caseTimeout turns a store that hangs, or pages without end, into a failure.
const caseTimeout = time.Minute

// A testCase checks one clause of the contract. It uses kinds and keys of its
// own, so that all cases can share a store with each other and with others.
type testCase struct {
	name        string
	explanation string // the clause, for whoever reads the failure
	check       func(ctx context.Context, store story.Store) error
}

var cases = slices.Concat(putCases, deleteCases, listCases, readCases, aliasCases, everyCases)

// Run checks the stores that open returns, with one subtest for each clause of
// the contract. Open is called once in every subtest and may return the same
// store each time; it need not be empty. A store in which lists lag behind what
// was put fails, so that of DynamoDB only an emulator passes reliably.
//
// The stories put start within the last hour. They are not deleted afterwards.
func Run(t *testing.T, open func(t *testing.T) story.Store) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nthe contract of story.Store: %s", err, c.explanation)
			}
		})
	}
}

// Check checks one store as [Run] does, outside of a test, and returns the
// errors of all clauses that it breaks, joined.
func Check(store story.Store) error {
	var errs []error
	for _, c := range cases {
		if err := c.run(context.Background(), store); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (the contract of story.Store: %s)", c.name, err, c.explanation))
		}
	}
	return errors.Join(errs...)
}

func (c testCase) run(ctx context.Context, store story.Store) error {
	ctx, cancel := context.WithTimeout(ctx, caseTimeout)
	defer cancel()
	return c.check(ctx, store)
}

// newKind returns a kind that no other case has, in this run or in another.
func newKind() string { return fmt.Sprintf("storetest-%016x", rand.Uint64()) }

func newKey() story.Key { return story.NewKey(newKind(), "42") }

// recent returns a start that no store has expired.
func recent() time.Time {
	return time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond)
}

// text returns the stored form of one line at level Info for each message.
func text(messages ...string) string {
	lines := make([]story.Line, len(messages))
	for i, message := range messages {
		lines[i].Message = message
	}
	return story.Format(lines)
}

// sealed returns part 0 of a new story whose text is in it.
func sealed(key story.Key, start time.Time, messages ...string) story.Part {
	header := story.Header{
		Key: key, ID: story.NewID(start), Start: start, Updated: start.Truncate(time.Millisecond),
		State: story.Sealed, LineCount: len(messages), Title: messages[0],
	}
	return story.Part{Key: key, ID: header.ID, Header: &header, Text: text(messages...)}
}

// withHeader returns a copy of a part 0 whose header is changed.
func withHeader(part story.Part, change func(h *story.Header)) story.Part {
	header := *part.Header
	change(&header)
	part.Header = &header
	return part
}

// bare returns part 0 without text, in a state and with a number of parts.
func bare(part story.Part, state story.State, parts int) story.Part {
	part.Text = ""
	return withHeader(part, func(h *story.Header) { h.State, h.Parts, h.LineCount = state, parts, parts })
}

// piece returns a text part of the story of part 0.
func piece(of story.Part, number int, text string) story.Part {
	return story.Part{Key: of.Key, ID: of.ID, Number: number, Text: text}
}

func put(ctx context.Context, store story.Store, parts ...story.Part) error {
	if err := store.Put(ctx, parts); err != nil {
		return fmt.Errorf("store.Put of %d parts: %w", len(parts), err)
	}
	return nil
}

// list returns the headers of all pages.
func list(ctx context.Context, store story.Store, q story.Query) ([]story.Header, error) {
	var all []story.Header
	for {
		page, err := store.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("store.List(%+v): %w", q, err)
		}
		if len(page.Headers) > q.PageLimit() {
			return nil, fmt.Errorf("store.List(%+v): got %d headers in a page, want at most %d", q, len(page.Headers), q.PageLimit())
		}
		all = append(all, page.Headers...)
		if page.Next == "" {
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// wantList checks that a query selects exactly these stories, in this order.
func wantList(ctx context.Context, store story.Store, q story.Query, want ...story.Part) error {
	got, err := list(ctx, store, q)
	if err != nil {
		return err
	}
	return sameHeaders(q, got, want)
}

// wantListOverAll does so for a query over all keys, of which it looks only at
// those of a kind. The period that the query names keeps the list short.
func wantListOverAll(ctx context.Context, store story.Store, kind string, q story.Query, want ...story.Part) error {
	all, err := list(ctx, store, q)
	if err != nil {
		return err
	}
	got := slices.DeleteFunc(all, func(h story.Header) bool { return h.Key.Kind != kind })
	return sameHeaders(q, got, want)
}

func sameHeaders(q story.Query, got []story.Header, want []story.Part) error {
	var gotTitles, wantTitles []string
	for _, h := range got {
		gotTitles = append(gotTitles, h.Title)
	}
	for _, part := range want {
		wantTitles = append(wantTitles, part.Header.Title)
	}
	if len(got) != len(want) {
		return fmt.Errorf("store.List(%.300s): got the titles %.500q, want %.500q", fmt.Sprintf("%+v", q), gotTitles, wantTitles)
	}
	for i, h := range got {
		if err := sameHeader(h, *want[i].Header); err != nil {
			return fmt.Errorf("store.List(%.300s): header %d of the titles %.500q: %w", fmt.Sprintf("%+v", q), i, gotTitles, err)
		}
	}
	return nil
}

// wantRead checks the text of a story, and returns the story.
func wantRead(ctx context.Context, store story.Store, key story.Key, id, want string) (story.Story, error) {
	got, err := store.Read(ctx, key, id)
	if err != nil {
		return got, fmt.Errorf("store.Read(%.100s, %q): %w", key, id, err)
	}
	if text := story.Format(got.Lines); text != want {
		return got, fmt.Errorf("store.Read(%.100s, %q): got %d bytes of text %.500q, want %d bytes %.500q", key, id, len(text), text, len(want), want)
	}
	return got, nil
}

// wantNotFound checks that a story cannot be read.
func wantNotFound(ctx context.Context, store story.Store, key story.Key, id string) error {
	if _, err := store.Read(ctx, key, id); !errors.Is(err, story.ErrNotFound) {
		return fmt.Errorf("store.Read(%.100s, %q): got error %v, want one that wraps story.ErrNotFound", key, id, err)
	}
	return nil
}

func sameHeader(got, want story.Header) error {
	for name, times := range map[string][2]*time.Time{
		"Start": {&got.Start, &want.Start}, "Updated": {&got.Updated, &want.Updated},
	} {
		got, want := times[0], times[1]
		if !got.Equal(*want) || got.Location() != time.UTC {
			return fmt.Errorf("got %s %v, want %v", name, *got, *want)
		}
		*got = *want // DeepEqual would look at how a time is represented
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got header %.1000q\nwant %.1000q", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
	return nil
}

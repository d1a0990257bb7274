package reading_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A slowStore reads stories whose id is a number, each in its time.
type slowStore struct {
	story.Store
	takes func(id string) time.Duration
	lines func(id string) []story.Line
	fails string // the id of a story that cannot be read

	reads, atOnce, most atomic.Int32
}

func (s *slowStore) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	s.reads.Add(1)
	for now := s.atOnce.Add(1); now > s.most.Load(); {
		s.most.Store(now)
	}
	defer s.atOnce.Add(-1)
	takes := time.Second
	if s.takes != nil {
		takes = s.takes(id)
	}
	select {
	case <-ctx.Done():
		return story.Story{}, ctx.Err()
	case <-time.After(takes):
	}
	if id == s.fails {
		return story.Story{}, errDown
	}
	whole := story.Story{Header: story.Header{Key: key, ID: id}}
	if s.lines != nil {
		whole.Lines = s.lines(id)
	}
	return whole, nil
}

// numbered selects so many stories, each said to have some lines, and ends with an error if
// that is one.
func numbered(count, lines int, err error) reading.Selection {
	return func(context.Context, story.Store) iter.Seq2[story.Header, error] {
		return func(yield func(story.Header, error) bool) {
			for i := range count {
				if !yield(story.Header{ID: fmt.Sprintf("%03d", i), LineCount: lines}, nil) {
					return
				}
			}
			if err != nil {
				yield(story.Header{}, err)
			}
		}
	}
}

func idOf(s story.Story) string { return s.ID }

// readAhead reads up to so many stories, and returns their ids and the error at their end.
func readAhead(ctx context.Context, store story.Store, headers reading.Selection, most int) (ids []string, err error) {
	for id, err := range reading.ReadAhead(ctx, store, headers, idOf) {
		if err != nil {
			return ids, err
		}
		if ids = append(ids, id); len(ids) == most {
			break
		}
	}
	return ids, nil
}

// Several stories are read at once, and come in their order all the same.
func TestReadAheadKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{takes: func(id string) time.Duration { return time.Duration(id[2]%7) * time.Second }}
		begin := time.Now()
		ids, err := readAhead(t.Context(), store, numbered(200, 10, nil), 1000)
		if err != nil || len(ids) != 200 || !slices.IsSorted(ids) {
			t.Errorf("got %v, %v", ids, err)
		}
		if one := 200 * 3 * time.Second; time.Since(begin) > one/3 {
			t.Errorf("took %v, where one after the other takes about %v", time.Since(begin), one)
		}
	})
}

// What is in the order before an error is yielded, and the error is the last.
func TestReadAheadEndsWithError(t *testing.T) {
	for name, c := range map[string]struct {
		store   *slowStore
		headers reading.Selection
		want    int
	}{
		"of a story": {&slowStore{fails: "007"}, numbered(100, 1, nil), 7},
		"of a first": {&slowStore{fails: "000"}, numbered(100, 1, nil), 0},
		"of a list":  {&slowStore{}, numbered(5, 1, errDown), 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			ids, err := readAhead(t.Context(), c.store, c.headers, 1000)
			if !errors.Is(err, errDown) || len(ids) != c.want || !slices.IsSorted(ids) {
				t.Errorf("%s: got %v, %v, want %d stories and an error", name, ids, err, c.want)
			}
			before := c.store.reads.Load()
			time.Sleep(time.Minute)
			if after := c.store.reads.Load(); after != before || c.store.atOnce.Load() != 0 {
				t.Errorf("%s: %d stories were read after the end", name, after-before)
			}
		})
	}
}

// Who has enough ends it at once: what is being read is broken off, and nothing further read.
func TestReadAheadEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{takes: func(id string) time.Duration {
			if id < "003" {
				return time.Second
			}
			return time.Hour
		}}
		begin := time.Now()
		ids, err := readAhead(t.Context(), store, numbered(1000, 1, nil), 3)
		if err != nil || len(ids) != 3 || time.Since(begin) != time.Second {
			t.Errorf("got %v, %v after %v", ids, err, time.Since(begin))
		}
		if store.atOnce.Load() != 0 || store.reads.Load() > 100 {
			t.Errorf("%d of %d stories are still read", store.atOnce.Load(), store.reads.Load())
		}
	})
}

func TestReadAheadIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		store := &slowStore{}
		ids, err := readAhead(ctx, store, numbered(1000, 1, nil), 1000)
		if !errors.Is(err, context.DeadlineExceeded) || len(ids) == 0 || !slices.IsSorted(ids) || store.atOnce.Load() != 0 {
			t.Errorf("got %d stories, %v, %d are still read", len(ids), err, store.atOnce.Load())
		}
	})
}

// Who is slow does not have more and more read before he comes to it.
func TestReadAheadIsBounded(t *testing.T) {
	const large = 250_000
	lines := make([]story.Line, large) // of all of them
	for name, c := range map[string]struct {
		told  int // lines
		lines []story.Line
		most  int32 // stories that are read before the first is taken
		once  int32 // of these at once
	}{
		"small":    {1, nil, reading.MostAhead, 1000},
		"large":    {large, lines, 1, 1},
		"not told": {0, lines, 1000, 1000}, // below, as it depends on the processors
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &slowStore{lines: func(string) []story.Line { return c.lines }}
			for range reading.ReadAhead(t.Context(), store, numbered(500, c.told, nil), idOf) {
				time.Sleep(time.Hour)
				read := store.reads.Load()
				if read > c.most || store.most.Load() > c.once {
					t.Errorf("%s: %d stories were read, %d at once, before the first was taken", name, read, store.most.Load())
				}
				if c.lines != nil && read > reading.Readers()+1 {
					t.Errorf("%s: %d stories of %d lines are in memory", name, read, large)
				}
				break
			}
		})
	}
}

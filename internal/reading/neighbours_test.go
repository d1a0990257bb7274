package reading_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A told story is one to be stored in a test.
type told struct {
	at     time.Duration // after noon
	suffix string
	level  slog.Level
	state  story.State // Sealed if empty
}

func (s told) id() string { return story.IDPrefix(noon.Add(s.at)) + "-" + s.suffix }

func put(t *testing.T, store story.Store, key story.Key, stories ...told) {
	t.Helper()
	for _, s := range stories {
		full := newStory(story.Line{Level: s.level, Message: "line of " + s.suffix})
		full.Key, full.ID, full.Start, full.State = key, s.id(), noon.Add(s.at), story.Sealed
		if s.state != "" {
			full.State = s.state
		}
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: full.ID, Header: &full.Header, Text: story.Format(full.Lines)}}); err != nil {
			t.Fatal(err)
		}
	}
}

type finder func(context.Context, story.Store, story.Key, string) (story.Header, bool, error)

func checkFound(t *testing.T, find finder, store story.Store, id, want string) {
	t.Helper()
	h, found, err := find(t.Context(), store, userKey, id)
	if err != nil || found != (want != "") || h.ID != want {
		t.Errorf("of %s: got %q, %v, %v, want %q", id, h.ID, found, err, want)
	}
}

// memoryOf returns a store with those stories of one key, and others of another.
func memoryOf(t *testing.T, stories ...told) *story.Memory {
	store := story.NewMemory()
	put(t, store, userKey, stories...)
	put(t, store, story.NewKey("user", "43"), told{suffix: "zother"}, told{at: 1, suffix: "zother"}, told{at: time.Hour, suffix: "aother"})
	return store
}

func TestPreviousAndNext(t *testing.T) {
	all := []told{{at: 0, suffix: "aaaaaa"}, {at: time.Second, suffix: "bbbbbb"}, {at: time.Hour, suffix: "cccccc"}, {at: 24 * time.Hour, suffix: "dddddd"}}
	checkChain(t, memoryOf(t, all...), all)
}

// Of the stories of one microsecond the ids tell the order.
func TestPreviousAndNextAtTheSameMicrosecond(t *testing.T) {
	var all []told
	for i := range 20 {
		all = append(all, told{at: time.Second, suffix: fmt.Sprintf("same%02d", i)})
	}
	all = append(all, told{at: time.Second + time.Microsecond, suffix: "aaaaaa"})
	checkChain(t, memoryOf(t, all...), all)
}

func checkChain(t *testing.T, store story.Store, all []told) {
	t.Helper()
	for i, s := range all {
		previous, next := "", ""
		if i > 0 {
			previous = all[i-1].id()
		}
		if i+1 < len(all) {
			next = all[i+1].id()
		}
		checkFound(t, reading.Previous, store, s.id(), previous)
		checkFound(t, reading.Next, store, s.id(), next)
	}
}

// A second handler's story has the id of the first with -2.
func TestNeighboursOfASecondHandler(t *testing.T) {
	store := memoryOf(t, told{suffix: "aaaaaa"}, told{suffix: "aaaaaa-2"})
	checkFound(t, reading.Previous, store, told{suffix: "aaaaaa-2"}.id(), told{suffix: "aaaaaa"}.id())
	checkFound(t, reading.Next, store, told{suffix: "aaaaaa"}.id(), told{suffix: "aaaaaa-2"}.id())
}

func TestNeighboursOfAnIDThatTellsNoTime(t *testing.T) {
	store := memoryOf(t, told{suffix: "aaaaaa"})
	checkFound(t, reading.Previous, store, "zzz", told{suffix: "aaaaaa"}.id())
	checkFound(t, reading.Next, store, "000", "")
}

func TestLastGood(t *testing.T) {
	store := memoryOf(t,
		told{at: 1 * time.Second, suffix: "good00"},
		told{at: 2 * time.Second, suffix: "warned", level: slog.LevelWarn},
		told{at: 3 * time.Second, suffix: "failed", level: slog.LevelError},
		told{at: 4 * time.Second, suffix: "opened", state: story.Open},
		told{at: 5 * time.Second, suffix: "worse0", level: slog.LevelError + 4},
	)
	warned := told{at: 2 * time.Second, suffix: "warned"}.id()
	checkFound(t, reading.LastGood, store, told{at: 5 * time.Second, suffix: "worse0"}.id(), warned)
	checkFound(t, reading.LastGood, store, warned, told{at: time.Second, suffix: "good00"}.id())
	checkFound(t, reading.LastGood, store, told{at: time.Second, suffix: "good00"}.id(), "")
}

func TestLastGoodLooksAtSoMany(t *testing.T) {
	all := []told{{suffix: "good00"}}
	for i := range reading.Searched + 1 {
		all = append(all, told{at: time.Duration(i+1) * time.Second, suffix: "failed", level: slog.LevelError})
	}
	store := memoryOf(t, all...)
	checkFound(t, reading.LastGood, store, all[reading.Searched-2].id(), all[0].id())
	checkFound(t, reading.LastGood, store, all[reading.Searched+1].id(), "")
}

func TestNeighboursPassOnErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, find := range []finder{reading.Previous, reading.Next, reading.LastGood} {
		if _, found, err := find(ctx, story.NewMemory(), userKey, told{suffix: "aaaaaa"}.id()); found || !errors.Is(err, context.Canceled) {
			t.Errorf("function %d: got %v, %v, want context.Canceled", i, found, err)
		}
	}
}

func TestCompare(t *testing.T) {
	good, bad, odd := told{suffix: "good00"}, told{at: 1, suffix: "failed", level: slog.LevelError}, told{at: time.Second, suffix: "latest"}
	bad.at = time.Microsecond
	store := memoryOf(t, good, bad, odd)
	tests := []struct {
		name    string
		pair    reading.Pair
		was, is string
		err     error
	}{
		{"latest and previous", reading.Pair{}, bad.id(), odd.id(), nil},
		{"latest and last good", reading.Pair{Good: true}, good.id(), odd.id(), nil},
		{"previous", reading.Pair{Is: bad.id()}, good.id(), bad.id(), nil},
		{"two", reading.Pair{Was: odd.id(), Is: good.id()}, odd.id(), good.id(), nil},
		{"was and the latest", reading.Pair{Was: good.id()}, good.id(), odd.id(), nil},
		{"same", reading.Pair{Was: bad.id(), Is: bad.id()}, "", "", reading.ErrSameStory},
		{"same as the latest", reading.Pair{Was: odd.id()}, "", "", reading.ErrSameStory},
		{"none before", reading.Pair{Is: good.id()}, "", "", reading.ErrNoOther},
		{"none good before", reading.Pair{Is: good.id(), Good: true}, "", "", reading.ErrNoOther},
		{"no such story", reading.Pair{Is: "nothing"}, "", "", story.ErrNotFound},
		{"no such story before", reading.Pair{Was: "nothing"}, "", "", story.ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.pair.Key = userKey
			d, err := reading.Compare(t.Context(), store, tt.pair)
			if !errors.Is(err, tt.err) || (d == nil) != (tt.err != nil) {
				t.Fatalf("got %v, %v, want the error %v", d, err, tt.err)
			}
			if d != nil && (d.Was.Story.ID != tt.was || d.Is.Story.ID != tt.is) {
				t.Errorf("got %s and %s, want %s and %s", d.Was.Story.ID, d.Is.Story.ID, tt.was, tt.is)
			}
		})
	}
}

package reading_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/internal/shop"
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
		full.Title = "told"
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
		told{at: 0, suffix: "good00", level: slog.LevelError},
		told{at: 1 * time.Second, suffix: "good00"},
		told{at: 2 * time.Second, suffix: "warned", level: slog.LevelWarn},
		told{at: 3 * time.Second, suffix: "failed", level: slog.LevelError},
		told{at: 4 * time.Second, suffix: "opened", state: story.Open},
		told{at: 5 * time.Second, suffix: "worse0", level: slog.LevelError + 4},
	)
	for of, want := range map[string]string{
		told{at: 5 * time.Second, suffix: "worse0"}.id(): told{at: 2 * time.Second, suffix: "warned"}.id(),
		told{at: 2 * time.Second, suffix: "warned"}.id(): told{at: 1 * time.Second, suffix: "good00"}.id(),
		told{at: 1 * time.Second, suffix: "good00"}.id(): told{suffix: "zother"}.id(), // of another key
		told{at: 0, suffix: "good00"}.id():               "",
	} {
		checkLastGood(t, store, headerOf(t, store, userKey, of), want)
	}
}

func headerOf(t *testing.T, store story.Store, key story.Key, id string) story.Header {
	t.Helper()
	s, err := store.Read(t.Context(), key, id)
	if err != nil {
		t.Fatal(err)
	}
	return s.Header
}

func checkLastGood(t *testing.T, store story.Store, of story.Header, want string) {
	t.Helper()
	h, err := reading.LastGood(t.Context(), store, of)
	none := (*reading.NoOtherError)(nil)
	if h.ID != want || (want == "") != errors.As(err, &none) || (want != "") != (err == nil) {
		t.Errorf("of %s: got %q, %v, want %q", of.ID, h.ID, err, want)
	}
}

// Of very many stories of a key so many are looked at, then those of its kind.
func TestLastGoodLooksAtSoMany(t *testing.T) {
	all := []told{{suffix: "good00"}}
	for i := range reading.Searched + 1 {
		all = append(all, told{at: time.Duration(i+1) * time.Second, suffix: "failed", level: slog.LevelError})
	}
	store := story.NewMemory()
	put(t, store, userKey, all...)
	counted := &headerCounter{Store: store}
	checkLastGood(t, counted, headerOf(t, store, userKey, all[reading.Searched-2].id()), all[0].id())
	if counted.headers > reading.Searched+1 {
		t.Errorf("got %d headers, want at most %d", counted.headers, reading.Searched)
	}
	checkLastGood(t, counted, headerOf(t, store, userKey, all[reading.Searched+1].id()), all[0].id()) // of its kind
	more := make([]told, reading.SearchedKind)
	for i := range more {
		more[i] = told{at: time.Hour + time.Duration(i)*time.Second, suffix: "failed", level: slog.LevelError}
	}
	put(t, store, story.NewKey("user", "43"), more...)
	counted.headers = 0
	last := more[len(more)-1]
	put(t, store, userKey, told{at: last.at + 1, suffix: "failed", level: slog.LevelError})
	_, err := reading.LastGood(t.Context(), counted, headerOf(t, store, userKey, told{at: last.at + 1, suffix: "failed"}.id()))
	if none := (*reading.NoOtherError)(nil); !errors.As(err, &none) || none.Kind.Looked < reading.SearchedKind-1 || !none.Kind.Short {
		t.Errorf("got %v, want that there is none as far as it looked", err)
	}
	if most := reading.Searched + reading.SearchedKind + 2; counted.headers > most {
		t.Errorf("got %d headers, want at most %d", counted.headers, most)
	}
	if want := "no earlier story like it, told, without an error was found among the 200 earlier stories back to "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
}

// A headerCounter counts the headers that it gave.
type headerCounter struct {
	story.Store
	headers int
}

func (s *headerCounter) List(ctx context.Context, q story.Query) (story.Page, error) {
	page, err := s.Store.List(ctx, q)
	s.headers += len(page.Headers)
	return page, err
}

func TestAlike(t *testing.T) {
	h := func(kind, title string, attrs ...string) story.Header {
		h := story.Header{Key: story.NewKey(kind, "1"), Title: title, Attrs: map[string]string{}}
		for i := 0; i < len(attrs); i += 2 {
			h.Attrs[attrs[i]] = attrs[i+1]
		}
		return h
	}
	for _, tt := range []struct {
		a, b story.Header
		want bool
	}{
		{h("user", "x", "route", "GET /a"), h("user", "y", "route", "GET /a"), true},
		{h("user", "x", "route", "GET /a"), h("user", "x", "route", "POST /a"), false},
		{h("user", "x", "route", "GET /a"), h("user", "x"), false},
		{h("user", "x", "route", "GET /a"), h("http", "x", "route", "GET /a"), false},
		{h("user", "x", "route", "/a", "method", "GET"), h("user", "x", "route", "/a", "method", "POST"), false},
		{h("user", "x", "route", "/a", "method", "GET"), h("user", "x", "route", "/a"), true},
		{h("order", "Fulfilling order 7"), h("order", "Fulfilling order 100042"), true},
		{h("order", "Fulfilling order 7"), h("order", "Cancelling order 7"), false},
		{h("job", ""), h("job", ""), true},
	} {
		if reading.Alike(tt.a, tt.b) != tt.want || reading.Alike(tt.b, tt.a) != tt.want {
			t.Errorf("%v and %v: got %v", tt.a, tt.b, !tt.want)
		}
	}
}

// The last good one is like it, of this key before others, and of anyone rather than none.
func TestLastGoodIsAlike(t *testing.T) {
	store := story.NewMemory()
	tell := func(user string, minute int, route string, level slog.Level) story.Header {
		s := newStory(story.Line{Level: level, Message: route})
		s.Key, s.Start, s.State = story.NewKey("user", user), noon.Add(time.Duration(minute)*time.Minute), story.Sealed
		s.ID, s.Attrs = story.IDPrefix(s.Start)+"-aaaaaa", map[string]string{"route": route}
		if err := store.Put(t.Context(), []story.Part{{Key: s.Key, ID: s.ID, Header: &s.Header, Text: story.Format(s.Lines)}}); err != nil {
			t.Fatal(err)
		}
		return s.Header
	}
	first := tell("1", 0, "POST /orders", slog.LevelInfo)
	other := tell("2", 1, "POST /orders", slog.LevelInfo)
	tell("1", 2, "GET /users", slog.LevelInfo)
	bad := tell("1", 3, "POST /orders", slog.LevelError)
	checkLastGood(t, store, bad, first.ID)
	worse := tell("3", 4, "POST /orders", slog.LevelError)
	checkLastGood(t, store, worse, other.ID)
	lonely := tell("1", 5, "DELETE /orders", slog.LevelError)
	checkLastGood(t, store, lonely, "")

	d, err := reading.Compare(t.Context(), store, reading.Pair{Key: worse.Key, Is: worse.ID, Good: true})
	if err != nil || d.Was.Story.Key != other.Key || !d.Alike || d.Unlike() != "" {
		t.Errorf("compared with %v, %v", d, err)
	}
	d, err = reading.Compare(t.Context(), store, reading.Pair{Key: worse.Key, Is: worse.ID, WasKey: first.Key, Was: first.ID})
	if err != nil || d.Was.Story.Key != first.Key {
		t.Errorf("two keys: got %v, %v", d, err)
	}
	d, err = reading.Compare(t.Context(), store, reading.Pair{Key: bad.Key, Is: bad.ID})
	if err != nil || d.Was.Story.ID != first.ID {
		t.Errorf("the one before that is like it: got %v, %v", d, err)
	}
	d, err = reading.Compare(t.Context(), store, reading.Pair{Key: bad.Key, Is: worse.ID, WasKey: bad.Key, Was: lonely.ID})
	if !errors.Is(err, story.ErrNotFound) {
		t.Errorf("a story of another key: got %v, %v", d, err)
	}
	d, err = reading.Compare(t.Context(), store, reading.Pair{Key: worse.Key, WasKey: lonely.Key, Was: lonely.ID})
	if err != nil || d.Alike || d.Unlike() != "These stories are not alike: DELETE /orders and POST /orders" || d.Better == nil || d.Better.ID != other.ID {
		t.Errorf("stories that are not alike: got %+v, %v", d, err)
	}
	d, err = reading.Compare(t.Context(), store, reading.Pair{Key: lonely.Key})
	if err != nil || d.Alike || d.Better != nil || d.NoBetter == nil {
		t.Errorf("without a better one: got %+v, %v", d, err)
	}
}

// Most stories with an error in a week of a shop have one like it without.
func TestLastGoodInAWeek(t *testing.T) {
	store := story.NewMemory()
	if err := shop.Fill(t.Context(), store, noon); err != nil {
		t.Fatal(err)
	}
	asked, own, others := 0, 0, 0
	for h, err := range story.All(t.Context(), store, story.Query{MinLevel: slog.LevelError, Limit: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		asked++
		good, err := reading.LastGood(t.Context(), store, h)
		switch {
		case err != nil || !reading.Alike(h, good) || !reading.IsGood(good):
			t.Errorf("%v %s: got %v %s, %v", h.Key, h.Title, good.Key, good.Title, err)
		case good.Key == h.Key:
			own++
		default:
			others++
		}
	}
	if asked < 10 || own == 0 {
		t.Errorf("%d stories with an error: %d have one of their key, %d of another", asked, own, others)
	}
	t.Logf("%d stories with an error: %d have a good one like them of their key, %d of another", asked, own, others)
}

func lastGood(ctx context.Context, store story.Store, key story.Key, id string) (story.Header, bool, error) {
	h, err := reading.LastGood(ctx, store, story.Header{Key: key, ID: id})
	return h, err == nil, err
}

func TestNeighboursPassOnErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, find := range []finder{reading.Previous, reading.Next, lastGood} {
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

package reading_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A countingStore counts what is asked of it, and fails where it is told to.
type countingStore struct {
	*story.Memory
	lists, reads  int
	listed        int
	failLists     bool
	failReadsFrom int // the first read that fails; 0 if none
}

var errDown = errors.New("down")

func (s *countingStore) List(ctx context.Context, q story.Query) (story.Page, error) {
	s.lists++
	if s.failLists {
		return story.Page{}, errDown
	}
	page, err := s.Memory.List(ctx, q)
	s.listed += len(page.Headers)
	return page, err
}

func (s *countingStore) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	s.reads++
	if s.failReadsFrom > 0 && s.reads >= s.failReadsFrom {
		return story.Story{}, errDown
	}
	return s.Memory.Read(ctx, key, id)
}

// A tailTest is a store, what follows it, and the stories being written.
type tailTest struct {
	*testing.T
	store *countingStore
	tail  *reading.Tail
}

// inTail runs f in a bubble whose time goes on only where it waits.
func inTail(t *testing.T, f func(*tailTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Memory: story.NewMemory()}
		f(&tailTest{T: t, store: store, tail: &reading.Tail{Store: store}})
	})
}

// write stores a story as it is now: so many lines, a part each after the first.
func (t *tailTest) write(name string, start time.Time, lines int, state story.State) {
	t.Helper()
	h := story.Header{Key: userKey, ID: story.IDPrefix(start) + "-" + name, Start: start.UTC(), Updated: start.UTC(), State: state, LineCount: lines, Title: name}
	if state == story.Open {
		h.LineCount = 1 // an open header is written once
	} else {
		h.Parts = lines - 1
	}
	var parts []story.Part
	for i := range lines {
		part := story.Part{Key: h.Key, ID: h.ID, Number: i, Text: story.Format([]story.Line{{Message: fmt.Sprint(name, " ", i+1)}})}
		if i == 0 {
			part.Header = &h
		}
		parts = append(parts, part)
	}
	if err := t.store.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
}

// look checks what the tail tells after some time: each story by its title, with
// "new", its state, and the numbers of its new lines.
func (t *tailTest) look(after time.Duration, want ...string) {
	t.Helper()
	time.Sleep(after)
	news, err := t.tail.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := textsOf(news); !slices.Equal(got, want) {
		t.Errorf("after %v: got %q, want %q", after, got, want)
	}
}

func textsOf(news []reading.News) (texts []string) {
	for _, n := range news {
		text := n.Title + " " + string(n.State)
		if n.First {
			text = "new " + text
		}
		for i, line := range n.Lines {
			text += fmt.Sprint(" ", n.From+i)
			if want := fmt.Sprint(n.Title, " ", n.From+i); line.Message != want {
				text += " instead of " + line.Message
			}
		}
		texts = append(texts, text)
	}
	return texts
}

func TestTailTellsNewStoriesOnce(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.look(0)
		t.write("first", start, 1, story.Sealed)
		t.look(time.Second, "new first sealed")
		t.look(time.Second)
		t.write("later", start.Add(2*time.Second), 1, story.Sealed)
		t.write("early", start.Add(time.Second), 1, story.Sealed)
		t.look(time.Second, "new early sealed", "new later sealed")
		t.look(time.Second)
		t.look(time.Hour)
		if t.store.reads != 0 {
			t.Errorf("got %d reads, want none where no story is open", t.store.reads)
		}
	})
}

func TestTailBeginsWithTheLastFew(t *testing.T) {
	for _, apart := range []time.Duration{time.Hour, time.Second} {
		inTail(t, func(t *tailTest) {
			var want []string
			for i := range 30 {
				name := fmt.Sprintf("story%02d", i)
				t.write(name, time.Now().Add(time.Duration(i-30)*apart), 1, story.Sealed)
				if i >= 20 {
					want = append(want, "new "+name+" sealed")
				}
			}
			t.look(0, want...)
			t.look(time.Second)
		})
	}
}

func TestTailTellsGrowthAndEnd(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("job", start, 1, story.Open)
		t.look(0, "new job open")
		t.write("job", start, 3, story.Open)
		t.look(5 * time.Second) // not read again yet
		t.look(5*time.Second, "job open 2 3")
		t.look(10 * time.Second)
		t.write("job", start, 5, story.Sealed)
		t.look(time.Second, "job sealed 4 5")
		t.look(time.Second)
		t.look(time.Hour)
	})
}

// An end without further lines needs no read.
func TestTailTellsAnEndWithoutLines(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("job", start, 1, story.Open)
		t.look(0, "new job open")
		t.write("job", start, 1, story.Closed)
		t.look(time.Second, "job closed")
		t.look(time.Minute)
		if t.store.reads != 0 {
			t.Errorf("got %d reads, want none", t.store.reads)
		}
	})
}

// A story that began long ago is no longer listed, but still read.
func TestTailTellsTheEndOfALongStory(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("job", start, 1, story.Open)
		t.look(0, "new job open")
		t.look(time.Hour)
		t.write("job", start, 2, story.Sealed)
		t.look(time.Hour, "job sealed 2")
		t.look(time.Hour)
	})
}

func TestTailReadsAStillStoryLessAndLess(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("job", start, 1, story.Open)
		t.look(0, "new job open")
		for range 1800 {
			t.look(2 * time.Second)
		}
		// After 10, 20, 40, 80 and then every 100 seconds of an hour.
		if got, want := t.store.reads, 3+34; got < want || got > want+3 {
			t.Errorf("got %d reads in an hour, want about %d", got, want)
		}
		t.write("job", start, 2, story.Open)
		t.look(100*time.Second, "job open 2")
		before := t.store.reads
		t.look(10 * time.Second)
		if got := t.store.reads - before; got != 1 {
			t.Errorf("10 seconds after it went on: got %d reads, want one", got)
		}
	})
}

func TestTailReadsFewStoriesALook(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.look(0)
		for i := range 35 {
			t.write(fmt.Sprintf("job%02d", i), start.Add(time.Duration(i)), 1, story.Open)
		}
		t.look35(time.Second, "open")
		for i := range 35 {
			t.write(fmt.Sprintf("job%02d", i), start.Add(time.Duration(i)), 2, story.Open)
		}
		time.Sleep(10 * time.Second)
		for look, want := range []int{10, 10, 10, 5, 0} {
			news, err := t.tail.Look(t.Context())
			if err != nil || len(news) != want {
				t.Errorf("look %d: got %d news, %v, want %d", look+1, len(news), err, want)
			}
		}
	})
}

func (t *tailTest) look35(after time.Duration, state string) {
	t.Helper()
	var want []string
	for i := range 35 {
		want = append(want, fmt.Sprintf("new job%02d %s", i, state))
	}
	t.look(after, want...)
}

func TestTailOfMoreThanALookHolds(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.look(0)
		told := make(map[string]int)
		const looks, each = 20, 150
		for look := range looks {
			for i := range each {
				t.write(fmt.Sprintf("s%02d-%03d", look, i), time.Now().Add(time.Duration(i)*time.Millisecond), 1, story.Sealed)
			}
			time.Sleep(time.Second)
			news, err := t.tail.Look(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range news {
				told[n.Title]++
			}
		}
		if len(told) != looks*each {
			t.Errorf("got %d stories, want %d", len(told), looks*each)
		}
		for title, times := range told {
			if times != 1 {
				t.Errorf("%s: got it %d times, want once", title, times)
			}
		}
		if most := (looks + 1) * reading.TailMost; t.store.listed > most {
			t.Errorf("got %d headers, want at most %d", t.store.listed, most)
		}
	})
}

// A story that is stored long after its start is told all the same: once, when it
// is looked for.
func TestTailFindsStoriesThatComeLate(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("before", start.Add(-time.Hour/2), 1, story.Sealed)
		t.look(0, "new before sealed")
		time.Sleep(10 * time.Minute)
		t.write("late", start.Add(time.Second), 1, story.Sealed)
		t.write("later", start.Add(-time.Minute), 1, story.Open)
		t.look(time.Minute, "new later open", "new late sealed")
		t.look(time.Minute)
		t.look(time.Hour)
	})
}

// Where there are more stories than a look lists, those that were there are not news.
func TestTailLeavesWhatWasThere(t *testing.T) {
	inTail(t, func(t *tailTest) {
		for i := range 2 * reading.TailMost {
			t.write(fmt.Sprint("s", i), time.Now().Add(time.Duration(i-2*reading.TailMost)*time.Second), 1, story.Sealed)
		}
		if news, err := t.tail.Look(t.Context()); err != nil || len(news) != 10 {
			t.Fatalf("got %d news, %v, want 10", len(news), err)
		}
		t.look(time.Minute)
		t.look(time.Minute)
	})
}

func TestTailSaysThatItIsBehind(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.look(0)
		for i := range 2 * reading.TailMost {
			t.write(fmt.Sprint("s", i), time.Now().Add(time.Duration(i)), 1, story.Sealed)
		}
		for _, want := range []struct {
			news   int
			behind bool
		}{{reading.TailMost, true}, {0, false}} {
			time.Sleep(time.Second)
			if news, err := t.tail.Look(t.Context()); err != nil || len(news) != want.news || t.tail.Behind() != want.behind {
				t.Errorf("got %d news, behind: %v, %v, want %+v", len(news), t.tail.Behind(), err, want)
			}
		}
	})
}

// Of what came, only what the search selects is told, also where that is among more than a
// look takes; then it is said that there may be others.
func TestTailFilters(t *testing.T) {
	inTail(t, func(t *tailTest) {
		search, err := story.ParseSearch("state:sealed wanted", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		t.tail.Query, t.tail.Filter = search.Query()
		t.look(0)
		for round, others := range []int{3, reading.TailMost + 20, 3} {
			for i := range others {
				t.write(fmt.Sprint("other", round, "-", i), time.Now().Add(time.Duration(i)), 1, story.Sealed)
			}
			name := fmt.Sprint("wanted", round)
			t.write(name, time.Now().Add(time.Second/2), 1, story.Sealed)
			t.write("wanted-open"+name, time.Now().Add(time.Second/2), 1, story.Open)
			time.Sleep(time.Second)
			news, err := t.tail.Look(t.Context())
			if err != nil || len(news) != 1 || news[0].Title != name || t.tail.Behind() != (others > reading.TailMost) {
				t.Errorf("round %d: got %d news, behind: %v, %v", round, len(news), t.tail.Behind(), err)
			}
			time.Sleep(time.Second)
		}
	})
}

// A view that was paused goes on where it was, however much came meanwhile.
func TestTailGoesOnAfterAPause(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.write("told", time.Now().Add(-time.Minute), 1, story.Sealed)
		t.write("growing", time.Now().Add(-time.Minute), 2, story.Open)
		t.tail.After = time.Now()
		want := []string{"new growing open"}
		for i := range 20 {
			name := fmt.Sprintf("story%02d", i)
			t.write(name, time.Now().Add(time.Duration(i)*time.Second), 1, story.Sealed)
			want = append(want, "new "+name+" sealed")
		}
		t.look(time.Minute, want...)
		t.look(10*time.Second, "growing open 2")
	})
}

func TestTailForgetsDeletedStories(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.write("job", time.Now(), 1, story.Open)
		t.look(0, "new job open")
		if err := t.store.Delete(t.Context(), userKey, ""); err != nil {
			t.Fatal(err)
		}
		t.look(10 * time.Second)
		t.look(time.Hour)
		if t.store.reads != 1 {
			t.Errorf("got %d reads, want one", t.store.reads)
		}
	})
}

func TestTailKeepsToItsQuery(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.tail.Query = story.Query{Text: "WANTED", Limit: 1, Until: time.Now().Add(-time.Hour), OldestFirst: true, Cursor: "x"}
		t.write("unwanted", time.Now().Add(-time.Minute), 1, story.Sealed)
		t.write("other", time.Now(), 1, story.Sealed)
		t.look(0, "new unwanted sealed")
		t.write("wanted", time.Now(), 1, story.Sealed)
		t.write("another", time.Now(), 1, story.Sealed)
		t.look(time.Second, "new wanted sealed")
	})
}

// lookFails checks that a look fails as the store does.
func (t *tailTest) lookFails(after time.Duration) {
	t.Helper()
	time.Sleep(after)
	if news, err := t.tail.Look(t.Context()); !errors.Is(err, errDown) || news != nil {
		t.Errorf("after %v: got %q, %v, want the error %v", after, textsOf(news), err, errDown)
	}
}

func TestTailLosesNothingWhereListsFail(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		t.write("job", start, 1, story.Open)
		t.look(0, "new job open")
		t.write("job", start, 2, story.Open)
		t.write("other", start.Add(time.Second), 1, story.Sealed)
		t.store.failLists = true
		t.lookFails(10 * time.Second)
		t.store.failLists = false
		t.look(0, "job open 2", "new other sealed")
	})
}

func TestTailLosesNothingWhereReadsFail(t *testing.T) {
	inTail(t, func(t *tailTest) {
		start := time.Now()
		for _, name := range strings.Fields("a b c") {
			t.write(name, start, 1, story.Open)
		}
		t.look(0, "new a open", "new b open", "new c open")
		for _, name := range strings.Fields("a b c") {
			t.write(name, start, 2, story.Open)
		}
		t.write("d", start, 1, story.Sealed)
		t.store.failReadsFrom = 2
		t.lookFails(10 * time.Second)
		t.store.failReadsFrom = 0
		t.look(0, "c open 2", "new d sealed", "a open 2")
		t.look(20*time.Second, "b open 2")
		t.look(time.Minute)
	})
}

func TestTailEndsWithItsContext(t *testing.T) {
	inTail(t, func(t *tailTest) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := t.tail.Look(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

// What was told long ago is not kept for ever.
func TestTailForgetsWhatItNeverSeesAgain(t *testing.T) {
	inTail(t, func(t *tailTest) {
		t.look(0)
		for i := range 100 {
			for j := range 20 {
				t.write(fmt.Sprintf("s%03d-%02d", i, j), time.Now(), 1, story.Sealed)
			}
			time.Sleep(20 * time.Second)
			if news, err := t.tail.Look(t.Context()); err != nil || len(news) != 20 {
				t.Fatalf("look %d: got %d news, %v, want 20", i, len(news), err)
			}
		}
		if got, want := reading.Known(t.tail), 5*reading.TailMost; got > want {
			t.Errorf("got %d stories known, want at most %d", got, want)
		}
	})
}

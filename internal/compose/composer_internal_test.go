package compose

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

var user = story.Key{Kind: "user", ID: "42"}

// chunk makes a chunk of messages, each a second after the one before.
func chunk(place Place, from int, messages ...string) *Chunk {
	k := &Chunk{Place: place}
	k.Header = &story.Header{Key: user, ID: "1", Start: time.Unix(1764000000, 0).UTC(), State: story.Open, MaxLevel: slog.LevelInfo}
	if k.Ends() {
		k.Header.State = story.Sealed
	}
	for i, message := range messages {
		add(k, slog.LevelInfo, int64(from+i)*1000, message)
	}
	return k
}

func add(k *Chunk, level slog.Level, offset int64, message string) {
	m := linebuf.Meta{Offset: offset, Level: level, Place: linebuf.Place{Frames: 5, Shared: 4}, Message: uint32(len(message))}
	k.Lines.Add(&linebuf.Pool{}, &m, message, nil)
	k.Header.MaxLevel = max(k.Header.MaxLevel, level)
}

func scratch() *Scratch { return &Scratch{Pool: &linebuf.Pool{}} }

// describe tells parts as a person would: the header's state, or the number, and the
// messages.
func describe(parts []Part) []string {
	var all []string
	for _, p := range parts {
		text := fmt.Sprint(p.Number)
		if p.Header != nil {
			text = fmt.Sprintf("%s of %s, %d lines, %d parts", p.Header.State, p.Key, p.Header.LineCount, p.Header.Parts)
		}
		if p.Raise {
			text = fmt.Sprintf("raise to %s, %d lines", p.Header.MaxLevel, p.Header.LineCount)
		}
		for _, line := range story.Parse(p.Text) {
			text += ", " + fmt.Sprintf("%.12s", line.Message)
		}
		all = append(all, text)
	}
	return all
}

func TestParts(t *testing.T) {
	long := strings.Repeat("long ", story.MaxHeaderText/5)
	moved := func(place Place, from int, messages ...string) *Chunk {
		k := chunk(place, from, messages...)
		k.Header.Key = story.Key{Kind: "user", ID: "other"}
		return k
	}
	lateError := chunk(Late, 8, "went wrong")
	add(lateError, slog.LevelError, 9000, "at last")
	refused := chunk(Last, 2, "b")
	refused.Dropped = 3
	quiet := chunk(Middle, 1, "a")
	add(quiet, slog.LevelDebug, 2000, "debug")
	loud := chunk(Middle, 1, "a")
	add(loud, slog.LevelDebug, 2000, "debug")
	add(loud, slog.LevelWarn, 2000, "warn")
	for name, test := range map[string]struct {
		chunks []*Chunk
		want   []string
	}{
		"a whole story is one part": {
			[]*Chunk{chunk(Whole, 0, "a", "b")},
			[]string{"sealed of user_42, 2 lines, 0 parts, a, b"},
		},
		"a whole story too long for its header": {
			[]*Chunk{chunk(Whole, 0, long)},
			[]string{"1, long long lo", "sealed of user_42, 1 lines, 1 parts"},
		},
		"pieces": {
			[]*Chunk{chunk(Middle, 0, "a"), chunk(Middle, 1, "b"), chunk(Last, 2, "c")},
			[]string{"open of user_42, 1 lines, 0 parts", "1, a", "2, b", "3, c", "sealed of user_42, 3 lines, 3 parts"},
		},
		"late lines": {
			[]*Chunk{chunk(Whole, 0, "a"), chunk(Late, 1, "b")},
			[]string{"sealed of user_42, 1 lines, 0 parts, a", "1, b"},
		},
		"late lines that went wrong": {
			[]*Chunk{chunk(Whole, 0, "a"), lateError, chunk(Late, 10, "after")},
			[]string{"sealed of user_42, 1 lines, 0 parts, a", "1, went wrong, at last", "raise to ERROR, 3 lines", "2, after"},
		},
		"late lines that went wrong, of a long story": {
			[]*Chunk{chunk(Whole, 0, long), lateError},
			[]string{"1, long long lo", "sealed of user_42, 1 lines, 1 parts", "2, went wrong, at last", "raise to ERROR, 3 lines"},
		},
		"late lines of a story that had none": {
			[]*Chunk{chunk(Whole, 0), chunk(Late, 1, "a")},
			[]string{"sealed of user_42, 1 lines, 0 parts, a"},
		},
		"a story that is not kept, and late lines": {
			[]*Chunk{chunk(NotKept, 0, "a"), chunk(Late, 1, "b")}, nil,
		},
		"a story that moves, and back": {
			[]*Chunk{chunk(Middle, 0, "a"), moved(Middle, 1, "b"), chunk(Last, 2, "c")},
			[]string{
				"open of user_42, 1 lines, 0 parts", "1, a",
				"moved of user_42, 1 lines, 1 parts", "open of user_other, 1 lines, 0 parts", "1, b",
				"moved of user_other, 1 lines, 1 parts", "2, c", "sealed of user_42, 2 lines, 2 parts",
			},
		},
		"refused lines": {
			[]*Chunk{chunk(Middle, 0, "a"), refused},
			[]string{"open of user_42, 1 lines, 0 parts", "1, a", "2, b, 3 lines drop", "sealed of user_42, 3 lines, 2 parts"},
		},
		"quiet lines": {
			[]*Chunk{quiet, loud},
			[]string{"open of user_42, 2 lines, 0 parts", "1, a, 1 quieter li", "2, a, debug, warn"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(false)
			level := slog.LevelInfo
			var got []string
			for _, k := range test.chunks {
				copied := *k
				got = append(got, describe(c.Parts(&copied, &level, scratch()).Parts)...)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%q, want\n%q", got, test.want)
			}
		})
	}
}

func TestDroppedStory(t *testing.T) {
	c := New(false)
	c.Drop()
	for _, k := range []*Chunk{chunk(Whole, 0, "a", "b"), chunk(Late, 2, "c")} {
		if told := c.Parts(k, nil, scratch()); told.Dropped != k.Lines.Count() || len(told.Parts) > 0 {
			t.Errorf("got %+v", told)
		}
	}
}

// A story goes on from its resume as it would have done without: from each point and
// with each phase.
func TestResume(t *testing.T) {
	lateError := chunk(Late, 8, "went wrong")
	add(lateError, slog.LevelError, 9000, "at last")
	other := chunk(Middle, 1, "b")
	other.Header.Key = story.Key{Kind: "user", ID: "other"}
	for name, chunks := range map[string][]*Chunk{
		"pieces":   {chunk(Middle, 0, "a"), other, chunk(Last, 2, "c"), lateError},
		"whole":    {chunk(Whole, 0, "a"), lateError},
		"empty":    {chunk(Whole, 0), chunk(Late, 1, "a"), lateError},
		"not kept": {chunk(NotKept, 0, "a"), lateError},
	} {
		straight, resumed := New(true), New(true)
		for i, k := range chunks {
			one, two := *k, *k
			want := straight.Parts(&one, nil, scratch())
			if got := resumed.Parts(&two, nil, scratch()); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, chunk %d: got %+v, want %+v", name, i, got, want)
			}
			resume := resumed.AppendResume(nil)
			for size := range resume {
				if err := New(true).Resume(resume[:size]); err == nil && size < len(resume)-1 {
					t.Errorf("%s: %d bytes of %d read as if they were all", name, size, len(resume))
				}
			}
			resumed = New(false)
			if err := resumed.Resume(resume); err != nil {
				t.Fatal(err)
			}
			if got, want := Ended(resume), resumed.ended; got != want || want != (i >= len(chunks)-1 || k.Ends() || k.Place == Late) {
				t.Errorf("%s, after chunk %d: ended is %v in the resume, %v in the story", name, i, got, want)
			}
		}
	}
}

// What is stored is not stored again, and takes its places.
func TestReconcile(t *testing.T) {
	whole := func() *Chunk { return chunk(Whole, 0, "a", "b", "c") }
	partsOf := func(chunks ...*Chunk) (parts []story.Part) {
		c := New(false)
		for _, k := range chunks {
			for _, p := range c.Parts(k, nil, scratch()).Parts {
				parts = append(parts, p.Part)
			}
		}
		return parts
	}
	for name, test := range map[string]struct {
		chunk  *Chunk
		stored []story.Part
		want   []string
	}{
		"nothing is stored": {whole(), nil, []string{"sealed of user_42, 3 lines, 0 parts, a, b, c"}},
		"all is stored":     {whole(), partsOf(whole()), nil},
		"all is stored, and it was open": {
			chunk(Last, 0, "a", "b"), partsOf(chunk(Middle, 0, "a", "b"))[:2], []string{"sealed of user_42, 2 lines, 1 parts"},
		},
		"a line is missing": {
			chunk(Last, 0, "a", "b", "c"), partsOf(chunk(Middle, 0, "a"), chunk(Middle, 2, "c")), []string{"3, b", "sealed of user_42, 3 lines, 3 parts"},
		},
		"its end is stored": {
			chunk(Last, 0, "a", "b", "c"), partsOf(chunk(Middle, 0, "a"), chunk(Last, 1, "b")), []string{"3, c"},
		},
		"late lines without an end": {
			chunk(Late, 1, "b"), partsOf(chunk(Middle, 0, "a")), []string{"2, b", "sealed of user_42, 2 lines, 2 parts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(false)
			stored := Stored{Key: user}
			for _, p := range test.stored {
				if p.Number > 0 || p.Header != nil {
					stored.Parts = append(stored.Parts, p)
				}
			}
			c.Reconcile(test.chunk, lastOfEach(stored), &linebuf.Pool{})
			if got := describe(c.Parts(test.chunk, nil, scratch()).Parts); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%q, want\n%q", got, test.want)
			}
		})
	}
}

// lastOfEach leaves the last part of each number, as a store does, by number.
func lastOfEach(s Stored) Stored {
	byNumber := make(map[int]story.Part)
	most := 0
	for _, p := range s.Parts {
		byNumber[p.Number] = p
		most = max(most, p.Number)
	}
	s.Parts = nil
	for n := range most + 1 {
		if p, ok := byNumber[n]; ok {
			s.Parts = append(s.Parts, p)
		}
	}
	return s
}

// FuzzResume reads arbitrary resumes: none makes a Composer panic, nor what comes after it.
func FuzzResume(f *testing.F) {
	c := New(true)
	c.Parts(chunk(Middle, 0, "a", "b"), nil, scratch())
	f.Add(c.AppendResume(nil))
	f.Add(DroppedResume(chunk(Whole, 0, "a")))
	f.Fuzz(func(t *testing.T, resume []byte) {
		Ended(resume)
		c := New(false)
		if err := c.Resume(resume); err != nil && !reflect.DeepEqual(c, New(false)) {
			t.Errorf("%v, and goes on from it: %+v", err, c)
		}
		k := chunk(Last, 0, "a")
		add(k, slog.LevelInfo, 2000, "b")
		c.Parts(k, nil, scratch())
	})
}

// A story that leaves memory whole as a small one is a small one when it comes back, with
// the line that says what was dropped of it.
func TestSmallStoryStaysSmall(t *testing.T) {
	room := story.MaxHeaderText - story.LineBound("", "")
	for name, test := range map[string]struct {
		message string
		refused int
		fits    bool
	}{
		"short":                       {"hello", 0, true},
		"short, lines dropped":        {"hello", 1, true},
		"full":                        {strings.Repeat("x", room-100), 0, true},
		"full, lines dropped":         {strings.Repeat("x", room-100), 1, false},
		"larger":                      {strings.Repeat("x", room+100), 0, false},
		"larger by escapes":           {strings.Repeat("\x00", room/2), 0, false},
		"larger by further lines":     {strings.Repeat("\n", room/2), 0, false},
		"of another script, and fits": {strings.Repeat("ж", room/16), 0, true},
	} {
		k := chunk(Whole, 0, test.message)
		k.Dropped = test.refused
		fits := k.FitsHeader()
		if fits != test.fits {
			t.Errorf("%s: fits the header: %v, want %v", name, fits, test.fits)
		}
		if parts := New(false).Parts(k, nil, scratch()).Parts; fits && len(parts) != 1 {
			t.Errorf("%s: it is %d parts", name, len(parts))
		} else if text := parts[0].Text; fits && !story.FitsHeader(len(text)) {
			t.Errorf("%s: got %d bytes of text, more than fit", name, len(text))
		}
	}
}

// What follows a part that ends within a line begins with a line break, and no part is
// larger for that than it may be.
func TestPartBehindAHalfLine(t *testing.T) {
	for _, size := range []int{10, story.MaxPartText - 9, story.MaxPartText - 10, story.MaxPartText} {
		c := New(false)
		k := chunk(Last, 0, strings.Repeat("x", size))
		half := story.Part{Key: user, ID: "1", Number: 1, Text: "+0.000 I half a li"}
		open := *k.Header
		open.State = story.Open
		c.Reconcile(k, Stored{Key: user, Parts: []story.Part{{Key: user, ID: "1", Header: &open}, half}}, &linebuf.Pool{})
		text, lines := half.Text, 0
		for _, p := range c.Parts(k, nil, scratch()).Parts {
			if len(p.Text) > story.MaxPartText {
				t.Errorf("%d bytes: part %d has %d", size, p.Number, len(p.Text))
			}
			text, lines = text+p.Text, lines+p.Lines
		}
		if told := story.Parse(text); lines != 1 || len(told) != 2 || len(told[1].Message) != size {
			t.Errorf("%d bytes: %d lines are told of, %d read", size, lines, len(told))
		}
	}
}

// Stories that are written down in turn use one memory, and nothing of one is in another.
func TestStoriesShareAScratch(t *testing.T) {
	shared, pool := scratch(), &linebuf.Pool{}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		type teller struct{ own, sharing *Composer }
		tellers := make([]teller, 3)
		for i := range tellers {
			byCaller := r.IntN(2) == 0
			tellers[i] = teller{New(byCaller), New(byCaller)}
		}
		for step := range 30 {
			place := []Place{Middle, Middle, Last, Late}[min(step/8, 3)]
			one, same := chunk(place, 0), chunk(place, 0)
			for range r.IntN(8) {
				level, frames := slog.Level(r.IntN(4)*4-4), 1+r.IntN(12)
				message := strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(300))
				m := linebuf.Meta{Offset: int64(step), Level: level, Lane: int32(r.IntN(2)), Place: linebuf.Place{Frames: frames, Shared: r.IntN(frames + 1)}, Message: uint32(len(message))}
				for _, k := range []*Chunk{one, same} {
					k.Lines.Add(pool, &m, message, nil)
					k.Header.MaxLevel = max(k.Header.MaxLevel, level)
				}
			}
			by := tellers[r.IntN(len(tellers))]
			want, got := by.own.Parts(one, nil, scratch()).Parts, by.sharing.Parts(same, nil, shared).Parts
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d: got\n%+v, want\n%+v", seed, step, got, want)
			}
			for _, k := range []*Chunk{one, same} { // what was in their memory is overwritten
				k.Lines.Release(pool)
			}
			if own, sharing := by.own.AppendResume(nil), by.sharing.AppendResume(nil); !bytes.Equal(own, sharing) {
				t.Fatalf("seed %d, step %d: the resume is\n%q, want\n%q", seed, step, sharing, own)
			}
		}
	}
}

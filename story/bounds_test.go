package story_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

func assemble(h story.Header, texts ...string) story.Story {
	parts := []story.Part{{Header: &h}}
	for _, text := range texts {
		parts = append(parts, story.Part{Number: len(parts), Text: text})
	}
	return story.Assemble(story.NewKey("user", "42"), story.IDPrefix(start)+"-abcdef", parts)
}

var start = time.Date(2026, 11, 22, 16, 41, 41, 0, time.UTC)

// A count of parts that cannot be is a line, not as many.
func TestAssembleBelievesNoCountOfParts(t *testing.T) {
	for _, parts := range []int{3, math.MaxInt32, math.MaxInt/2 + 1, math.MaxInt} {
		s := assemble(story.Header{State: story.Sealed, Parts: parts, LineCount: 2}, "+0.000 I one\n")
		want := fmt.Sprintf("parts 2 to %d of this story are missing in the store", min(parts, math.MaxInt32))
		if len(s.Lines) != 2 || s.Lines[1].Message != want || s.Lines[1].Level != slog.LevelWarn {
			t.Errorf("%d parts: got the lines %.300s, want one, and %q", parts, fmt.Sprint(s.Lines), want)
		}
	}
	for _, parts := range []int{-1, math.MinInt} {
		if s := assemble(story.Header{State: story.Sealed, Parts: parts}, "+0.000 I one\n"); len(s.Lines) != 1 || s.LineCount != 1 {
			t.Errorf("%d parts: got %d lines, counted as %d, want the one that is there", parts, len(s.Lines), s.LineCount)
		}
	}
}

// A number that cannot be leaves a gap, which is a line too, where the header comes
// first; before it, nothing can be said of what is missing.
func TestAssembleBelievesNoNumber(t *testing.T) {
	h := story.Header{State: story.Sealed, Parts: math.MaxInt}
	parts := []story.Part{{Header: &h}, {Number: 1, Text: "a\n"}, {Number: math.MaxInt, Text: "b\n"}}
	missing := fmt.Sprintf("parts 2 to %d of this story are missing in the store", min(math.MaxInt-1, math.MaxInt32))
	for name, c := range map[string]struct {
		parts []story.Part
		want  []string
	}{
		"largest":  {parts, []string{"a", missing, "b"}},
		"smallest": {append(parts[:3:3], story.Part{Number: math.MinInt, Text: "c\n"}), []string{"c"}},
	} {
		var got []string
		for _, line := range story.Assemble(h.Key, "x", c.parts).Lines {
			got = append(got, line.Message)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got the lines %q, want %q", name, got, c.want)
		}
	}
}

// What is more than is read is left out, and said to be; what fits is read whole.
func TestAssembleReadsNoMoreThanItsLimits(t *testing.T) {
	long := "+0.001 I " + strings.Repeat("x", story.MaxPartText-len("+0.001 I \n")) + "\n"
	many := func(n int, text string) []string {
		texts := make([]string, n)
		for i := range texts {
			texts[i] = text
		}
		return texts
	}
	full := story.MaxReadText / story.MaxPartText
	for _, c := range []struct {
		name  string
		texts []string
		lines int // that are read, 0 for all
		all   int
	}{
		{"as many lines as are read", many(10, strings.Repeat("+0.001 I x\n", story.MaxReadLines/10)), 0, story.MaxReadLines},
		{"a line more", append(many(10, strings.Repeat("+0.001 I x\n", story.MaxReadLines/10)), "+0.002 I more\n"), story.MaxReadLines, story.MaxReadLines + 1},
		{"a further line of the last", append(many(10, strings.Repeat("+0.001 I x\n", story.MaxReadLines/10)), "         | more\n"), 0, story.MaxReadLines},
		{"as much text as is read", many(full, long), 0, full},
		{"a line of text more", append(many(full, long), "+0.002 I more\n"), full, full + 1},
		{"a line across the limit", append(many(full-1, long), "+0.001 I y\n"+long), full, full + 1},
		{"as many parts as are read", many(story.MaxReadParts-1, "+0.001 I x\n"), 0, story.MaxReadParts - 1},
		{"a part more", many(story.MaxReadParts, "+0.001 I x\n"), story.MaxReadParts - 1, story.MaxReadParts},
		{"one line without an end", []string{strings.Repeat("ä", story.MaxReadText)}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := assemble(story.Header{State: story.Sealed, Parts: len(c.texts), LineCount: c.all}, c.texts...)
			if c.lines == 0 {
				if len(s.Lines) != c.all || s.Lines[c.all-1].Level != slog.LevelInfo {
					t.Fatalf("got %d lines, want all %d", len(s.Lines), c.all)
				}
				return
			}
			if len(s.Lines) != c.lines+1 || s.LineCount != c.all {
				t.Fatalf("got %d lines, counted as %d, want %d and a last one, counted as %d", len(s.Lines), s.LineCount, c.lines, c.all)
			}
			last := s.Lines[c.lines]
			if last.Level != slog.LevelWarn || !strings.HasPrefix(last.Message, "what follows is left out") || last.Offset != s.Lines[c.lines-1].Offset {
				t.Errorf("the last line is %+v, want one that says what is left out", last)
			}
			if said := fmt.Sprintf("of the %d lines that its header counts, %d are here", c.all, c.lines); c.all > c.lines && !strings.Contains(last.Message, said) {
				t.Errorf("got %q, want that it says how much", last.Message)
			}
		})
	}
}

// An open story that is too long does not become a warning by what is said of it.
func TestLeftOutIsNotCounted(t *testing.T) {
	s := assemble(story.Header{State: story.Open}, strings.Repeat("+0.001 I x\n", story.MaxReadLines+1))
	if s.MaxLevel != slog.LevelInfo || s.LineCount != story.MaxReadLines {
		t.Errorf("got level %v and %d lines counted, want INFO and %d", s.MaxLevel, s.LineCount, story.MaxReadLines)
	}
}

func TestGatheringStopsAtTheLimits(t *testing.T) {
	for _, text := range []string{"", strings.Repeat("x", story.MaxPartText), strings.Repeat("x", story.MaxReadText+1)} {
		var g story.Gathering
		for g.Add(story.Part{Number: len(g.Parts) + 1, Text: text}) {
		}
		s := story.Assemble(story.Key{}, "x", g.Parts)
		if len(g.Parts) > story.MaxReadParts+1 || len(text)*(len(g.Parts)-1) > story.MaxReadText {
			t.Errorf("%d parts of %d bytes are wanted", len(g.Parts), len(text))
		}
		if last := s.Lines[len(s.Lines)-1]; !strings.HasPrefix(last.Message, "what follows is left out") {
			t.Errorf("parts of %d bytes: the last line is %.100q", len(text), last.Message)
		}
	}
}

func TestHeaderBounded(t *testing.T) {
	ours := story.Header{
		Key: story.NewKey("user", "42"), ID: story.NewID(start), Start: start, Updated: start.Add(time.Hour), Duration: time.Hour, State: story.Interrupted,
		MaxLevel: slog.LevelError + 1, LineCount: 99, Parts: 7, Title: strings.Repeat("x", story.MaxTitle), Attrs: map[string]string{"a": strings.Repeat("b", story.MaxAttrs-1)},
	}
	if got := ours.Bounded(); fmt.Sprint(got) != fmt.Sprint(ours) {
		t.Errorf("one of our own: got %v, want it as it is, %v", got, ours)
	}
	attrs := map[string]string{"a": "first", "z": "last", "big": strings.Repeat("x", 1<<20)}
	for i := range 100_000 {
		attrs[fmt.Sprint("m", i)] = "x"
	}
	got := story.Header{
		Start: time.UnixMicro(math.MaxInt64), Updated: time.UnixMicro(math.MinInt64), Duration: math.MinInt64, State: story.State(strings.Repeat("ä", 1000)),
		MaxLevel: math.MaxInt, LineCount: math.MinInt, Parts: math.MaxInt, Title: strings.Repeat("\xff", 1<<20), Attrs: attrs,
	}.Bounded()
	size := 0
	for name, value := range got.Attrs {
		size += len(name) + len(value)
	}
	if got.Attrs["a"] != "first" || got.Attrs["big"] != "" || !strings.Contains(got.Attrs["…"], "of 100003 attributes, ") || size > 17*story.MaxAttrs {
		t.Errorf("got %d attributes of %d bytes: %q", len(got.Attrs), size, got.Attrs["…"])
	}
	got.Attrs = nil
	if data, err := json.Marshal(got); err != nil || len(data) > 2000 {
		t.Errorf("got %s, %v, want what can be written", data, err)
	}
	if got.Duration != 0 || got.LineCount != 0 || got.Parts != math.MaxInt32 || !got.Start.IsZero() || !got.Updated.IsZero() || int64(got.MaxLevel) != math.MaxInt32 {
		t.Errorf("got %+v", got)
	}
}

// What the lines say of time cannot leave the range of a header either.
func TestAssembleBoundsWhatLinesSay(t *testing.T) {
	s := story.Assemble(story.Key{}, "9999-12-31T23:59:59.000000Z-abcdef", []story.Part{{Number: 1, Text: "+9000000000.000 E+9000000000000000 x\n-9000000000.000 D-9000000000000000 y\n"}})
	if _, err := json.Marshal(s.Header); err != nil || s.Duration > 100*365*24*time.Hour {
		t.Errorf("got %+v, %v", s.Header, err)
	}
}

// A message of very many lines takes memory as its text does.
func TestParseManyFurtherLines(t *testing.T) {
	text := "+0.000 I x\n" + strings.Repeat("|\n", 4<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines := story.Parse(text)
	runtime.ReadMemStats(&after)
	if len(lines) != 1 || len(lines[0].Message) != 1+4<<20 {
		t.Fatalf("got %d lines", len(lines))
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	if most := uint64(10 * len(text)); allocated > most {
		t.Errorf("%d bytes of text take %d, want at most %d", len(text), allocated, most)
	}
}

// Whatever a store holds, what is read of it can be written again and is bounded.
func FuzzAssemble(f *testing.F) {
	f.Add("+0.000 I one\n", "sealed", 3, -1, int64(5), 7, 2)
	f.Add(strings.Repeat("\xff", 150), "closed", 0, 0, int64(0), 0, 1)
	f.Add("|\n+9.999 E>5<2 x\n", "open", math.MaxInt32, 1, int64(-5), -7, math.MaxInt32)
	f.Fuzz(func(t *testing.T, text, state string, parts, lines int, duration int64, level, number int) {
		h := story.Header{State: story.State(state), Parts: parts, LineCount: lines, Duration: time.Duration(duration), MaxLevel: slog.Level(level), Title: text, Attrs: map[string]string{text: state}}
		s := story.Assemble(story.NewKey("user", "42"), text, []story.Part{{Header: &h, Text: text}, {Number: number, Text: text}})
		if most := 2*(strings.Count(text, "\n")+1) + 3; len(s.Lines) > most {
			t.Errorf("got %d lines of a text of %d", len(s.Lines), strings.Count(text, "\n")+1)
		}
		if _, err := json.Marshal(s.Header); err != nil {
			t.Error(err)
		}
		if fmt.Sprint(s.Header) != fmt.Sprint(s.Bounded()) {
			t.Errorf("the header is out of bounds: %+v", s.Header)
		}
		for i, parent := range story.Parents(s.Lines) {
			if parent >= i {
				t.Errorf("line %d is under line %d", i, parent)
			}
		}
	})
}

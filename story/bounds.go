package story

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/problem"
)

// Limits of a story as it is read. Whoever may write to a store decides what is in
// it, so that a reader must bear anything: what goes beyond these is left out, and a
// last line at level Warn says so. They hold what a program logs that writes ten
// lines a second, all through the day that a story may be open, and stores a part
// each second.
const (
	MaxReadLines = 1_000_000
	MaxReadText  = 64 << 20 // bytes, of all parts together
	MaxReadParts = 100_000
)

// Limits of a header as it is read, wider than those of what a store is handed.
const (
	maxReadAttrs    = 16 * MaxAttrs
	maxReadState    = 64 // bytes
	maxReadDuration = 100 * 365 * 24 * time.Hour
)

// A Gathering holds the parts that a store found of a story, as far as they are
// read. It is for implementations of [Store], so that they ask for no more.
type Gathering struct {
	Parts  []Part // for [Assemble]
	text   int    // bytes in Parts
	inLine bool   // whether the text so far ends within a line
}

// Add takes the next part by number, and reports whether more are wanted. [Assemble]
// sees by the part that was one too many that there are more.
func (g *Gathering) Add(part Part) bool {
	g.Parts = append(g.Parts, part)
	g.text += len(part.Text)
	if part.Text != "" {
		g.inLine = !strings.HasSuffix(part.Text, "\n")
	}
	return len(g.Parts) <= MaxReadParts && g.text <= MaxReadText
}

// AddUnreadable does as Add for a part whose text cannot be read: a line at level
// Error stands in its place and says why, so that the rest is shown.
func (g *Gathering) AddUnreadable(part Part, why error) bool {
	part.Text = Format([]Line{{Level: slog.LevelError, Message: fmt.Sprintf("part %d of this story cannot be read: %v", part.Number, why)}})
	if g.inLine {
		part.Text = "\n" + part.Text
	}
	return g.Add(part)
}

// Bounded returns the header with everything in the range that readers rely on:
// counts from 0 to 2³¹-1, a duration of up to a hundred years, times that are zero
// or of the years 1 to 9999, a title, cause and problem of [MaxTitle], [MaxCause] and
// [MaxProblem] bytes, and attributes of 16 times [MaxAttrs], where one named "…" says what
// is left out; keys in Also of 16 times [MaxAlso] and [MaxAlsoText]. It is for implementations of [Store]; the headers that a handler stores are
// returned as they are.
func (h Header) Bounded() Header {
	h.LineCount = inRange(h.LineCount, 0, math.MaxInt32)
	h.Parts = inRange(h.Parts, 0, math.MaxInt32)
	h.MaxLevel = inRange(h.MaxLevel, math.MinInt32, math.MaxInt32)
	h.Duration = inRange(h.Duration, 0, maxReadDuration)
	h.Start, h.Updated = inYears(h.Start), inYears(h.Updated)
	if len(h.Title) > MaxTitle {
		h.Title = TitleOf(h.Title)
	}
	if len(h.Cause) > MaxCause {
		h.Cause = problem.Shorten(h.Cause, MaxCause)
	}
	h.Problem = cutText(h.Problem, MaxProblem)
	h.State = State(cutText(string(h.State), maxReadState))
	h.Attrs = boundedAttrs(h.Attrs)
	h.boundAlias()
	return h
}

func inRange[T ~int | ~int64](n, least, most T) T { return min(max(n, least), most) }

func inYears(t time.Time) time.Time {
	if year := t.Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return t
}

// boundedAttrs returns attributes of at most maxReadAttrs bytes, the first by name.
func boundedAttrs(attrs map[string]string) map[string]string {
	all := 0
	for name, value := range attrs {
		all += len(name) + len(value)
	}
	if all <= maxReadAttrs {
		return attrs
	}
	kept, size := make(map[string]string), 0
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if more := len(name) + len(attrs[name]); size+more <= maxReadAttrs {
			kept[name] = attrs[name]
			size += more
		}
	}
	kept["…"] = fmt.Sprintf("left out: %d of %d attributes, %d bytes", len(attrs)-len(kept), len(attrs), all-size)
	return kept
}

// cutText returns the beginning of a text, at most so many bytes, whole characters.
func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// wholeLines returns text without a last line that does not end, if it has others.
func wholeLines(text string) string {
	if end := strings.LastIndexByte(text, '\n'); end >= 0 {
		return text[:end+1]
	}
	return text
}

// leftOut is the line that says that a story is not read to its end.
func (s *Story) leftOut() Line {
	line := Line{Level: slog.LevelWarn, Message: fmt.Sprintf(
		"what follows is left out: of a story no more is read than %d lines, %d MB of text and %d parts", MaxReadLines, MaxReadText>>20, MaxReadParts)}
	if read := len(s.Lines); read > 0 {
		line.Offset = s.Lines[read-1].Offset
		if s.LineCount > read {
			line.Message += fmt.Sprintf("; of the %d lines that its header counts, %d are here", s.LineCount, read)
		}
	}
	return line
}

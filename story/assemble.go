package story

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/problem"
)

// Assemble makes a story of the parts that a store holds of it, in any order; it
// is for implementations of [Store]. Without a header part, the header is made up
// from the lines, in state [Open]. A part missing from an open story ends it, until it
// is a day old and cannot be one that is still being written; in the others a line at level Warn stands in the place of those that are missing
// there. Where lines were added after the header was written, as to an open story or
// by late parts, the header is made to count them. What goes beyond [MaxReadLines],
// [MaxReadText] or [MaxReadParts] is left out, which the last line says, and the
// header is [Header.Bounded].
func Assemble(key Key, id string, parts []Part) Story {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.Number, b.Number) })

	s := Story{Header: Header{Key: key, ID: id, State: Open}}
	s.Start, _ = IDTime(id)
	known := 0 // parts that the header knows of
	complete := false
	if len(parts) > 0 && parts[0].Number == 0 && parts[0].Header != nil {
		s.Header = parts[0].Header.Bounded()
		known, complete = s.Parts, s.State != Open
	}
	complete = complete || !s.Start.IsZero() && time.Since(s.Start) > longestOpen
	joined := joinText(parts, complete, known)
	var rest string
	s.Lines, rest = parse(joined.text, MaxReadLines)
	if !complete || joined.last > known {
		s.Header.count(s.Lines)
		s.Header = s.Header.Bounded()
	}
	if joined.more || rest != "" {
		s.Lines = append(s.Lines, s.leftOut())
	}
	return s
}

// longestOpen is how long a story may be open, with an hour for clocks that differ.
const longestOpen = 25 * time.Hour

// joined is what the parts of a story say together.
type joined struct {
	text string
	last int  // number of the last part in it
	more bool // whether text was left out
}

// joinText joins the text of parts sorted by number.
func joinText(parts []Part, complete bool, known int) (all joined) {
	size := 0
	for _, part := range parts {
		size += len(part.Text)
	}
	var text strings.Builder
	text.Grow(min(size, MaxReadText))
	for i, part := range parts {
		if part.Number > all.last && part.Number-1 > all.last { // no number overflows
			if !complete {
				break
			}
			writeMissing(&text, all.last+1, min(part.Number-1, known))
		}
		room := max(MaxReadText-text.Len(), 0)
		if i == MaxReadParts {
			room = 0
		}
		if i == MaxReadParts || len(part.Text) > room {
			text.WriteString(cutText(part.Text, room))
			all.text, all.more = wholeLines(text.String()), true
			return all
		}
		text.WriteString(part.Text)
		all.last = part.Number
	}
	if complete && all.last < known {
		writeMissing(&text, all.last+1, known)
	}
	all.text = text.String()
	return all
}

// writeMissing writes a line in place of the parts from first to last, if that is any.
func writeMissing(text *strings.Builder, first, last int) {
	if first > last {
		return
	}
	if s := text.String(); s != "" && !strings.HasSuffix(s, "\n") {
		text.WriteByte('\n')
	}
	message := fmt.Sprintf("part %d of this story is missing in the store", first)
	if last > first {
		message = fmt.Sprintf("parts %d to %d of this story are missing in the store", first, last)
	}
	text.WriteString(Format([]Line{{Level: slog.LevelWarn, Message: message}}))
}

// count makes the header's facts those of the lines.
func (h *Header) count(lines []Line) {
	h.LineCount = len(lines)
	if len(lines) == 0 {
		return
	}
	if h.Title == "" {
		h.Title = TitleOf(lines[0].Message)
	}
	h.MaxLevel = lines[0].Level
	for _, line := range lines {
		h.MaxLevel = max(h.MaxLevel, line.Level)
		h.Duration = max(h.Duration, line.Offset)
	}
	h.Cause, h.Problem = CauseOf(h.Key.Kind, lines)
	if updated := h.Start.Add(h.Duration).Truncate(time.Millisecond); updated.After(h.Updated) {
		h.Updated = updated
	}
}

// TitleOf returns the title that a first message gives: its first line, in valid
// UTF-8, cut at [MaxTitle] bytes.
func TitleOf(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return problem.Shorten(first, MaxTitle)
}

package story

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Assemble makes a story of the parts that a store holds of it, in any order; it
// is for implementations of [Store]. Without a header part, the header is made up
// from the lines, in state [Open]. A part missing from an open story ends it; in
// the others a line at level Warn stands in its place. Where lines were added
// after the header was written, as to an open story or by late parts, the header
// is made to count them.
func Assemble(key Key, id string, parts []Part) Story {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return a.Number - b.Number })

	s := Story{Header: Header{Key: key, ID: id, State: Open}}
	s.Start, _ = IDTime(id)
	known := 0 // parts that the header knows of
	complete := false
	if len(parts) > 0 && parts[0].Number == 0 && parts[0].Header != nil {
		s.Header = *parts[0].Header
		known, complete = s.Parts, s.State != Open
	}
	text, last := joinText(parts, complete, known)
	s.Lines = Parse(text)
	if !complete || last > known {
		s.Header.count(s.Lines)
	}
	if len(parts) > 0 {
		s.Parts = max(s.Parts, parts[len(parts)-1].Number)
	}
	return s
}

// joinText joins the text of parts sorted by number, and returns the last number seen.
func joinText(parts []Part, complete bool, known int) (text string, last int) {
	var all strings.Builder
	for _, part := range parts {
		if part.Number > last+1 {
			if !complete {
				break
			}
			for missing := last + 1; missing < min(part.Number, known+1); missing++ {
				writeMissing(&all, missing)
			}
		}
		all.WriteString(part.Text)
		last = part.Number
	}
	if complete {
		for missing := last + 1; missing <= known; missing++ {
			writeMissing(&all, missing)
		}
	}
	return all.String(), last
}

func writeMissing(all *strings.Builder, number int) {
	if s := all.String(); s != "" && !strings.HasSuffix(s, "\n") {
		all.WriteByte('\n')
	}
	all.WriteString(Format([]Line{{
		Level:   slog.LevelWarn,
		Message: fmt.Sprintf("part %d of this story is missing in the store", number),
	}}))
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
	if updated := h.Start.Add(h.Duration).Truncate(time.Millisecond); updated.After(h.Updated) {
		h.Updated = updated
	}
}

// TitleOf returns the title that a first message gives: its first line, in valid
// UTF-8, cut at [MaxTitle] bytes.
func TitleOf(message string) string {
	title, _, _ := strings.Cut(message, "\n")
	if len(title) > MaxTitle {
		end := MaxTitle - len("…")
		for end > 0 && !utf8.RuneStart(title[end]) {
			end--
		}
		title = title[:end] + "…"
	}
	return strings.ToValidUTF8(title, "\uFFFD")
}

package story

import (
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// A Line is one record in a story.
type Line struct {
	Offset time.Duration // since the story's start, in whole milliseconds
	Level  slog.Level
	Lane   int // 0 where the story began; other goroutines have numbers of their own
	// Depth is the line's indent, 0 or more.
	Depth int
	// Up is 0 where the indent alone tells the parent: the nearest line above, in
	// the same lane, of a smaller depth. Otherwise the parent's depth is Depth-Up,
	// from 0 to Depth-1, or there is none where Up is Depth+1.
	Up      int
	Message string
	Attrs   string // key=value pairs as slog.TextHandler writes them
}

// Attr returns the value of the line's first attribute of that name, groups dotted.
func (l Line) Attr(name string) (string, bool) {
	for key, value := range l.AllAttrs() {
		if key == name {
			return value, true
		}
	}
	return "", false
}

// AllAttrs returns the line's attributes in their order, unquoted.
// What is not of the form key=value is skipped.
func (l Line) AllAttrs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		rest := l.Attrs
		for {
			rest = strings.TrimLeft(rest, " ")
			if rest == "" {
				return
			}
			key, after, ok := cutToken(rest, "= ")
			if !ok || !strings.HasPrefix(after, "=") {
				rest = strings.TrimLeft(after, "=") // a word of no pair
				if _, rest, ok = strings.Cut(rest, " "); !ok {
					return
				}
				continue
			}
			var value string
			value, rest, _ = cutToken(after[1:], " ")
			if !yield(key, value) {
				return
			}
		}
	}
}

// cutToken takes a quoted string, or what comes before any of the stop bytes.
func cutToken(s, stops string) (token, rest string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		if quoted, err := strconv.QuotedPrefix(s); err == nil {
			token, err = strconv.Unquote(quoted)
			return token, s[len(quoted):], err == nil
		}
	}
	end := strings.IndexAny(s, stops)
	if end < 0 {
		return s, "", true
	}
	return s[:end], s[end:], true
}

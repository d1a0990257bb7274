package reading

import (
	"fmt"
	"log/slog"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/story"
)

// Header is a story's header as JSON.
type Header struct {
	Key        string            `json:"key"`
	ID         string            `json:"id"`
	Start      time.Time         `json:"start"`
	Updated    time.Time         `json:"updated"`
	DurationMS int64             `json:"duration_ms"`
	State      story.State       `json:"state"`
	Level      slog.Level        `json:"level"`
	LineCount  int               `json:"line_count"`
	Title      string            `json:"title"`
	Attrs      map[string]string `json:"attrs,omitempty"`
}

// Story is a story as JSON.
type Story struct {
	Header
	Lines []Line `json:"lines"`
}

// Line is a line as JSON.
type Line struct {
	Number   int        `json:"number"`
	Parent   int        `json:"parent,omitempty"` // number of the caller's line
	OffsetMS int64      `json:"offset_ms"`
	Level    slog.Level `json:"level"`
	Lane     int        `json:"lane,omitempty"`
	Depth    int        `json:"depth"` // as stored
	Message  string     `json:"message"`
	Attrs    []Attr     `json:"attrs,omitempty"` // a list, because a name may come twice
}

// Attr is an attribute as JSON.
type Attr struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HeaderJSON returns what is printed of a header as JSON.
func HeaderJSON(h story.Header) Header {
	return Header{
		Key: h.Key.String(), ID: h.ID, Start: h.Start, Updated: h.Updated, DurationMS: h.Duration.Milliseconds(),
		State: h.State, Level: h.MaxLevel, LineCount: h.LineCount, Title: h.Title, Attrs: h.Attrs,
	}
}

// StoryJSON returns what is printed of a story as JSON.
func StoryJSON(s story.Story) Story {
	out := Story{Header: HeaderJSON(s.Header), Lines: make([]Line, len(s.Lines))}
	for i, parent := range story.Parents(s.Lines) {
		out.Lines[i] = lineJSON(s.Lines[i], i+1)
		out.Lines[i].Parent = parent + 1
	}
	return out
}

func lineJSON(line story.Line, number int) Line {
	return Line{
		Number: number, OffsetMS: line.Offset.Milliseconds(), Level: line.Level, Lane: line.Lane, Depth: line.Depth,
		Message: line.Message, Attrs: appendAttrs(nil, line),
	}
}

// NewsJSON returns what is printed of news as JSON: the header, and the new lines,
// without their callers.
func NewsJSON(n News) any {
	news := struct {
		Header
		Lines []Line `json:"lines,omitempty"`
	}{Header: HeaderJSON(n.Header)}
	for i, line := range n.Lines {
		news.Lines = append(news.Lines, lineJSON(line, n.From+i))
	}
	return news
}

func appendAttrs(attrs []Attr, line story.Line) []Attr {
	for name, value := range line.AllAttrs() {
		attrs = append(attrs, Attr{name, value})
	}
	return attrs
}

// Difference is the difference of two stories as JSON: the lines that differ.
type Difference struct {
	Was   Header        `json:"was"`
	Is    Header        `json:"is"`
	Equal bool          `json:"equal"`
	Lines []ChangedLine `json:"lines"`
}

// ChangedLine is a line that differs, as JSON. A number is 0 where the story has no such line.
type ChangedLine struct {
	Change  Change         `json:"change"`
	Was     int            `json:"was,omitempty"` // number of the line
	Is      int            `json:"is,omitempty"`
	Level   slog.Level     `json:"level"`
	Message string         `json:"message"`
	Values  []ChangedValue `json:"values,omitempty"`
}

// ChangedValue is something in a line that changed, as JSON.
type ChangedValue struct {
	Name string `json:"name"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

// DiffJSON returns what is printed of a difference as JSON; with the equal lines
// too, if all is true.
func DiffJSON(d *Diff, all bool) Difference {
	out := Difference{Was: HeaderJSON(d.Was.Story.Header), Is: HeaderJSON(d.Is.Story.Header), Equal: d.Equal(), Lines: []ChangedLine{}}
	for _, nodes := range d.Lanes {
		out.Lines = appendChanged(out.Lines, nodes, all)
	}
	return out
}

func appendChanged(lines []ChangedLine, nodes []*DiffNode, all bool) []ChangedLine {
	for _, n := range nodes {
		if n.Change != Same || all {
			line := ChangedLine{Change: n.Change, Level: n.Node().Level, Message: n.Node().Message}
			if n.Was != nil {
				line.Was = n.Was.Number
			}
			if n.Is != nil {
				line.Is = n.Is.Number
			}
			for _, v := range n.Values {
				line.Values = append(line.Values, ChangedValue(v))
			}
			lines = append(lines, line)
		}
		lines = appendChanged(lines, n.Children, all)
	}
	return lines
}

// EscapeJSON escapes, as JSON has it, what a terminal would act on and encoding/json
// leaves as it is, and U+FFFD, in the place of invalid bytes, which only some versions
// of Go escape. Newlines between values stay.
func EscapeJSON(text []byte) []byte {
	safe := make([]byte, 0, len(text))
	for _, r := range string(text) {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError) {
			for _, unit := range utf16.Encode([]rune{r}) {
				safe = fmt.Appendf(safe, `\u%04x`, unit)
			}
			continue
		}
		safe = utf8.AppendRune(safe, r)
	}
	return safe
}

package reading

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
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
	Cause      string            `json:"cause,omitempty"`
	Problem    string            `json:"problem,omitempty"`
	Also       []string          `json:"also,omitempty"`  // keys under which it is listed too
	Of         string            `json:"of,omitempty"`    // of an alias: the key of its story
	Count      int               `json:"count,omitempty"` // of an alias of a problem: the stories that it stands for
	Attrs      map[string]string `json:"attrs,omitempty"` // without the names of lanes, which the lines have
}

// Line is a line as JSON.
type Line struct {
	Number   int        `json:"number"`
	Parent   int        `json:"parent,omitempty"` // number of the caller's line
	OffsetMS int64      `json:"offset_ms"`
	Level    slog.Level `json:"level"`
	Lane     int        `json:"lane,omitempty"`
	LaneName string     `json:"lane_name,omitempty"`
	Depth    int        `json:"depth"` // as stored
	Message  string     `json:"message"`
	Attrs    []Attr     `json:"attrs,omitempty"` // a list, because a name may come twice
	Calls    []Call     `json:"calls,omitempty"` // stories that say of the line that it has called them
}

// Attr is an attribute as JSON.
type Attr struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HeaderJSON returns what is printed of a header as JSON.
func HeaderJSON(h story.Header) Header {
	of := ""
	if h.IsAlias() {
		of = h.Of.String()
	}
	var also []string
	for _, key := range h.Also {
		also = append(also, key.String())
	}
	return Header{
		Also: also, Of: of, Count: h.Count,
		Key: h.Key.String(), ID: h.ID, Start: h.Start, Updated: h.Updated, DurationMS: h.Duration.Milliseconds(),
		State: h.State, Level: h.MaxLevel, LineCount: h.LineCount, Title: h.Title,
		Cause: h.Cause, Problem: h.Problem, Attrs: OwnAttrs(h),
	}
}

// LineJSON returns what is printed of a line as JSON.
func (t *Tree) LineJSON(n *Node) Line {
	line := lineJSON(t.Story.Lines[n.Number-1], n.Number, t.Lane(n).Name)
	line.Parent = t.parents[n.Number-1] + 1
	return line
}

// A JSONLayout says how JSON is laid out. The zero one is all on one line.
type JSONLayout struct {
	Indent string // of a level
	HTML   bool   // whether what means something in HTML is escaped
}

// marshal returns a value that stands so many levels deep.
func (l JSONLayout) marshal(v any, level int) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(l.HTML)
	encoder.SetIndent(strings.Repeat(l.Indent, level), l.Indent)
	err := encoder.Encode(v)
	return EscapeJSON(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), err
}

// WriteJSON writes a story as JSON: its header, and its lines in that, with their calls. It makes and
// writes a line at a time, because all of a long story takes many times the memory of
// its text. No character is written in pieces.
func WriteJSON(w io.Writer, s story.Story, calls Calls, layout JSONLayout) error {
	frame, err := layout.marshal(struct {
		Header
		Lines []Line `json:"lines"`
	}{HeaderJSON(s.Header), []Line{}}, 0)
	if err != nil {
		return err
	}
	at := bytes.LastIndexByte(frame, ']')
	newline := func(level int) string {
		if layout.Indent == "" || len(s.Lines) == 0 {
			return ""
		}
		return "\n" + strings.Repeat(layout.Indent, level)
	}
	text := frame[:at:at]
	names := laneNames{header: s.Header}
	for i, parent := range story.Parents(s.Lines) {
		if i > 0 {
			text = append(text[:0], ',')
		}
		text = append(text, newline(2)...)
		line := lineJSON(s.Lines[i], i+1, names.of(s.Lines[i].Lane))
		line.Parent, line.Calls = parent+1, calls.json(i+1)
		encoded, err := layout.marshal(line, 2)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, encoded...)); err != nil {
			return err
		}
		text = nil
	}
	text = append(append(text, newline(1)...), frame[at:]...)
	_, err = w.Write(append(text, '\n'))
	return err
}

func lineJSON(line story.Line, number int, laneName string) Line {
	return Line{
		Number: number, OffsetMS: line.Offset.Milliseconds(), Level: line.Level, Lane: line.Lane, LaneName: laneName,
		Depth: line.Depth, Message: line.Message, Attrs: appendAttrs(nil, line),
	}
}

// NewsJSON returns what is printed of news as JSON: the header, and the new lines,
// without their callers.
func NewsJSON(n News) any {
	news := struct {
		Header
		Left  int    `json:"lines_left_out,omitempty"` // new ones before Lines
		Lines []Line `json:"lines,omitempty"`
	}{Header: HeaderJSON(n.Header), Left: n.Left}
	names := laneNames{header: n.Header}
	for i, line := range n.Lines {
		news.Lines = append(news.Lines, lineJSON(line, n.From+i, names.of(line.Lane)))
	}
	return news
}

// appendAttrs appends a line's attributes, at most [MostAttrs] and one that says that
// there are more.
func appendAttrs(attrs []Attr, line story.Line) []Attr {
	for name, value := range line.AllAttrs() {
		if len(attrs) == MostAttrs {
			return append(attrs, Attr{"…", fmt.Sprintf("more than %d attributes, %d bytes in all", MostAttrs, len(line.Attrs))})
		}
		attrs = append(attrs, Attr{name, value})
	}
	return attrs
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

package reading

import (
	"log/slog"
	"time"

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
		line := s.Lines[i]
		out.Lines[i] = Line{
			Number: i + 1, Parent: parent + 1, OffsetMS: line.Offset.Milliseconds(), Level: line.Level,
			Lane: line.Lane, Depth: line.Depth, Message: line.Message,
		}
		out.Lines[i].Attrs = appendAttrs(nil, line)
	}
	return out
}

func appendAttrs(attrs []Attr, line story.Line) []Attr {
	for name, value := range line.AllAttrs() {
		attrs = append(attrs, Attr{name, value})
	}
	return attrs
}

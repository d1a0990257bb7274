package ids

import (
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Trace is a place in a trace of many services. The zero value is none.
type Trace struct {
	ID   string // of the trace
	Span string // in it
}

// NewTrace returns the trace of ids that the program tells. An id of zeros stands for none.
func NewTrace(id, span string) Trace { return Trace{told(id), told(span)} }

func told(id string) string {
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return Clip(story.Escape(id), most)
}

// Clone returns a trace that keeps nothing of the program's memory.
func (t Trace) Clone() Trace { return Trace{strings.Clone(t.ID), strings.Clone(t.Span)} }

// A Last is the trace of the last line that had one.
type Last struct{ id, span []byte }

// NewLast returns the Last of which a trace is the first.
func NewLast(t Trace) *Last { return &Last{[]byte(t.ID), []byte(t.Span)} }

// Enter takes note of a line's trace, and reports what of it differs from the last one.
func (l *Last) Enter(t Trace) (trace, span bool) {
	trace = t.ID != "" && t.ID != string(l.id)
	span = t.Span != "" && (trace || t.Span != string(l.span))
	if trace {
		l.id = append(l.id[:0], t.ID...)
	}
	if span {
		l.span = append(l.span[:0], t.Span...)
	}
	return trace, span
}

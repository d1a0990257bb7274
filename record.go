package dynamoslog

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/story"
)

// A scratch holds a line while it is made.
type scratch struct {
	recordTime time.Time // the record's time; zero if it has none
	level      slog.Level
	message    string
	writer     attrtext.Writer
	site       callSite
	trace      ids.Trace // that the record's context has
	traceAttr  []byte    // the same, rendered
	spanAttr   []byte
}

// Names of the attributes that tell a trace.
const (
	traceKey = "trace_id"
	spanKey  = "span_id"
)

// release gives a scratch back, unless it has grown large.
func (c *core) release(s *scratch) {
	const largest = 64 << 10
	if cap(s.writer.Text) > largest {
		return
	}
	s.message, s.site, s.trace = "", callSite{}, ids.Trace{}
	c.scratch.Put(s)
}

// time returns when the line was made: by the monotonic clock, as the time of a
// record may be anything.
func (s *scratch) time() time.Time {
	if t := s.recordTime; t != t.Round(0) {
		return t
	}
	return time.Now()
}

// line is the line as it goes to the fallback.
func (s *scratch) line() []story.Line {
	return []story.Line{{Level: s.level, Message: s.message, Attrs: string(s.writer.Text)}}
}

// render fills s with the record, its values resolved, and returns the story or the
// scope that an attribute of Key or Scope.Attr in the record names. In a scope that is
// an attribute like others.
func (h *Handler) render(s *scratch, r slog.Record, scoped bool) (bound *keyedStory, joined *Scope) {
	s.recordTime, s.level, s.message = r.Time, r.Level, r.Message
	w := &s.writer
	w.Replace, w.Groups = h.core.opts.ReplaceAttr, nil
	w.Text, w.Prefix = w.Text[:0], w.Prefix[:0]
	if w.Replace != nil {
		s.replaceBuiltins()
	}
	if h.core.opts.AddSource && r.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		w.Attr(slog.Any(slog.SourceKey, &slog.Source{Function: frame.Function, File: frame.File, Line: frame.Line}))
	}
	if scoped {
		w.Rendered(h.boundText)
	}
	w.Rendered(h.attrs)
	w.Prefix, w.Groups = append(w.Prefix, h.prefix...), h.groups
	r.Attrs(func(a slog.Attr) bool {
		if !scoped && a.Value.Kind() == slog.KindLogValuer {
			switch v := a.Value.Any().(type) {
			case keyValue:
				bound = &keyedStory{key: v.key}
				return true
			case scopeValue:
				joined = v.scope
				return true
			}
		}
		w.Attr(a)
		return true
	})
	return bound, joined
}

// renderTrace fills in the trace of the record's context.
func (s *scratch) renderTrace(c *core, ctx context.Context) {
	s.trace = c.trace(ctx)
	render := func(text []byte, name, id string) []byte {
		w := attrtext.Writer{Text: text[:0], Replace: c.opts.ReplaceAttr}
		if id != "" {
			w.Attr(slog.String(name, id))
		}
		return w.Text
	}
	s.traceAttr = render(s.traceAttr, traceKey, s.trace.ID)
	s.spanAttr = render(s.spanAttr, spanKey, s.trace.Span)
}

// replaceBuiltins lets ReplaceAttr see the time, the level and the message. What
// it makes of them that cannot stand in their place becomes an attribute.
func (s *scratch) replaceBuiltins() {
	w := &s.writer
	replace := w.Replace
	w.Replace = nil // for what it has seen already
	if !s.recordTime.IsZero() {
		a := replace(nil, slog.Time(slog.TimeKey, s.recordTime))
		switch {
		case a.Value.Kind() != slog.KindTime:
			s.recordTime = time.Time{}
			w.Attr(a)
		case !a.Value.Time().Equal(s.recordTime.Round(0)): // else the monotonic clock's reading stays
			s.recordTime = a.Value.Time()
		}
	}
	a := replace(nil, slog.Any(slog.LevelKey, s.level))
	if level, ok := a.Value.Any().(slog.Level); ok {
		s.level = level
	} else {
		w.Attr(a)
	}
	a = replace(nil, slog.String(slog.MessageKey, s.message))
	s.message = attrtext.ValueText(a.Value.Resolve())
	if a.Equal(slog.Attr{}) {
		s.message = ""
	}
	w.Replace = replace
}

package compose

import (
	"bytes"
	"log/slog"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/problem"
	"github.com/dynamoslog/dynamoslog/story"
)

// A cause is why a story is bad: what the first line of the highest level says. Its zero
// value is that of a story which never reached Warn.
type cause struct {
	level slog.Level
	text  string       // as a header has it, and [story.Line.Cause]
	path  problem.Path // of the line and its callers
	id    string       // of the problem where the path is not known, as of what was read from a store; else empty
}

// worse reports whether a line of a level is the first one at the highest.
func (c cause) worse(level slog.Level) bool { return level >= slog.LevelWarn && level > c.level }

// explain makes a header say why the story is bad, as far as that is known.
func (c cause) explain(h *story.Header) {
	if c.level >= slog.LevelWarn {
		h.MaxLevel = max(h.MaxLevel, c.level)
	}
	h.Cause, h.Problem = "", ""
	if c.text == "" || c.level != h.MaxLevel {
		return
	}
	h.Cause, h.Problem = c.text, c.id
	if c.id == "" {
		h.Problem = c.path.ID(h.Key.Kind)
	}
}

// noteCause takes note of the line that was written down last, which is the worst so far.
func (c *Composer) noteCause(line *story.Line, s *Scratch) {
	b := c.tree.lane(line.Lane)
	callers := b.path(len(b.lines)-2, s)
	says := problem.Text(line.Message, line.AllAttrs())
	text := strings.Clone(problem.Shorten(says, story.MaxCause)) // the line's memory is used again
	c.cause = cause{level: line.Level, text: text, path: callers.Under(says)}
}

// path returns the path of one of the lines under which the last one of the branch stands.
func (b *branch) path(i int, s *Scratch) (path problem.Path) {
	if i < 0 {
		return path
	}
	if line := &b.lines[i]; line.number >= 0 {
		line.path = b.path(i-1, s)
		if !line.quiet {
			line.path = line.path.Under(s.message(int(line.number)))
		}
		line.number = -1
	}
	return b.lines[i].path
}

// keepCallers makes the lines under which those of further chunks may stand independent
// of the text that was written down.
func (t *tree) keepCallers(s *Scratch) {
	for i := range t.lanes {
		b := &t.lanes[i]
		b.path(len(b.lines)-1, s)
	}
}

// message returns the message of a line in the text, of which the first line that says
// something is enough.
func (s *Scratch) message(number int) string {
	line := s.text[s.starts[number]:]
	if number+1 < len(s.starts) {
		line = s.text[s.starts[number]:s.starts[number+1]]
	}
	if head, _, _ := bytes.Cut(line, []byte{'\t'}); len(head) < len(line) { // without the attributes
		if first := story.Parse(string(head))[0].Message; strings.TrimSpace(first) != "" {
			return first
		}
	}
	return story.Parse(string(line))[0].Message
}

// read takes note of why the story is bad by what a store has of it.
func (c *cause) read(kind string, stored Stored, header *story.Header) {
	var lines []story.Line
	for _, parts := range [][]story.Part{stored.Moved, stored.Parts} {
		for text := range runs(parts) {
			lines = append(lines, story.Parse(text)...)
		}
	}
	found := cause{}
	for _, line := range lines {
		found.level = max(found.level, line.Level)
	}
	found.text, found.id = story.CauseOf(kind, lines)
	if header != nil && header.Cause != "" && header.MaxLevel >= found.level {
		found = cause{level: header.MaxLevel, text: header.Cause, id: header.Problem}
	}
	if c.worse(found.level) {
		*c = found
	}
}

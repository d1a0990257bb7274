package compose

import (
	"log/slog"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/problem"
	"github.com/dynamoslog/dynamoslog/story"
)

// A cause is why a story is bad: what the first line of the highest level says. Nil is that
// of a story which never reached Warn.
type cause struct {
	level slog.Level
	text  string       // as a header has it, and [story.Line.Cause]
	path  problem.Path // of the line and its callers
	id    string       // of the problem where the path is not known, as of what was read from a store; else empty
}

// worse reports whether a line of a level is the first one at the highest.
func (c *cause) worse(level slog.Level) bool {
	return level >= slog.LevelWarn && (c == nil || level > c.level)
}

// explain makes a header say why the story is bad, as far as that is known.
func (c *cause) explain(h *story.Header) {
	h.Cause, h.Problem = "", ""
	if c == nil {
		return
	}
	if c.level >= slog.LevelWarn {
		h.MaxLevel = max(h.MaxLevel, c.level)
	}
	if c.text == "" || c.level != h.MaxLevel {
		return
	}
	h.Cause, h.Problem = c.text, c.id
	if c.id == "" {
		h.Problem = c.path.ID(h.Key.Kind)
	}
}

// noteCause takes note of the line that was written down last, which is the worst so far.
func (c *Composer) noteCause(line *story.Line) {
	b := c.tree.lane(line.Lane)
	callers := b.path(len(b.open) - 2)
	says := problem.Text(line.Message, line.AllAttrs())
	text := strings.Clone(problem.Shorten(says, story.MaxCause)) // the line's memory is used again
	c.cause = &cause{level: line.Level, text: text, path: callers.Under(says)}
}

// path returns the path of one of the lines under which the last one of the branch stands.
func (b *branch) path(i int) (path problem.Path) {
	if i < 0 {
		return path
	}
	line := &b.open[i]
	if !line.known {
		line.path = b.path(i - 1)
		if !line.quiet {
			line.path = line.path.Under(line.message)
		}
		line.known, line.message = true, ""
	}
	return line.path
}

// keepCallers makes the lines under which those of further chunks may stand independent
// of the memory that the chunk's are in.
func (t *tree) keepCallers() {
	const few = 8 // of a path that nobody may ask for
	for i := range t.lanes {
		b := &t.lanes[i]
		if len(b.open) > few {
			b.path(len(b.open) - 1)
			continue
		}
		for n := range b.open {
			switch line := &b.open[n]; {
			case line.quiet:
				line.message = ""
			case !line.known:
				line.message = problem.Own(line.message)
			}
		}
	}
}

// noteStored takes note of why the story is bad by what a store has of it.
func (c *Composer) noteStored(kind string, stored Stored, header *story.Header) {
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
	if c.cause.worse(found.level) {
		c.cause = &found
	}
}

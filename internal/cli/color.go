package cli

import (
	"io"
	"log/slog"
	"os"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// A palette colours words; the zero one does not.
type palette struct{ on bool }

// Values of --color.
const (
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

// palette returns colours for a terminal, unless NO_COLOR is set or the terminal
// has none; --color decides otherwise.
func (o *options) palette(out io.Writer) palette {
	switch o.color {
	case colorAlways:
		return palette{true}
	case colorNever:
		return palette{}
	}
	return palette{terminal(out) != nil && os.Getenv("NO_COLOR") == "" && !dumb()}
}

func (p palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) dim(s string) string { return p.paint("2", s) }

// mark is what stands before a story in a list: nothing below a warning.
func (p palette) mark(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return p.paint(codeOf(level), "✗")
	case level >= slog.LevelWarn:
		return p.paint(codeOf(level), "!")
	}
	return " "
}

// codeOf returns the colour of a level.
func codeOf(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "31" // red
	case level >= slog.LevelWarn:
		return "33" // yellow
	}
	return plain
}

const plain = "39" // the terminal's own colour

// style colours a piece of a story.
func (p palette) style(style reading.Style, s string) string {
	codes := map[reading.Style]string{
		reading.Dim: "2", reading.Warning: "33", reading.Error: "31",
		reading.Added: "32", reading.Removed: "31", reading.Found: "1",
	}
	if code, ok := codes[style]; ok {
		return p.paint(code, s)
	}
	return s
}

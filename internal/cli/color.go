package cli

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// A palette colours words; the zero one does not.
type palette struct{ on bool }

// paletteFor returns colours for a terminal, unless NO_COLOR is set or the
// terminal has none.
func paletteFor(out io.Writer) palette {
	file, ok := out.(*os.File)
	return palette{ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p palette) paint(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) dim(s string) string { return p.paint("2", s) }

func (p palette) level(level slog.Level) string {
	code := "33" // yellow
	if level >= slog.LevelError {
		code = "31" // red
	}
	return p.paint(code, level.String())
}

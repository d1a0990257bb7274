package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// terminal returns the terminal that an output is, or nil.
func terminal(out io.Writer) *os.File {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// dumb reports whether the terminal does no more than print text.
func dumb() bool { return os.Getenv("TERM") == "dumb" }

// widthOf returns the width of a terminal, or 0 where the output is none.
func widthOf(out io.Writer) int {
	file := terminal(out)
	if file == nil {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

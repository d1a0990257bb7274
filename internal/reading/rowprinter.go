package reading

import (
	"bufio"
	"strings"
)

// A piece is a text of one style, escaped.
type piece struct {
	style Style
	text  string
}

// A rowPrinter writes pieces in rows no longer than a terminal is wide.
type rowPrinter struct {
	out   *bufio.Writer
	width int // columns that a text may take; any if 0
	paint func(Style, string) string
	right string // what stands to the right of the row, behind width
	col   int    // where the row has come to
}

func (r *rowPrinter) write(style Style, text string) { r.out.WriteString(r.paint(style, text)) }

func (r *rowPrinter) pad(width int) {
	for range width {
		r.out.WriteByte(' ')
	}
}

// end ends a row.
func (r *rowPrinter) end() {
	if r.right != "" {
		r.pad(r.width - r.col)
		r.out.WriteString(r.right)
		r.right = ""
	}
	r.out.WriteByte('\n')
}

// flow writes pieces from a column on, and goes on in further rows at another where the
// terminal ends. It leaves the last row open.
func (r *rowPrinter) flow(at, hang int, pieces ...piece) {
	r.col = at
	if r.width > 0 {
		hang = max(min(hang, r.width-leastText), 0)
	}
	for _, p := range pieces {
		if r.width == 0 {
			r.write(p.style, p.text)
			continue
		}
		r.wrap(p, hang)
	}
}

// wrap writes a piece from where the row has come to.
func (r *rowPrinter) wrap(p piece, hang int) {
	row := 0 // bytes of the text that stand in this row
	next := func(rest string) {
		r.write(p.style, p.text[:row])
		r.end()
		r.pad(hang)
		r.col, row, p.text = hang, 0, rest
	}
	for row < len(p.text) {
		rest := p.text[row:]
		blanks := len(rest) - len(strings.TrimLeft(rest, " "))
		end := blanks + wordEnd(rest[blanks:])
		width := Width(rest[:end])
		switch {
		case r.col+width <= r.width:
			r.col, row = r.col+width, row+end
		case r.col > hang && width-blanks <= r.width-hang:
			next(rest[blanks:])
		default: // longer than any row
			head, tail := splitWidth(rest, r.width-r.col)
			if head == "" && r.col > hang {
				next(rest[blanks:])
				continue
			}
			if head == "" { // a character that is wider than all there is
				head, tail = rest[:end], rest[end:]
			}
			r.col, row = r.col+Width(head), row+len(head)
			if tail != "" {
				next(tail)
			}
		}
	}
	r.write(p.style, p.text)
}

// wordEnd returns where the first word of a text ends.
func wordEnd(s string) int {
	if end := strings.IndexByte(s, ' '); end >= 0 {
		return end
	}
	return len(s)
}

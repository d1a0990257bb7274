package viewer

import (
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
)

// pieceSize is how much of a page is gathered before it goes out, in bytes.
const pieceSize = 64 << 10

// A buffer gathers what is written to a page, and hands it on in pieces, when it is told
// that a place has come for it. To append to page is to write, too.
type buffer struct {
	out  io.Writer
	page []byte // what did not go out yet
	sent int    // bytes that went out
	err  error  // of the first write that failed; nothing goes out after it
}

func (b *buffer) WriteString(s string) { b.page = append(b.page, s...) }

func (b *buffer) int(n int) { b.page = strconv.AppendInt(b.page, int64(n), 10) }

// html writes a text, with what means something in HTML escaped as html.EscapeString does.
func (b *buffer) html(s string) {
	done := 0
	for i := range len(s) {
		escaped := ""
		switch s[i] {
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '&':
			escaped = "&amp;"
		case '"':
			escaped = "&#34;"
		case '\'':
			escaped = "&#39;"
		default:
			continue
		}
		b.page = append(append(b.page, s[done:i]...), escaped...)
		done = i + 1
	}
	b.page = append(b.page, s[done:]...)
}

// isPlain reports whether a text stands in a page as it is: it is of printable ASCII, and
// nothing of it means anything in HTML.
func isPlain(s string) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// plain has the characters of a plain text.
var plain = func() (is [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		is[c] = !strings.ContainsRune(`<>&"'`, rune(c))
	}
	return is
}()

// size returns how many bytes were written.
func (b *buffer) size() int { return b.sent + len(b.page) }

// pass hands on what was gathered, if that is enough for a piece.
func (b *buffer) pass() {
	if len(b.page) >= pieceSize {
		_ = b.flush() // it is remembered
	}
}

// flush hands on what was gathered, and returns the first error of any write.
func (b *buffer) flush() error {
	if b.err == nil && len(b.page) > 0 {
		_, b.err = b.out.Write(b.page)
	}
	b.sent += len(b.page)
	b.page = b.page[:0]
	return b.err
}

// ahead calls write with a writer to out that takes one piece while out still has to do
// with the one before: what is written is compressed and sent on this goroutine, while
// another one makes more of it. It returns when both are done.
func ahead(out io.Writer, write func(io.Writer) error) error {
	from, to := io.Pipe()
	var thrown any
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := io.ErrUnexpectedEOF // of a panic
		defer func() {
			if value := recover(); value != nil {
				thrown = fmt.Sprintf("%v\n%s", value, debug.Stack())
			}
			_ = to.CloseWithError(err) // never an error
		}()
		err = write(to)
	}()
	_, err := io.CopyBuffer(out, from, make([]byte, pieceSize))
	_ = from.CloseWithError(err) // who writes learns that nobody reads
	<-done
	if thrown != nil {
		panic(thrown) // as it would have been here
	}
	return err
}

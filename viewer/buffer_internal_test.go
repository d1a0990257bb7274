package viewer

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"
)

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"", "plain", `<a href="x">&'y'</a>`, "tab\tand\nnewline", "\x00\x7f\xff", "ü\u202e\u2028", `back\slash`, `back\slash` + "\x01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var b buffer
		if b.html(s); string(b.page) != html.EscapeString(s) {
			t.Errorf("%q is written as %q, not %q", s, b.page, html.EscapeString(s))
		}
		if isPlain(s) && html.EscapeString(escapeLines(s)) != s {
			t.Errorf("%q is no plain text: it is %q", s, html.EscapeString(escapeLines(s)))
		}
	})
}

// Pieces are the sizes of what was written at once.
type pieces []int

func (p *pieces) Write(text []byte) (int, error) {
	*p = append(*p, len(text))
	return len(text), nil
}

func TestBufferPassesPieces(t *testing.T) {
	var out pieces
	b := buffer{out: &out}
	for range 3 * pieceSize / 10 {
		b.WriteString("ten bytes.")
		b.pass()
	}
	if len(out) != 2 || out[0] < pieceSize || out[0] > pieceSize+10 || cap(b.page) > 2*pieceSize {
		t.Errorf("passed on %v, and holds %d bytes", out, cap(b.page))
	}
	if before := b.size(); b.flush() != nil || len(b.page) != 0 || b.size() != before || out[0]+out[1]+out[2] != before {
		t.Errorf("of %d bytes %v went out, %d are left", before, out, len(b.page))
	}
}

func TestAhead(t *testing.T) {
	var out, want bytes.Buffer
	err := ahead(&out, func(w io.Writer) error {
		for i := range 1000 {
			text := strings.Repeat(fmt.Sprintln(i), i)
			want.WriteString(text)
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || !bytes.Equal(out.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes of %d came, %v", out.Len(), want.Len(), err)
	}
}

var errGone = errors.New("gone")

// A leaver takes so many bytes and leaves.
type leaver int

func (l *leaver) Write(text []byte) (int, error) {
	if *l -= leaver(len(text)); *l < 0 {
		return 0, errGone
	}
	return len(text), nil
}

// Who writes for a reader that has left is told, and the caller too.
func TestAheadWithoutReader(t *testing.T) {
	reader, told := leaver(3*pieceSize), error(nil)
	err := ahead(&reader, func(w io.Writer) error {
		for range 1000 {
			if _, told = w.Write(make([]byte, pieceSize)); told != nil {
				return told
			}
		}
		return nil
	})
	if !errors.Is(err, errGone) || !errors.Is(told, errGone) {
		t.Errorf("got %v, the writer %v", err, told)
	}
}

// A panic is the caller's, who may have recovered it, and not the end of the program.
func TestAheadPanics(t *testing.T) {
	var out bytes.Buffer
	defer func() {
		if thrown := fmt.Sprint(recover()); !strings.HasPrefix(thrown, "no such line\n") || !strings.Contains(thrown, "TestAheadPanics") || out.String() != "begun" {
			t.Errorf("got the panic %s after %q", thrown, out.String())
		}
	}()
	err := ahead(&out, func(w io.Writer) error {
		_, _ = io.WriteString(w, "begun")
		panic("no such line")
	})
	t.Errorf("returned %v", err)
}

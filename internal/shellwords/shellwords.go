// Package shellwords reads the words of a command line as a shell does that completes
// them, and quotes words for it. It runs nothing: what only a shell can know, such as
// the output of a command in a word, is an error.
package shellwords

import (
	"errors"
	"strings"
)

// A Shell is one whose quotes are known.
type Shell string

// The shells.
const (
	Bash Shell = "bash"
	Zsh  Shell = "zsh" // its quotes are read as bash's
	Fish Shell = "fish"
)

// ErrUnknowable says that only the shell, by running something, could tell the words.
var ErrUnknowable = errors.New("shellwords: the line has more in it than words")

// A Line is a command line up to the cursor.
type Line struct {
	Words []string // what the program would get; the last is the one at the cursor, empty after a space
	Raw   string   // the last word as it was typed
	Open  byte     // the quote that the last word is in: ', ", or 0 for none
}

// Split reads a line up to the cursor. A word's ~/ at its beginning stands for HOME, and
// $NAME and ${NAME} for what env returns, as the shells have it; patterns stand for
// themselves. A quote may be open at the end, and a backslash there stands for nothing.
func (s Shell) Split(line string, env func(name string) string) (Line, error) {
	r := reader{shell: s, env: env, rest: line}
	var out Line
	for {
		r.rest = strings.TrimLeft(r.rest, " \t")
		raw := r.rest
		word, err := r.word()
		if err != nil {
			return Line{}, err
		}
		out.Words = append(out.Words, word)
		if r.rest == "" {
			out.Raw, out.Open = raw, r.open
			return out, nil
		}
	}
}

// A reader reads words from what is left of a line.
type reader struct {
	shell Shell
	env   func(string) string
	rest  string
	open  byte // the quote that the word is in
	out   strings.Builder
}

// word reads a word, up to the blank after it or the end.
func (r *reader) word() (string, error) {
	r.out.Reset()
	if after, ok := strings.CutPrefix(r.rest, "~"); ok && (after == "" || strings.IndexByte("/ \t", after[0]) >= 0) {
		r.out.WriteString(r.env("HOME"))
		r.rest = after
	}
	for r.rest != "" {
		c := r.rest[0]
		if r.open == 0 && (c == ' ' || c == '\t') {
			break
		}
		if err := r.character(c); err != nil {
			return "", err
		}
	}
	return r.out.String(), nil
}

func (r *reader) character(c byte) error {
	switch {
	case c == r.open:
		r.open = 0
	case c == '\\' && (r.open != '\'' || r.shell == Fish):
		r.rest = r.rest[1:]
		return r.escape()
	case r.open == '\'':
		r.out.WriteByte(c)
	case c == '$':
		return r.variable()
	case c == '`' && r.shell != Fish, r.open == 0 && strings.IndexByte(";|&<>()\n", c) >= 0:
		return ErrUnknowable
	case r.open == 0 && (c == '\'' || c == '"'):
		r.open = c
	default:
		r.out.WriteByte(c)
	}
	r.rest = r.rest[1:]
	return nil
}

// escape reads what follows a backslash.
func (r *reader) escape() error {
	if r.rest == "" {
		return nil
	}
	c := r.rest[0]
	switch {
	case c == '\n' && r.open != '\'':
		r.rest = r.rest[1:]
		return nil
	case r.open != 0 && strings.IndexByte(r.quoted(), c) < 0:
		r.out.WriteByte('\\') // which stands for itself here
		return nil
	case r.open == 0 && r.shell == Fish && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'X' || c == 'U'):
		return ErrUnknowable // a character by its number or name
	}
	r.out.WriteByte(c)
	r.rest = r.rest[1:]
	return nil
}

// quoted returns what a backslash takes the meaning of, in the open quote.
func (r *reader) quoted() string {
	switch {
	case r.open == '\'':
		return `'\`
	case r.shell == Fish:
		return `"\$`
	}
	return "\"\\$`"
}

// variable reads $NAME or ${NAME}. A $ before anything else that is not of a shell's
// stands for itself.
func (r *reader) variable() error {
	rest := r.rest[1:]
	braced := strings.HasPrefix(rest, "{")
	if braced {
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && isName(rest[n], n == 0) {
		n++
	}
	name := rest[:n]
	rest = rest[n:]
	switch {
	case braced && (name == "" || r.shell == Fish || !strings.HasPrefix(rest, "}")):
		return ErrUnknowable
	case braced:
		rest = rest[1:]
	case name == "" && rest != "" && rest[0] != ' ' && !(rest[0] == '"' && r.open == '"'):
		return ErrUnknowable // $(, $', $1, $? and such
	case name == "":
		r.out.WriteByte('$')
	}
	if strings.HasPrefix(rest, "[") && name != "" && r.shell != Bash {
		return ErrUnknowable
	}
	if name != "" {
		r.out.WriteString(r.env(name))
	}
	r.rest = rest
	return nil
}

func isName(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && '0' <= c && c <= '9'
}

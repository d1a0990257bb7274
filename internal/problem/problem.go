// Package problem tells what went wrong: as text, and as a short name that is the same
// whenever the same went wrong.
package problem

import (
	"crypto/sha256"
	"encoding/base32"
	"iter"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

// What is looked at of a text, in bytes, and what of it counts once all that differs
// from run to run is out of it.
const (
	most      = 1 << 10
	mostAlike = 400
)

// Text returns what a line says that went wrong: its message and, behind a colon, its
// first attribute named err or error, in a group or not, where the message does not have
// that already. Of both it is the first line.
func Text(message string, attrs iter.Seq2[string, string]) string {
	message = firstLine(message)
	for name, value := range attrs {
		if name = name[strings.LastIndexByte(name, '.')+1:]; name != "err" && name != "error" {
			continue
		}
		switch value = firstLine(value); {
		case value == "" || value == "<nil>":
			continue
		case message == "":
			return value
		case strings.Contains(message, value):
			return message
		}
		return message + ": " + value
	}
	return message
}

// Shorten returns a text in valid UTF-8, of at most so many bytes.
func Shorten(s string, most int) string {
	text := strings.ToValidUTF8(cut(s, most), "\uFFFD") // which may be longer
	if len(s) > most || len(text) > most {
		text = cut(text, most-len("…")) + "…"
	}
	return text
}

// Own returns what counts of the text of a caller, as [Path.Under] takes it, without the memory
// that the text is in.
func Own(text string) string { return strings.ToValidUTF8(strings.Clone(firstLine(text)), "\uFFFD") }

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	for _, end := range "\r\n" {
		if n := strings.IndexByte(s, byte(end)); n >= 0 {
			s = s[:n]
		}
	}
	return cut(s, most)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// A Path tells a line and the callers above it, without what differs from run to run. Its
// zero value is that of no line.
type Path [8]byte

// Under returns the path of a line that stands under others.
func (p Path) Under(text string) Path {
	hash := sha256.New()
	hash.Write(p[:])
	hash.Write([]byte(cut(normal.Problem(firstLine(text)), mostAlike)))
	var sum [sha256.Size]byte
	hash.Sum(sum[:0])
	return Path(sum[:len(p)])
}

// idLength is how many letters and digits name a problem: 50 bits, so that of a hundred
// thousand no two are likely to have one name.
const idLength = 10

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID names what went wrong in stories of a kind.
func (p Path) ID(kind string) string {
	sum := sha256.Sum256(append(p[:], kind...))
	return encoding.EncodeToString(sum[:])[:idLength]
}

// IsCaller reports whether lines of a level count as callers. Quieter ones do not: whether
// they are there depends on how a program is run.
func IsCaller(level slog.Level) bool { return level >= slog.LevelInfo }

// Above returns the path of the callers of line i, of lines whose parents are known by
// index, -1 being none.
func Above(i int, parents []int, caller func(i int) (level slog.Level, message string)) Path {
	var messages []string // from the line upwards
	for i = parents[i]; i >= 0; i = parents[i] {
		if level, message := caller(i); IsCaller(level) {
			messages = append(messages, message)
		}
	}
	var path Path
	for n := len(messages) - 1; n >= 0; n-- {
		path = path.Under(messages[n])
	}
	return path
}

package story

import (
	"errors"
	"fmt"
	"strings"
)

// A Key says what a story is about: the kind of object and which one.
// It is written kind_id, as in user_42, and is the partition key in a store.
type Key struct {
	Kind string // of the letters a-z, digits and '-'
	ID   string // any bytes
}

// ErrBadKey is wrapped by the errors of [ParseKey].
var ErrBadKey = errors.New("story: not a key")

// NewKey returns the key of an object. In kind, upper-case ASCII letters become
// lower-case, every other byte outside [a-z0-9-] becomes '-', and an empty kind
// becomes "-", so that the first '_' of a written key always ends its kind.
func NewKey(kind, id string) Key {
	return Key{Kind: cleanKind(kind), ID: id}
}

func cleanKind(kind string) string {
	if kind == "" {
		return "-"
	}
	for i := 0; i < len(kind); i++ {
		if !isKindByte(kind[i]) {
			return strings.Map(kindRune, toBytesAsRunes(kind))
		}
	}
	return kind
}

func isKindByte(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-'
}

// toBytesAsRunes widens every byte to a rune of its own, so that a character of
// several bytes becomes as many '-'.
func toBytesAsRunes(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func kindRune(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	case r < 0x80 && isKindByte(byte(r)):
		return r
	}
	return '-'
}

// ParseKey reads a key as [Key.String] writes it.
func ParseKey(s string) (Key, error) {
	kind, id, found := strings.Cut(s, "_")
	if !found || kind == "" || kind != cleanKind(kind) {
		return Key{}, fmt.Errorf("%w: %q: want kind_id, as in user_42, with a kind of a-z, 0-9 and '-'", ErrBadKey, s)
	}
	return Key{Kind: kind, ID: unescape(id)}, nil
}

// String writes the key as kind_id. Control characters, invalid UTF-8 and
// backslashes in the id are escaped as in a story's text, so that the result is
// safe to print, and no two keys are written alike.
func (k Key) String() string {
	text := append(make([]byte, 0, 128), cleanKind(k.Kind)...)
	return string(appendEscaped(append(text, '_'), k.ID))
}

// IsZero reports whether k is the zero Key, which stands for "any" in a [Query].
func (k Key) IsZero() bool { return k == Key{} }

// Compare orders keys by their text, as [Key.String] writes it.
func (k Key) Compare(other Key) int { return strings.Compare(k.String(), other.String()) }

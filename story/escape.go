package story

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"
)

const hexDigits = "0123456789abcdef"

// mustEscape reports whether a character may not stand raw in a text: controls,
// the line separators of Unicode, and what changes the direction of a text.
func mustEscape(r rune) bool {
	switch {
	case r < 0x20 || r == 0x7f:
		return true
	case r < 0x80:
		return false
	case r < 0xa0: // C1
		return true
	case r == 0x061c || r == 0x200e || r == 0x200f: // bidirectional marks
		return true
	case 0x2028 <= r && r <= 0x202e: // line separators, bidirectional embeddings
		return true
	case 0x2066 <= r && r <= 0x2069: // bidirectional isolates
		return true
	}
	return r == 0xfeff
}

// isTame reports whether s holds printable ASCII only, and no backslash.
func isTame(s string) bool { return holdsOnly(s, highs) }

// isPrintable reports whether s holds printable ASCII only.
func isPrintable(s string) bool { return holdsOnly(s, 0) }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// holdsOnly reports whether s holds printable ASCII only, and no backslash unless backslash
// is 0. It looks at eight bytes at once: most text is tame, and looking at it took more than
// half of AppendText in a profile.
func holdsOnly(s string, backslash uint64) bool {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	if len(b) < 8 {
		for _, c := range b {
			if c < 0x20 || c > 0x7e || c == '\\' && backslash != 0 {
				return false
			}
		}
		return true
	}
	wild := wildBytes(binary.LittleEndian.Uint64(b[len(b)-8:]), backslash) // those before them may overlap
	for ; len(b) >= 8; b = b[8:] {
		wild |= wildBytes(binary.LittleEndian.Uint64(b), backslash)
	}
	return wild == 0
}

// wildBytes returns the high bits of those of eight bytes that are above 0x7e, below 0x20 or,
// as far as they are set in backslash, that.
func wildBytes(x, backslash uint64) uint64 {
	y := x ^ ones*'\\'
	return ((x+ones)|x|(x-ones*0x20)&^x)&highs | (y-ones)&^y&backslash
}

// needsEscape reports whether s holds anything but a backslash to escape.
func needsEscape(s string) bool {
	if isPrintable(s) {
		return false
	}
	for i := 0; i < len(s); {
		if b := s[i]; b < utf8.RuneSelf {
			if b < 0x20 || b == 0x7f {
				return true
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || mustEscape(r) {
			return true
		}
		i += size
	}
	return false
}

// appendEscaped appends s as one line without control characters.
func appendEscaped(dst []byte, s string) []byte { return appendEscapedKeeping(dst, s, false) }

// appendEscapedKeeping escapes s, but leaves tabs as they are if told to.
func appendEscapedKeeping(dst []byte, s string, tabs bool) []byte {
	if isTame(s) {
		return append(dst, s...)
	}
	start := 0 // of the bytes not appended yet
	for i := 0; i < len(s); {
		b := s[i]
		if b >= 0x20 && b < 0x7f && b != '\\' || b == '\t' && tabs {
			i++
			continue
		}
		r, size := rune(b), 1
		if b >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if !(r == utf8.RuneError && size == 1) && !mustEscape(r) {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, b, r, size)
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, b byte, r rune, size int) []byte {
	switch {
	case b == '\\':
		return append(dst, `\\`...)
	case b == '\r':
		return append(dst, `\r`...)
	case b == '\t':
		return append(dst, `\t`...)
	case size == 1:
		return append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&15])
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// Escape returns s with everything escaped that must not reach a terminal or a
// page raw: control characters, line separators, bidirectional controls, invalid
// UTF-8, and in such a string the backslash too. A newline becomes \x0a.
func Escape(s string) string {
	if !needsEscape(s) {
		return s
	}
	return string(appendEscaped(nil, s))
}

// unescape undoes appendEscaped. An escape that it does not know stands for itself.
func unescape(s string) string {
	next := strings.IndexByte(s, '\\')
	if next < 0 {
		return s
	}
	var out strings.Builder
	for next >= 0 {
		out.WriteString(s[:next])
		s = s[next:]
		n := unescapeOne(&out, s)
		s = s[n:]
		next = strings.IndexByte(s, '\\')
	}
	out.WriteString(s)
	return out.String()
}

// unescapeOne writes what the escape at the start of s means, and returns its length.
func unescapeOne(out *strings.Builder, s string) int {
	if len(s) >= 2 {
		switch s[1] {
		case '\\', ' ':
			out.WriteByte(s[1])
			return 2
		case 'r':
			out.WriteByte('\r')
			return 2
		case 't':
			out.WriteByte('\t')
			return 2
		case 'x':
			if v, ok := parseHex(s[2:], 2); ok {
				out.WriteByte(byte(v))
				return 4
			}
		case 'u':
			if v, ok := parseHex(s[2:], 4); ok && utf8.ValidRune(v) {
				out.WriteRune(v)
				return 6
			}
		}
	}
	out.WriteByte('\\')
	return 1
}

func parseHex(s string, digits int) (rune, bool) {
	if len(s) < digits {
		return 0, false
	}
	var v rune
	for i := range digits {
		d := strings.IndexByte(hexDigits, s[i])
		if d < 0 {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, true
}

package reading

import (
	"strings"
	"unicode/utf8"
)

// Normal returns s with what differs from run to run replaced: times by "TIME",
// durations by "DURATION" and ids by "ID". An id is a word of letters and digits
// mixed, of eight characters or more, or a number of five digits or more.
func Normal(s string) string { return normalise(s, false) }

// Shape returns s as Normal does, with every other number replaced by "N" too:
// lines of one shape were most likely logged by the same statement.
func Shape(s string) string { return normalise(s, true) }

func normalise(s string, numbers bool) string {
	if strings.IndexFunc(s, isDigit) < 0 && !mayBeHex(s) {
		return s
	}
	var out strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, isWordRune)
		if end < 0 {
			break
		}
		out.WriteString(s[:end])
		s = s[end:]
		if end = strings.IndexFunc(s, isNoWordRune); end < 0 {
			end = len(s)
		}
		end = len(strings.TrimRight(s[:end], ".:-+")) // of a sentence, not of a word
		if end == 0 {
			end = 1
		}
		out.WriteString(normalWord(s[:end], numbers))
		s = s[end:]
	}
	out.WriteString(s)
	return out.String()
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isHexLetter(r rune) bool { return 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F' }

func isLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == 'µ' || r == 'μ'
}

// isWordRune reports what words of times, durations, numbers and ids are made of.
func isWordRune(r rune) bool {
	return isDigit(r) || isLetter(r) || r == '.' || r == ':' || r == '-' || r == '+' || r == '_'
}

func isNoWordRune(r rune) bool { return !isWordRune(r) }

// mayBeHex reports whether s could hold an id without any digit.
func mayBeHex(s string) bool { return len(s) >= 32 && !strings.ContainsRune(s, ' ') }

func normalWord(word string, numbers bool) string {
	k := kindOf(word)
	switch {
	case k.digits == 0 && !(k.hex && utf8.RuneCountInString(word) == 32):
		return word
	case isTime(word, k):
		return "TIME"
	case isDuration(word):
		return "DURATION"
	case k.letters == 0 && k.marks == 0 && k.digits >= 5,
		k.letters > 0 && k.colons == 0 && k.dots == 0 && len(word) >= 8 && k.digits >= 2:
		return "ID"
	case !numbers:
		return word
	}
	return replaceNumbers(word)
}

// A kind counts what a word is made of.
type kind struct {
	digits, letters, marks, dots, colons, dashes int
	hex                                          bool // only hexadecimal digits
}

func kindOf(word string) kind {
	k := kind{hex: true}
	for _, r := range word {
		switch {
		case isDigit(r):
			k.digits++
		case isLetter(r):
			k.letters++
		default:
			k.marks++
		}
		switch r {
		case '.':
			k.dots++
		case ':':
			k.colons++
		case '-':
			k.dashes++
		}
		k.hex = k.hex && (isDigit(r) || isHexLetter(r))
	}
	return k
}

// isTime recognises dates and times of day: 2026-11-22, 16:41:41.407, and both
// joined by a T, with a zone.
func isTime(word string, k kind) bool {
	date := k.dashes >= 2 && len(word) >= 10 && word[4] == '-' && word[7] == '-' && isDigit(rune(word[0])) && isDigit(rune(word[8]))
	clock := k.colons >= 1 && k.letters == 0 && k.digits >= 4 && isDigit(rune(word[0]))
	return date && k.letters <= 4 || clock
}

// isDuration recognises what time.Duration prints, as 1m30.5s and 156µs.
func isDuration(word string) bool {
	units := 0
	for word != "" {
		rest := strings.TrimLeft(word, "0123456789.")
		if rest == word {
			return false
		}
		unit := strings.TrimLeftFunc(rest, isLetter)
		switch rest[:len(rest)-len(unit)] {
		case "ns", "us", "µs", "μs", "ms", "s", "m", "h":
		default:
			return false
		}
		units++
		word = unit
	}
	return units > 0
}

// replaceNumbers replaces each number, with its point, by N.
func replaceNumbers(word string) string {
	var out strings.Builder
	inside := false
	for i, r := range word {
		switch {
		case isDigit(r):
			if !inside {
				out.WriteByte('N')
			}
			inside = true
		case inside && r == '.' && i+1 < len(word) && isDigit(rune(word[i+1])):
		default:
			inside = false
			out.WriteRune(r)
		}
	}
	return out.String()
}

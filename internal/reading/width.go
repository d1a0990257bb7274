package reading

import (
	"strings"

	"github.com/rivo/uniseg"
)

// Width returns how many columns of a terminal a text takes that is safe to print.
func Width(s string) int {
	if isASCII(s) {
		return len(s)
	}
	return uniseg.StringWidth(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// CutWidth returns a text in at most so many columns, which ends with … where it was cut.
func CutWidth(s string, most int) string {
	switch {
	case most <= 0:
		return ""
	case Width(s) <= most:
		return s
	}
	head, _ := splitWidth(s, most-1)
	return strings.TrimRight(head, " ") + "…"
}

// PadWidth returns a text with blanks behind it, so that it takes so many columns.
func PadWidth(s string, width int) string {
	return s + strings.Repeat(" ", max(width-Width(s), 0))
}

// splitWidth splits a text behind what fits into so many columns.
func splitWidth(s string, most int) (head, rest string) {
	if isASCII(s) {
		most = min(max(most, 0), len(s))
		return s[:most], s[most:]
	}
	rest, state, width := s, -1, 0
	for rest != "" {
		_, after, columns, next := uniseg.FirstGraphemeClusterInString(rest, state)
		if width += columns; width > most {
			break
		}
		rest, state = after, next
	}
	return s[:len(s)-len(rest)], rest
}

package story

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Pieces cuts text into pieces that a [Part] can hold: after a line where it can,
// else between characters.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			size := len(text)
			if size > MaxPartText {
				size = MaxPartText
				if lf := strings.LastIndexByte(text[:size], '\n'); lf >= 0 {
					size = lf + 1
				} else {
					for size > MaxPartText-utf8.UTFMax && !utf8.RuneStart(text[size]) {
						size--
					}
				}
			}
			if !yield(text[:size]) {
				return
			}
			text = text[size:]
		}
	}
}

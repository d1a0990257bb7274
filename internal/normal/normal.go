// Package normal takes out of text what differs from run to run, so that what was logged
// by one statement compares as equal.
package normal

// Text returns s with what differs from run to run replaced: times by "TIME",
// durations by "DURATION" and ids by "ID".
//
// Times are dates and times of day in digits, together or alone, with their zone,
// and dates with the name of the month; durations are what [time.Duration] prints,
// and numbers before a unit. Ids are UUIDs, hexadecimal words of eight characters or
// more, numbers of five digits or more, and words of six characters or more in which
// letters and digits take turns; names such as utf8, base64, sha256, ed25519 or
// v1alpha1 are none.
func Text(s string) string {
	for {
		// What is replaced may have hidden what stands beside it: 0:00:00,000A0000.
		// Each round leaves fewer digits, so that there is a last one.
		next := normalise(s, ids)
		if next == s {
			return s
		}
		s = next
	}
}

// Shape returns s as Text does, but with "N" for ids, and for every other number
// too: lines of one shape were most likely logged by the same statement.
func Shape(s string) string { return normalise(s, numbers) }

// A style says what is replaced beside times and durations.
type style uint8

const (
	ids     style = iota // by "ID"
	numbers              // ids and all other numbers, by "N"
	words                // numbers, and words with other digits than at their end
)

func normalise(s string, as style) string {
	if !hasDigit(s) {
		return s
	}
	return string(appendNormal(make([]byte, 0, len(s)+16), s, as))
}

// AppendShape appends [Shape] of s.
func AppendShape(dst []byte, s string) []byte { return appendNormal(dst, s, numbers) }

// AppendText appends what one round of [Text] leaves of s, which is the same but for rare
// runs of numbers.
func AppendText(dst []byte, s string) []byte { return appendNormal(dst, s, ids) }

func appendNormal(dst []byte, s string, as style) []byte {
	copied := 0 // of s
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			continue
		}
		start := i // of the word that the digit is in
		for start > copied && isAlnum(s[start-1]) {
			start--
		}
		if from, end := namedDateAt(s, copied, start); end > 0 {
			dst = append(append(dst, s[copied:from]...), "TIME"...)
			i, copied = end-1, end
			continue
		}
		dst = append(dst, s[copied:start]...)
		dst, copied = appendWord(dst, s, scanWord(s, start), as)
		i = copied - 1
	}
	return append(dst, s[copied:]...)
}

// appendWord appends what stands for a word with a digit, and returns where in s
// to go on.
func appendWord(dst []byte, s string, w word, as style) ([]byte, int) {
	id := "N"
	if as == ids {
		id = "ID"
	}
	if isDigit(s[w.start]) {
		if end, isID := timeAt(s, w.start); end > 0 {
			if isID {
				return append(dst, id...), end
			}
			return append(dst, "TIME"...), end
		}
		if end := durationAt(s, w.start); end > 0 {
			return append(dst, "DURATION"...), end
		}
	}
	if end := uuidAt(s, w.start); end > 0 {
		return append(dst, id...), end
	}
	if w.digits == w.length() {
		end := numberEnd(s, w, as != ids)
		if as != ids || w.digits >= 9 || w.digits >= 5 && end == w.end {
			return append(dst, id...), end
		}
		return append(dst, s[w.start:end]...), end
	}
	if w.isID(s) {
		return append(dst, id...), w.end
	}
	return appendRuns(dst, s, w, as)
}

// A word is a run of letters and digits.
type word struct {
	start, end int
	digits     int
	runs       int // of letters only or digits only
	hex        bool
}

func (w word) length() int { return w.end - w.start }

func scanWord(s string, start int) word {
	w := word{start: start, hex: true}
	var before byte
	i := start
	for ; i < len(s); i++ {
		class := classes[s[i]]
		if class == 0 {
			break
		}
		if class == digit {
			w.digits++
		}
		if class&digit != before || i == start {
			w.runs++
		}
		before = class & digit
		w.hex = w.hex && class != letter
	}
	w.end = i
	return w
}

// isID reports whether a word of letters and digits looks made by chance.
func (w word) isID(s string) bool {
	if isHexNumber(s[w.start:w.end]) {
		return w.length() >= len("0x123456")
	}
	switch {
	case w.length() < 6 || w.digits < 2:
		return false
	case w.length() < 8: // a short hash, as 54185b0, and no name, as ed25519
		return w.hex && w.runs > 2 || w.runs > 4
	}
	return w.hex || w.runs > 4 || w.runs == 4 && (w.digits > 2 || w.length() >= 16)
}

func isHexNumber(s string) bool {
	if len(s) < 3 || s[0] != '0' || s[1] != 'x' && s[1] != 'X' {
		return false
	}
	for i := 2; i < len(s); i++ {
		if classes[s[i]] == letter {
			return false
		}
	}
	return true
}

// appendRuns replaces the numbers in a word that is no id.
func appendRuns(dst []byte, s string, w word, as style) ([]byte, int) {
	if as != ids && isHexNumber(s[w.start:w.end]) || as == words && (w.runs > 2 || isDigit(s[w.start])) {
		return append(dst, 'N'), w.end
	}
	for i := w.start; i < w.end; {
		end := i
		for end < w.end && isDigit(s[end]) {
			end++
		}
		switch {
		case end == i:
			dst = append(dst, s[i])
			end++
		case as != ids:
			dst = append(dst, 'N')
		case end-i >= 6: // no name has as many, ed25519 has five
			dst = append(dst, "ID"...)
		default:
			dst = append(dst, s[i:end]...)
		}
		i = end
	}
	if as != ids && isDigit(s[w.end-1]) { // the rest of a version
		return dst, fractionEnd(s, w.end)
	}
	return dst, w.end
}

// numberEnd returns the end of a number with points in it, as 3.5 or 10.0.0.1,
// or in groups of three digits where those count as one.
func numberEnd(s string, w word, groups bool) int {
	end := w.end
	for groups && w.digits <= 3 && end < len(s) && s[end] == ',' {
		next := scanWord(s, end+1)
		if next.digits != 3 || next.length() != 3 {
			break
		}
		end = next.end
	}
	return fractionEnd(s, end)
}

func fractionEnd(s string, end int) int {
	for end < len(s) && s[end] == '.' {
		next := scanWord(s, end+1)
		if next.digits == 0 || next.digits != next.length() {
			break
		}
		end = next.end
	}
	return end
}

func uuidAt(s string, i int) int {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s)-i < len(form) || s[i+8] != '-' {
		return 0
	}
	for j := range len(form) {
		b := s[i+j]
		if form[j] == '-' && b != '-' || form[j] == 'x' && classes[b]&(digit|hexLetter) == 0 {
			return 0
		}
	}
	return boundary(s, i+len(form))
}

// boundary returns end, or 0 where a word goes on there.
func boundary(s string, end int) int {
	if end < len(s) && isAlnum(s[end]) {
		return 0
	}
	return end
}

// inRange reports whether s is digits only, of a number from least to most.
func inRange(s string, least, most int) bool {
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n >= least && n <= most
}

// Classes of bytes; other ones separate words.
const (
	digit     = 1
	hexLetter = 2
	letter    = 4 // that is not hexadecimal
)

var classes = func() (classes [256]byte) {
	for b := byte('0'); b <= '9'; b++ {
		classes[b] = digit
	}
	for b := byte('a'); b <= 'z'; b++ {
		classes[b], classes[b-'a'+'A'] = letter, letter
	}
	for b := byte('a'); b <= 'f'; b++ {
		classes[b], classes[b-'a'+'A'] = hexLetter, hexLetter
	}
	return classes
}()

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isUpper(b byte) bool { return 'A' <= b && b <= 'Z' }

func isAlnum(b byte) bool { return classes[b] != 0 }

func hasDigit(s string) bool {
	for i := range len(s) {
		if isDigit(s[i]) {
			return true
		}
	}
	return false
}

package reading

import "strings"

// Normal returns s with what differs from run to run replaced: times by "TIME",
// durations by "DURATION" and ids by "ID".
//
// Times are dates and times of day in digits, together or alone, with their zone,
// and dates with the name of the month; durations are what [time.Duration] prints,
// and numbers before a unit. Ids are UUIDs, hexadecimal words of eight characters or
// more, numbers of five digits or more, and words of six characters or more in which
// letters and digits take turns; names such as utf8, base64, sha256, ed25519 or
// v1alpha1 are none.
func Normal(s string) string {
	for {
		// What is replaced may have hidden what stands beside it: 0:00:00,000A0000.
		// Each round leaves fewer digits, so that there is a last one.
		next := normalise(s, false)
		if next == s {
			return s
		}
		s = next
	}
}

// Shape returns s as Normal does, but with "N" for ids, and for every other number
// too: lines of one shape were most likely logged by the same statement.
func Shape(s string) string { return normalise(s, true) }

func normalise(s string, numbers bool) string {
	if !hasDigit(s) {
		return s
	}
	return string(appendNormal(make([]byte, 0, len(s)+16), s, numbers))
}

func appendShape(dst []byte, s string) []byte { return appendNormal(dst, s, true) }

func appendNormal(dst []byte, s string, numbers bool) []byte {
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
		dst, copied = appendWord(dst, s, scanWord(s, start), numbers)
		i = copied - 1
	}
	return append(dst, s[copied:]...)
}

// appendWord appends what stands for a word with a digit, and returns where in s
// to go on.
func appendWord(dst []byte, s string, w word, numbers bool) ([]byte, int) {
	id := "ID"
	if numbers {
		id = "N"
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
		end := numberEnd(s, w, numbers)
		if numbers || w.digits >= 9 || w.digits >= 5 && end == w.end {
			return append(dst, id...), end
		}
		return append(dst, s[w.start:end]...), end
	}
	if w.isID(s) {
		return append(dst, id...), w.end
	}
	return appendRuns(dst, s, w, numbers)
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
func appendRuns(dst []byte, s string, w word, numbers bool) ([]byte, int) {
	if numbers && isHexNumber(s[w.start:w.end]) {
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
		case numbers:
			dst = append(dst, 'N')
		case end-i >= 6: // no name has as many, ed25519 has five
			dst = append(dst, "ID"...)
		default:
			dst = append(dst, s[i:end]...)
		}
		i = end
	}
	if numbers && isDigit(s[w.end-1]) { // the rest of a version
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

// timeAt returns the end of the time that begins at i, or 0 where none does, and
// whether it is the first part of a story's id.
func timeAt(s string, i int) (end int, id bool) {
	date := dateAt(s, i)
	if date == 0 {
		return clockAt(s, i), false
	}
	if date < len(s) && (s[date] == 'T' || s[date] == ' ') {
		if clock := clockAt(s, date+1); clock > 0 {
			if id := storyIDEnd(s, clock); id > 0 {
				return id, true
			}
			return zoneNameEnd(s, clock), false
		}
	}
	return boundary(s, date), false
}

func dateAt(s string, i int) int {
	const form = "2006-01-02"
	if len(s)-i < len(form) || s[i+4] != '-' && s[i+4] != '/' || s[i+7] != s[i+4] {
		return 0
	}
	if !inRange(s[i:i+4], 0, 9999) || !inRange(s[i+5:i+7], 1, 12) || !inRange(s[i+8:i+10], 1, 31) {
		return 0
	}
	return i + len(form)
}

// clockAt returns the end of a time of day with its zone, as 16:41, 4:05PM or
// 16:41:41.407+01:00.
func clockAt(s string, i int) int {
	end := i + 1
	if end < len(s) && isDigit(s[end]) {
		end++
	}
	if end >= len(s) || s[end] != ':' {
		return 0
	}
	if !inRange(s[i:end], 0, 24) {
		return 0
	}
	if end = colonAnd(s, end, 59); end == 0 {
		return 0
	}
	withSeconds := false
	if seconds := colonAnd(s, end, 60); seconds > 0 {
		end, withSeconds = seconds, true
		if fraction := clockFraction(s, end); clockBoundary(s, zoneEnd(s, fraction)) > 0 {
			end = fraction
		}
	}
	if !clockMayBegin(s, i, withSeconds) {
		return 0
	}
	if zone := clockBoundary(s, zoneEnd(s, end)); zone > 0 {
		return zone
	}
	return clockBoundary(s, end)
}

// clockFraction returns the end of a fraction of a second, as .407 or ,407.
func clockFraction(s string, end int) int {
	if end+1 < len(s) && (s[end] == '.' || s[end] == ',') && isDigit(s[end+1]) {
		for end++; end < len(s) && isDigit(s[end]); end++ {
		}
	}
	return end
}

// clockMayBegin reports whether what stands before allows a time of day. An address
// or a place in a file has a colon there, but so has time:16:41:41.
func clockMayBegin(s string, i int, withSeconds bool) bool {
	if i < 2 {
		return true
	}
	switch s[i-1] {
	case ':':
		return withSeconds && 'a' <= s[i-2] && s[i-2] <= 'z'
	case '.':
		return !isAlnum(s[i-2])
	}
	return true
}

func clockBoundary(s string, end int) int {
	if end+1 < len(s) && s[end] == ':' && s[end+1] != ' ' {
		return 0
	}
	return boundary(s, end)
}

func colonAnd(s string, i, most int) int {
	if i+3 > len(s) || s[i] != ':' || !inRange(s[i+1:i+3], 0, most) {
		return 0
	}
	return i + 3
}

// zoneEnd returns the end of Z, AM, PM, +01:00 or +0100.
func zoneEnd(s string, i int) int {
	rest := s[i:]
	switch {
	case strings.HasPrefix(rest, "Z"):
		return i + 1
	case strings.HasPrefix(rest, "AM"), strings.HasPrefix(rest, "PM"):
		return i + 2
	case len(rest) < 5 || rest[0] != '+' && rest[0] != '-':
		return i
	}
	minutes := i + 3
	if s[minutes] == ':' {
		minutes++
	}
	if minutes+2 > len(s) || !inRange(s[i+1:i+3], 0, 24) || !inRange(s[minutes:minutes+2], 0, 59) {
		return i
	}
	return minutes + 2
}

// zoneNameEnd returns the end of what [time.Time.String] prints after the time of
// day: " +0100 CET m=+0.012".
func zoneNameEnd(s string, i int) int {
	if i+1 >= len(s) || s[i] != ' ' || s[i+1] != '+' && s[i+1] != '-' {
		return i
	}
	end := boundary(s, zoneEnd(s, i+1))
	if end <= i+1 {
		return i
	}
	if end+1 < len(s) && s[end] == ' ' && isUpper(s[end+1]) {
		name := end + 1
		for name < len(s) && isUpper(s[name]) {
			name++
		}
		if name -= end + 1; name >= 3 && name <= 5 {
			end = max(end, boundary(s, end+1+name))
		}
	}
	if rest := s[end:]; strings.HasPrefix(rest, " m=+") || strings.HasPrefix(rest, " m=-") {
		if w := scanWord(s, end+4); w.digits > 0 && w.digits == w.length() {
			return fractionEnd(s, w.end)
		}
	}
	return end
}

// storyIDEnd returns the end of what a story's id has after its time.
func storyIDEnd(s string, i int) int {
	if i >= len(s) || s[i] != '-' || s[i-1] != 'Z' || s[i-len(".000000Z")] != '.' {
		return 0
	}
	w := scanWord(s, i+1)
	if w.length() != 6 {
		return 0
	}
	if w.end < len(s) && s[w.end] == '-' { // what a second handler adds
		if again := scanWord(s, w.end+1); again.digits > 0 && again.digits == again.length() {
			return again.end
		}
	}
	return w.end
}

// durationAt returns the end of the duration that begins at i, or 0 where none
// does: 1m30.5s, 156µs, 350 ms.
func durationAt(s string, i int) int {
	if i > 0 && (s[i-1] == '.' || s[i-1] == '_') {
		return 0
	}
	end := quantityEnd(s, i)
	if end < len(s) && s[end] == ' ' {
		end = unitEnd(s, end+1, "ns", "us", "µs", "μs", "ms", "milliseconds", "millisecond", "seconds", "second", "secs", "sec", "s")
		if end < len(s) && s[end] == '=' { // a name, as in "rows=5 ms=12"
			return 0
		}
		return durationBoundary(s, end)
	}
	for {
		end = unitEnd(s, end, "ns", "us", "µs", "μs", "ms", "s", "m", "h")
		if end == 0 || end == len(s) || !isDigit(s[end]) {
			return durationBoundary(s, end)
		}
		end = quantityEnd(s, end)
	}
}

func durationBoundary(s string, end int) int {
	if end < len(s) && s[end] == '_' {
		return 0
	}
	return boundary(s, end)
}

// quantityEnd returns the end of digits with at most one point in them.
func quantityEnd(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
		for i++; i < len(s) && isDigit(s[i]); i++ {
		}
	}
	return i
}

func unitEnd(s string, i int, units ...string) int {
	for _, unit := range units {
		if strings.HasPrefix(s[i:], unit) {
			return i + len(unit)
		}
	}
	return 0
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

package normal

import "strings"

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

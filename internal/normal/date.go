package normal

import "strings"

// namedDateAt returns the date with the name of its month whose day begins at i,
// and 0 as its end where there is none. It begins not before least:
//
//	25 Nov 2026 16:41:41 GMT, 25-Nov-2026, Nov 25 16:41:41 2026, November 25, 2026
//
// each with the day of the week before it or without.
func namedDateAt(s string, least, i int) (from, end int) {
	day := scanWord(s, i)
	if day.digits != day.length() || day.digits > 2 || !inRange(s[day.start:day.end], 1, 31) {
		return 0, 0
	}
	if end = monthAndYearEnd(s, day.end); end > 0 {
		return weekdayStart(s, least, i), end
	}
	if month := monthStart(s, least, i); month < i {
		if end = yearOrClockEnd(s, day.end); end > 0 {
			return weekdayStart(s, least, month), end
		}
	}
	return 0, 0
}

// monthAndYearEnd returns the end of " Nov 2026", with the time of day after it.
func monthAndYearEnd(s string, i int) int {
	if i >= len(s) || s[i] != ' ' && s[i] != '-' {
		return 0
	}
	between := s[i]
	month := scanWord(s, i+1)
	if !isMonth(s[month.start:month.end]) || month.end >= len(s) || s[month.end] != between {
		return 0
	}
	year := scanWord(s, month.end+1)
	if !isYear(s, year) {
		return 0
	}
	if clock := clockAfter(s, year.end); clock > 0 {
		return clock
	}
	return year.end
}

// yearOrClockEnd returns the end of what must stand behind "Nov 25" for it to be a
// date: ", 2026", " 16:41:41" or " 16:41:41 CET 2026".
func yearOrClockEnd(s string, i int) int {
	if clock := clockAfter(s, i); clock > 0 {
		if year := scanWord(s, clock+1); clock < len(s) && s[clock] == ' ' && isYear(s, year) {
			return year.end
		}
		return clock
	}
	rest := strings.TrimPrefix(s[i:], ",")
	if !strings.HasPrefix(rest, " ") {
		return 0
	}
	year := scanWord(s, len(s)-len(rest)+1)
	if !isYear(s, year) {
		return 0
	}
	if clock := clockAfter(s, year.end); clock > 0 {
		return clock
	}
	return year.end
}

// clockAfter returns the end of a space and a time of day with its zone, or 0.
func clockAfter(s string, i int) int {
	if i+1 >= len(s) || s[i] != ' ' || !isDigit(s[i+1]) {
		return 0
	}
	end := clockAt(s, i+1)
	if end == 0 {
		return 0
	}
	if name := scanWord(s, end+1); end < len(s) && s[end] == ' ' && isZoneName(s[name.start:name.end]) {
		return name.end
	}
	return zoneNameEnd(s, end)
}

func isZoneName(s string) bool {
	for i := range len(s) {
		if !isUpper(s[i]) {
			return false
		}
	}
	return len(s) >= 3 && len(s) <= 5
}

func isYear(s string, w word) bool {
	return w.length() == 4 && inRange(s[w.start:w.end], 1000, 9999)
}

// monthStart returns where the month before the day at i begins, or i.
func monthStart(s string, least, i int) int {
	end := i
	for end > least && i-end < 2 && s[end-1] == ' ' { // time.ANSIC pads the day
		end--
	}
	start := wordStart(s, least, end)
	if end < i && isMonth(s[start:end]) {
		return start
	}
	return i
}

// weekdayStart returns where the day of the week before a date at i begins, or i.
func weekdayStart(s string, least, i int) int {
	before := strings.TrimSuffix(s[least:i], " ")
	if len(before) == i-least {
		return i
	}
	end := least + len(strings.TrimSuffix(before, ","))
	start := wordStart(s, least, end)
	if isNameOf(s[start:end], weekdays) {
		return start
	}
	return i
}

func wordStart(s string, least, end int) int {
	for end > least && isAlnum(s[end-1]) {
		end--
	}
	return end
}

func isMonth(s string) bool { return isNameOf(s, months) }

// isNameOf reports whether s is one of the names, or the first three letters of one.
func isNameOf(s string, names []string) bool {
	for _, name := range names {
		if s == name || s == name[:3] {
			return true
		}
	}
	return false
}

var (
	months = []string{"January", "February", "March", "April", "May", "June", "July", "August",
		"September", "October", "November", "December"}
	weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

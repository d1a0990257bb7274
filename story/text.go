package story

import (
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxPad is the deepest indent that is written as spaces; deeper ones only as a number.
const maxPad = 24

// Format writes lines as the text that is stored: a head of time and level, the
// message indented by two spaces a depth, then the attributes. Everything that
// could end a line early, forge one or reach a terminal is escaped, so that
// [Parse] gives the same lines back, with their offsets cut to milliseconds.
//
//	+0.000 I POST /order
//	+0.000 D           token accepted	kid=abc
//	+0.000 I<0             creating order	user=42
//
// A level is D, I, W or E, with the distance for those between (I+2). "&1" says
// in which lane a line is, ">30" that it is deeper than 24, "<0" that its parent
// is at depth 0 though the indent looks otherwise, and "<" that it has none.
func Format(lines []Line) string {
	var text []byte
	for _, line := range lines {
		text = line.AppendText(text)
	}
	return string(text)
}

// AppendText appends the line's text, as [Format] writes it, to dst.
func (l Line) AppendText(dst []byte) []byte {
	dst = appendOffset(dst, l.Offset)
	dst = append(dst, ' ')
	dst = appendLevel(dst, l.Level)
	if l.Lane > 0 {
		dst = append(dst, '&')
		dst = strconv.AppendInt(dst, int64(l.Lane), 10)
	}
	depth := max(l.Depth, 0)
	start := len(dst)
	dst = appendPlace(dst, depth, l.Up)
	pad := max(2*min(depth, maxPad)-(len(dst)-start), 0)
	dst = append(dst, ' ')
	dst = appendSpaces(dst, pad)

	first, further, hasFurther := l.Message, "", false
	tame := isTame(first)
	if !tame {
		first, further, hasFurther = strings.Cut(first, "\n")
	}
	if strings.HasPrefix(first, " ") {
		dst = append(dst, '\\')
	}
	if tame {
		dst = append(dst, first...)
	} else {
		dst = appendEscaped(dst, first)
	}
	switch {
	case l.Attrs == "":
	case needsEscape(l.Attrs):
		dst = append(dst, "\t\t"...)
		dst = appendEscaped(dst, l.Attrs)
	default:
		dst = append(dst, '\t')
		dst = append(dst, l.Attrs...)
	}
	dst = append(dst, '\n')

	column := len("+0.000 I ") + 2*min(depth, maxPad)
	for hasFurther {
		var next string
		next, further, hasFurther = strings.Cut(further, "\n")
		dst = appendSpaces(dst, column)
		dst = append(dst, '|')
		if next != "" {
			dst = append(dst, ' ')
			dst = appendEscapedKeeping(dst, next, true)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// What the text of a line takes at most beside its message and attributes, in bytes.
const (
	maxHead    = len("-9223372036.854 D-9223372036854775804&9223372036854775807 ") + 2*maxPad + len(`\`) + len("\t\t\n")
	maxFurther = len("+0.000 I ") + 2*maxPad + len("| \n") // a further line of a message, with the newline before it
	maxEscape  = len(`\xff`)                               // of one byte; a character of two bytes or three takes six
)

// LineBound returns how many bytes [Format] makes at most of a line with this message and
// these attributes, wherever the line stands.
func LineBound(message, attrs string) int {
	return maxHead + strings.Count(message, "\n")*maxFurther + escapeBound(message) + escapeBound(attrs)
}

// escapeBound returns how many bytes appendEscaped makes at most of s.
func escapeBound(s string) int {
	if isTame(s) {
		return len(s)
	}
	size := len(s)
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '\\' {
			size += maxEscape - 1
		}
	}
	return size
}

func appendOffset(dst []byte, offset time.Duration) []byte {
	ms := offset.Milliseconds()
	if 0 <= ms && ms < 10_000 { // as most are
		return append(dst, '+', byte('0'+ms/1000), '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	sign := byte('+')
	if ms < 0 {
		sign, ms = '-', -ms
	}
	dst = append(dst, sign)
	dst = strconv.AppendInt(dst, ms/1000, 10)
	ms %= 1000
	return append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

func appendLevel(dst []byte, level slog.Level) []byte {
	letter, base := byte('D'), slog.LevelDebug
	switch {
	case level >= slog.LevelError:
		letter, base = 'E', slog.LevelError
	case level >= slog.LevelWarn:
		letter, base = 'W', slog.LevelWarn
	case level >= slog.LevelInfo:
		letter, base = 'I', slog.LevelInfo
	}
	dst = append(dst, letter)
	if level > base {
		dst = append(dst, '+')
	}
	if level != base {
		dst = strconv.AppendInt(dst, int64(level-base), 10)
	}
	return dst
}

// appendPlace writes what the indent does not tell: a depth beyond the widest
// pad, and a parent that is not the one that the indent implies.
func appendPlace(dst []byte, depth, up int) []byte {
	if depth > maxPad {
		dst = append(dst, '>')
		dst = strconv.AppendInt(dst, int64(depth), 10)
	}
	if up <= 0 {
		return dst
	}
	dst = append(dst, '<')
	if up <= depth {
		dst = strconv.AppendInt(dst, int64(depth-up), 10)
	}
	return dst
}

func appendSpaces(dst []byte, n int) []byte {
	const spaces = "                                                        "
	for n > len(spaces) {
		dst = append(dst, spaces...)
		n -= len(spaces)
	}
	return append(dst, spaces[:n]...)
}

// Parse reads the text of a story. It accepts any bytes: what [Format] did not
// write becomes lines of level Info with the bytes as their message, at the
// offset of the line before.
func Parse(text string) []Line {
	lines, _ := parse(text, math.MaxInt)
	return lines
}

// parse reads at most so many lines, and returns the text of the others.
func parse(text string, most int) (lines []Line, rest string) {
	if text != "" {
		lines = make([]Line, 0, min(1+strings.Count(text, "\n+"), most))
	}
	var message []byte // of the last line, where it has several
	var several bool
	flush := func() {
		if several {
			lines[len(lines)-1].Message = string(message)
			several = false
		}
	}
	for len(text) > 0 {
		raw, after, _ := strings.Cut(text, "\n")
		if piece, ok := parseFurther(raw); ok && len(lines) > 0 {
			if !several {
				message, several = append(message[:0], lines[len(lines)-1].Message...), true
			}
			message = append(append(message, '\n'), piece...)
			text = after
			continue
		}
		flush()
		if len(lines) == most {
			return lines, text
		}
		lines = append(lines, Line{})
		last := len(lines) - 1
		if line := &lines[last]; !line.parse(raw) {
			*line = Line{Message: raw}
			if last > 0 {
				line.Offset = lines[last-1].Offset
			}
		}
		text = after
	}
	flush()
	return lines, ""
}

// parseFurther reads a further line of a message.
func parseFurther(raw string) (piece string, ok bool) {
	raw, ok = strings.CutPrefix(strings.TrimLeft(raw, " "), "|")
	if !ok {
		return "", false
	}
	if raw == "" {
		return "", true
	}
	piece, ok = strings.CutPrefix(raw, " ")
	return unescape(piece), ok
}

// parse reads a line but for the further ones of its message.
func (l *Line) parse(raw string) (ok bool) {
	offset, rest, ok := cutBlank(raw)
	if !ok {
		return false
	}
	if l.Offset, ok = parseOffset(offset); !ok {
		return false
	}
	head, rest, ok := cutBlank(rest)
	if !ok {
		return false
	}
	body := strings.TrimLeft(rest, " ")
	if !l.parseHead(head, len(rest)-len(body)) {
		return false
	}
	first, attrs, hasAttrs := strings.Cut(body, "\t")
	l.Message = unescape(first)
	if hasAttrs {
		if escaped, ok := strings.CutPrefix(attrs, "\t"); ok {
			l.Attrs = unescape(escaped)
		} else {
			l.Attrs = attrs
		}
	}
	return true
}

// cutBlank cuts a text at its first blank, which is near.
func cutBlank(s string) (before, after string, found bool) {
	for i := range len(s) {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func parseOffset(s string) (time.Duration, bool) {
	if len(s) < len("+0.000") || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	point := len(s) - 4
	if s[point] != '.' {
		return 0, false
	}
	const most = math.MaxInt64 / int64(time.Second)
	seconds, ms := int64(0), int64(0)
	for i := 1; i < point; i++ {
		if seconds = 10*seconds + int64(s[i]-'0'); !isDigit(s[i]) || seconds >= most {
			return 0, false
		}
	}
	for i := point + 1; i < len(s); i++ {
		if ms = 10*ms + int64(s[i]-'0'); !isDigit(s[i]) {
			return 0, false
		}
	}
	offset := time.Duration(seconds)*time.Second + time.Duration(ms)*time.Millisecond
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// parseNumber reads a number of digits only.
func parseNumber(s string) (int, bool) {
	if s == "" || !isDigit(s[0]) {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseHead reads the level, the lane and the place; pad is the number of spaces
// that stand for the indent.
func (l *Line) parseHead(head string, pad int) bool {
	end := len(head)
	if len(head) > 1 {
		if place := strings.IndexAny(head, "&><"); place >= 0 {
			end = place
		}
	}
	level, ok := parseLevel(head[:end])
	if !ok {
		return false
	}
	l.Level = level
	rest := head[end:]
	if after, ok := strings.CutPrefix(rest, "&"); ok {
		digits := leadingDigits(after)
		if l.Lane, ok = parseNumber(after[:digits]); !ok || l.Lane == 0 {
			return false
		}
		rest = after[digits:]
	}
	l.Depth = (pad + len(rest)) / 2
	if after, ok := strings.CutPrefix(rest, ">"); ok {
		digits := leadingDigits(after)
		if l.Depth, ok = parseNumber(after[:digits]); !ok {
			return false
		}
		rest = after[digits:]
	}
	parent, ok := strings.CutPrefix(rest, "<")
	if !ok {
		return rest == ""
	}
	if parent == "" {
		l.Up = l.Depth + 1
		return true
	}
	depth, ok := parseNumber(parent)
	l.Up = l.Depth - depth
	return ok && l.Up > 0
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func parseLevel(s string) (slog.Level, bool) {
	if s == "" {
		return 0, false
	}
	var base slog.Level
	switch s[0] {
	case 'D':
		base = slog.LevelDebug
	case 'I':
		base = slog.LevelInfo
	case 'W':
		base = slog.LevelWarn
	case 'E':
		base = slog.LevelError
	default:
		return 0, false
	}
	if len(s) == 1 {
		return base, true
	}
	if s[1] != '+' && s[1] != '-' {
		return 0, false
	}
	distance, err := strconv.Atoi(s[1:])
	if err != nil {
		return 0, false
	}
	level := base + slog.Level(distance)
	return level, (level > base) == (distance > 0)
}

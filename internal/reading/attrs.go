package reading

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

// An AttrText is an attribute as it is written, so that where a value ends is seen.
type AttrText struct {
	Name  string // quoted if need be; empty where the text is no name=value
	Text  string // of the value, quoted if need be
	Value string // unquoted
}

// MostAttrs is how many attributes of a line are told apart. No program writes as many.
const MostAttrs = 10_000

// AttrTexts returns the attributes that a line's text holds, in their order. No
// word of the text is left out, but behind [MostAttrs]: the last then says how much.
func AttrTexts(attrs string) iter.Seq[AttrText] {
	return func(yield func(AttrText) bool) {
		n := 0
		for rest := attrs; ; {
			for rest != "" && rest[0] == ' ' {
				rest = rest[1:]
			}
			if rest == "" {
				return
			}
			if n++; n > MostAttrs {
				left := moreAttrs(rest)
				yield(AttrText{Text: left, Value: left})
				return
			}
			var a AttrText
			a, rest = cutAttr(rest)
			if !yield(a) {
				return
			}
		}
	}
}

func moreAttrs(rest string) string {
	return fmt.Sprintf("… (%d bytes of further attributes)", len(rest))
}

func cutAttr(s string) (a AttrText, rest string) {
	end := tokenEnd(s, '=')
	if end == 0 || end == len(s) || s[end] != '=' {
		end = max(end, 1)
		if more := tokenEnd(s[end:], ' '); s[end-1] == '=' {
			end += more
		}
		return AttrText{Text: s[:end], Value: s[:end]}, s[end:]
	}
	a.Name = s[:end]
	s = s[end+1:]
	end = tokenEnd(s, ' ')
	a.Text, a.Value = s[:end], unquoted(s[:end])
	return a, s[end:]
}

// tokenEnd returns the end of a quoted string, or of what comes before a blank or another
// byte.
func tokenEnd(s string, stop byte) int {
	if strings.HasPrefix(s, `"`) {
		if quoted, err := strconv.QuotedPrefix(s); err == nil {
			return len(quoted)
		}
	}
	for i := range len(s) {
		if s[i] == ' ' || s[i] == stop {
			return i
		}
	}
	return len(s)
}

func unquoted(s string) string {
	if strings.HasPrefix(s, `"`) {
		if value, err := strconv.Unquote(s); err == nil {
			return value
		}
	}
	return s
}

// Shown returns the value as it is shown: unquoted, where it is seen all the same where it
// ends. Its newlines are left to who shows it.
func (a AttrText) Shown() string {
	if !strings.HasPrefix(a.Text, `"`) || a.Value == "" || strings.Contains(a.Value, attrGap) ||
		strings.HasPrefix(a.Value, " ") || strings.HasSuffix(a.Value, " ") || strings.HasPrefix(a.Value, `"`) {
		return a.Text
	}
	return a.Value
}

// attrGap stands between attributes, and in no value that is shown unquoted.
const attrGap = "  "

// AttrsText returns a line's attributes as they are shown in one row, not escaped yet.
func AttrsText(attrs string) string {
	var text strings.Builder
	for a := range AttrTexts(attrs) {
		if text.Len() > 0 {
			text.WriteString(attrGap)
		}
		if a.Name != "" {
			text.WriteString(a.Name + "=")
		}
		text.WriteString(a.Shown())
	}
	return text.String()
}

// Took writes how long something took. What is stored is whole milliseconds.
func Took(d time.Duration) string {
	if d == 0 {
		return "<1ms"
	}
	return d.String()
}

// Brief writes how long something took with three digits, as a column of times has it.
func Brief(d time.Duration) string { return string(AppendBrief(nil, d)) }

// AppendBrief appends what [Brief] writes.
func AppendBrief(dst []byte, d time.Duration) []byte {
	switch {
	case d < time.Millisecond:
		return append(dst, "<1 ms"...)
	case d < time.Second:
		return append(strconv.AppendInt(dst, d.Milliseconds(), 10), " ms"...)
	case d < 10*time.Second:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 2, 64), " s"...)
	case d < time.Minute:
		return append(strconv.AppendFloat(dst, d.Seconds(), 'f', 1, 64), " s"...)
	case d < time.Hour:
		return fmt.Appendf(dst, "%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Appendf(dst, "%d h %02d m", int(d.Hours()), int(d.Minutes())%60)
}

// Ago writes how long before now a time was, in the largest unit: "23 min ago".
func Ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d < 0:
		return "to come"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

package sqlstory

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	longestQuery = 2000 // bytes of a line's message
	longestArg   = 100
	longestArgs  = 1000 // of all arguments
)

// message is a query on one line, without what stands in single quotes in it unless literals
// are wanted, so that one query is one message and no secret stands in it.
func message(text string, literals bool) string {
	var out strings.Builder
	out.Grow(min(len(text), longestQuery) + len("…"))
	for i := 0; i < len(text) && out.Len() < longestQuery; {
		end := tokenEnd(text, i)
		switch c := text[i]; {
		case isSpace(c):
			if out.Len() > 0 && end < len(text) {
				out.WriteByte(' ')
			}
		case c == '\'' && !literals:
			out.WriteString("'…'")
		case end-i == 1:
			out.WriteByte(c)
		default:
			writeOnOneLine(&out, text[i:end])
		}
		i = end
	}
	return cut(out.String(), longestQuery)
}

// writeOnOneLine writes a token that may have lines: a comment, a name, a literal.
func writeOnOneLine(out *strings.Builder, token string) {
	for i := range len(token) {
		if c := token[i]; isSpace(c) {
			out.WriteByte(' ')
		} else {
			out.WriteByte(c)
		}
	}
}

// tokenEnd returns where the token at i ends: spaces, something in quotes, a comment, or one
// byte of anything else.
func tokenEnd(text string, i int) int {
	rest := text[i:]
	switch c := text[i]; {
	case isSpace(c):
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		return i
	case c == '\'' && strings.Contains(rest, `\'`):
		// Whether a backslash quotes depends on the database: then all counts as quoted.
		return i + strings.LastIndexByte(rest, '\'') + 1
	case c == '\'' || c == '"' || c == '`':
		return endAfter(text, i+1, text[i:i+1])
	case strings.HasPrefix(rest, "--"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return i + end
		}
		return len(text)
	case strings.HasPrefix(rest, "/*"):
		return endAfter(text, i+2, "*/")
	}
	return i + 1
}

// endAfter returns where the next mark after i ends, or the end of the text.
func endAfter(text string, i int, mark string) int {
	if at := strings.Index(text[i:], mark); at >= 0 {
		return i + at + len(mark)
	}
	return len(text)
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// argsText writes arguments as "[7 alice @day=2026-11-27]".
func argsText(args []driver.NamedValue) string {
	if len(args) == 0 {
		return ""
	}
	text := []byte{'['}
	for i, arg := range args {
		if i > 0 {
			text = append(text, ' ')
		}
		if len(text) > longestArgs {
			text = append(text, "…"...)
			break
		}
		if arg.Name != "" {
			text = append(append(append(text, '@'), arg.Name...), '=')
		}
		text = append(text, argText(arg.Value)...)
	}
	return string(append(text, ']'))
}

func argText(value driver.Value) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(cut(v, longestArg))
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case nil:
		return "NULL"
	}
	return cut(fmt.Sprint(value), longestArg)
}

// cut cuts a text at a number of bytes, or just before, between two runes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

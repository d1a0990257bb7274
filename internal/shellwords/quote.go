package shellwords

import "strings"

// plain reports whether no shell reads a byte of a word as anything but itself.
func plain(c byte) bool {
	return isName(c, false) || c >= 0x80 || strings.IndexByte("%+,-./:=@", c) >= 0
}

// Quote writes a word, or the rest of one, so that bash reads it as it is, history and
// all: with backslashes, or to go on within an open quote, which stays open.
func Quote(word string, open byte) string {
	var out strings.Builder
	for i := range len(word) {
		c := word[i]
		switch {
		case open == '\'' && c == '\'':
			out.WriteString(`'\''`)
		case open == '\'':
			out.WriteByte(c)
		case open == '"' && c == '!': // a backslash would stay
			out.WriteString(`"\!"`)
		case open == '"' && strings.IndexByte("\"\\$`", c) >= 0, open == 0 && !plain(c) && c != '\n':
			out.WriteByte('\\')
			out.WriteByte(c)
		case open == 0 && c == '\n': // a backslash would take it away
			out.WriteString("'\n'")
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// QuoteLast is Quote for the end of a word that readline completes: it closes an open
// quote, unless what it inserted ends with one.
func QuoteLast(word string, open byte) string {
	quoted := Quote(word, open)
	switch {
	case open == '\'' && strings.HasSuffix(word, "'"):
		return quoted[:len(quoted)-1]
	case open == '"' && strings.HasSuffix(word, `"`):
		return quoted[:len(quoted)-2] + `"\"`
	case open == '"' && strings.HasSuffix(word, "!"):
		return quoted + `"`
	}
	return quoted
}

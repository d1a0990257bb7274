package story

import (
	"strings"
	"unicode"
)

// SearchTerm writes a term of a search from the name of a field, such as kind, and a value,
// whatever that holds. Where the name is empty it is a text.
func SearchTerm(field, value string) string {
	if field == "" {
		return quote(value)
	}
	return field + opHas + quotedValue(value)
}

// JoinSearch makes one search of the arguments of a command, whose quotes a shell has taken.
// Blanks within an argument belong to its value, so that each of these is one term:
// payment failed, http_GET /x, route=GET /x. They end a term where all that follows has
// an operator or a minus, as in kind:job level:warn, and where there are quotes.
func JoinSearch(args ...string) string {
	terms := make([]string, 0, len(args))
	for _, arg := range args {
		terms = append(terms, joinTerm(arg))
	}
	return strings.Join(terms, " ")
}

func joinTerm(arg string) string {
	first, err := scanTerm(arg, 0)
	if err != nil || strings.Contains(arg, `"`) {
		return arg
	}
	for at := first.end; ; {
		tok, err := scanTerm(arg, at)
		switch {
		case err != nil, tok.end > tok.at && tok.op == "" && !tok.not:
			return first.joined(strings.TrimSpace(arg))
		case tok.end == tok.at:
			return arg
		}
		at = tok.end
	}
}

// joined writes an argument that begins with a token as one term.
func (tok token) joined(arg string) string {
	minus := ""
	if tok.not {
		minus, arg = "-", strings.TrimLeftFunc(arg[1:], unicode.IsSpace)
	}
	if tok.op != "" {
		_, value, _ := strings.Cut(arg, tok.op)
		return minus + tok.name + tok.op + quotedValue(value)
	}
	if _, err := ParseKey(arg); err == nil {
		return minus + SearchTerm(subjectKey.String(), arg)
	}
	return minus + quote(arg)
}

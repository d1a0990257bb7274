package story

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A token is a term as it stands in a text.
type token struct {
	at, end int // in the text; equal where no term follows
	not     bool
	name    string // before the operator
	quoted  bool   // whether the name, or the value where there is none, began with a quote
	op      string // empty where there is none
	value   string
	empty   bool // whether nothing at all stands for the value
}

// scanTerm reads the term that begins behind the blanks at a place of a text.
func scanTerm(text string, at int) (tok token, err error) {
	at += len(text[at:]) - len(strings.TrimLeftFunc(text[at:], unicode.IsSpace))
	tok.at, tok.end = at, at
	if at == len(text) {
		return tok, nil
	}
	if text[at] == '-' {
		tok.not = true
		at++
	}
	tok.quoted = strings.HasPrefix(text[at:], `"`)
	begin := at
	var value strings.Builder
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case unicode.IsSpace(r):
			tok.end = at
			return tok.done(value.String(), at == begin)
		case r == '"':
			var piece string
			if piece, size = cutQuoted(text[at:]); size == 0 {
				tok.end = len(text)
				return tok, errors.New(`the quote has no end: close it with ", and write \" for a quote within`)
			}
			value.WriteString(piece)
		case tok.op == "":
			op, opSize := tok.cutOp(text[begin:at], text[at:])
			if op == "" {
				value.WriteString(text[at : at+size])
				break
			}
			tok.name, tok.op, size = value.String(), op, opSize
			value.Reset()
			begin = at + size
		default:
			value.WriteString(text[at : at+size])
		}
		at += size
	}
	tok.end = at
	return tok.done(value.String(), at == begin)
}

func (tok token) done(value string, empty bool) (token, error) {
	tok.value, tok.empty = value, empty
	if tok.op == "" && value == "" {
		return tok, errors.New("a word is missing here; text that begins with a minus stands in quotes")
	}
	return tok, nil
}

// cutQuoted reads what stands in quotes at the beginning of a text, and its length with
// them, which is 0 where they have no end.
func cutQuoted(text string) (piece string, size int) {
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return out.String(), i + 1
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			out.WriteByte(text[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", 0
}

// operators are in the order in which they are looked for.
var operators = []string{opUnequal, opAtMost, opAtLeast, opEqual, opLess, opMore, opHas}

// cutOp returns the operator that a text begins with, and its length, where a name stands
// before it, and "" elsewhere.
func (tok token) cutOp(before, text string) (op string, size int) {
	if tok.quoted {
		if _, size := cutQuoted(before); size != len(before) {
			return "", 0
		}
	} else if !isName(before) {
		return "", 0
	}
	for _, op := range operators {
		if !strings.HasPrefix(text, op) {
			continue
		}
		if op == opHas { // took:>1s is took>1s
			if strings.HasPrefix(text, "://") {
				return "", 0
			}
			for _, further := range operators[:len(operators)-1] {
				if strings.HasPrefix(text[1:], further) {
					return further, 1 + len(further)
				}
			}
		}
		return op, len(op)
	}
	return "", 0
}

// isName reports whether a text may stand before an operator without quotes: it begins
// with a letter and ends with a letter or digit, and has '_', '-' and '.' between.
func isName(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	var last rune
	for i, r := range s {
		letter := unicode.IsLetter(r)
		if i == 0 && !letter || !letter && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r) {
			return false
		}
		last = r
	}
	return unicode.IsLetter(last) || unicode.IsDigit(last)
}

// term returns what a token means.
func (tok token) term(now time.Time) (term, error) {
	t := term{not: tok.not, op: tok.op, value: tok.value}
	if tok.op == "" {
		return tok.word(t)
	}
	field, known := fieldOf(strings.ToLower(tok.name))
	if known && !tok.quoted {
		t.subject = field
		return t, t.read(now)
	}
	if !tok.quoted && tok.op == opHas {
		if near := nearField(strings.ToLower(tok.name)); near != "" {
			return t, fmt.Errorf("there is no %s; did you mean %s:%s? An attribute of that name is %s=%s",
				tok.name, near, shown(quotedValue(tok.value)), tok.name, shown(quotedValue(tok.value)))
		}
		if tok.empty { // as in "payment failed: timeout" without quotes
			t.value = tok.name + ":"
			return t.text(), nil
		}
	}
	switch {
	case tok.name == "":
		return t, errors.New(`the name of an attribute is missing before the operator`)
	case tok.empty:
		return t, fmt.Errorf(`a value is missing; the empty one is %s%s""`, shown(tok.name), tok.op)
	}
	t.subject, t.name = subjectAttr, tok.name
	if t.op == opHas {
		t.op = opEqual
	}
	return t, nil
}

// word returns the term of a token without an operator: an id, a key or a text.
func (tok token) word(t term) (term, error) {
	if tok.quoted {
		return t.text(), nil
	}
	if _, ok := IDTime(t.value); ok && len(t.value) > len(idTime) {
		t.subject, t.op = subjectID, opHas
		return t, nil
	}
	if key, err := ParseKey(t.value); err == nil {
		t.subject, t.op, t.key = subjectKey, opHas, key
		return t, nil
	}
	return t.text(), nil
}

func (t term) text() term {
	t.subject, t.op, t.lower = subjectText, opHas, strings.ToLower(t.value)
	return t
}

// nearField returns the field whose name was meant, perhaps, by one with a letter too
// much, too few, wrong, or two in the wrong order.
func nearField(name string) string {
	for _, field := range fieldNames {
		if len(field) >= 4 && isNear(name, field) {
			return field
		}
	}
	return ""
}

func isNear(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	same := 0
	for same < len(b) && a[same] == b[same] {
		same++
	}
	restA, restB := a[same:], b[same:]
	switch {
	case len(a) == len(b) && len(restA) > 0:
		swapped := len(restA) > 1 && restA[0] == restB[1] && restA[1] == restB[0] && restA[2:] == restB[2:]
		return swapped || restA[1:] == restB[1:]
	case len(a) == len(b)+1:
		return restA[1:] == restB
	}
	return false
}

// String writes the term so that it is read as the same.
func (t term) String() string {
	minus := ""
	if t.not {
		minus = "-"
	}
	switch t.subject {
	case subjectText:
		return minus + t.plainOr(quote(t.value))
	case subjectKey:
		return minus + t.plainOr("key:"+quotedValue(t.value))
	case subjectAttr:
		name := t.name
		if _, field := fieldOf(strings.ToLower(name)); field || !isName(name) {
			name = quote(name)
		}
		return minus + name + t.op + quotedValue(t.value)
	}
	op := t.op
	if t.subject == subjectLevel && op == opAtLeast {
		op = opHas
	}
	return minus + t.subject.String() + op + quotedValue(t.value)
}

// plainOr returns the term's value where that alone is read as the same, else the other.
func (t term) plainOr(other string) string {
	tok, err := scanTerm(t.value, 0)
	if err != nil || tok.end != len(t.value) || tok.at != 0 || tok.not || tok.quoted || tok.op != "" || tok.value != t.value {
		return other
	}
	if same, err := tok.word(term{value: t.value}); err != nil || same.subject != t.subject {
		return other
	}
	return t.value
}

// quotedValue writes a value as it stands behind an operator.
func quotedValue(value string) string {
	r, _ := utf8.DecodeRuneInString(value)
	if value == "" || strings.ContainsRune(`:=<>!/`, r) || strings.ContainsFunc(value, func(r rune) bool { return r == '"' || unicode.IsSpace(r) }) {
		return quote(value)
	}
	return value
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(text string) string { return `"` + quoter.Replace(text) + `"` }

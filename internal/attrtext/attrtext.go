// Package attrtext renders attributes as text: key=value pairs, quoted as
// slog.TextHandler quotes, with the names of groups before the key.
package attrtext

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// A ReplaceFunc is a ReplaceAttr, as of slog.HandlerOptions.
type ReplaceFunc = func(groups []string, a slog.Attr) slog.Attr

// A Writer renders attributes. Its zero value is ready for use.
type Writer struct {
	Text    []byte      // what is written so far
	Prefix  []byte      // names of the open groups, each with its dot
	Groups  []string    // the same, for Replace
	Replace ReplaceFunc // sees every attribute that is no group; nil for none
}

func (w *Writer) openGroup(name string) {
	w.Prefix = append(append(w.Prefix, name...), '.')
	if w.Replace != nil {
		w.Groups = append(w.Groups[:len(w.Groups):len(w.Groups)], name)
	}
}

// Rendered writes attributes that are text already.
func (w *Writer) Rendered(text string) { w.Text = AppendRendered(w.Text, text) }

// Attr writes one attribute, and nothing for one that is empty.
func (w *Writer) Attr(a slog.Attr) {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	if w.Replace != nil && a.Value.Kind() != slog.KindGroup {
		a = w.Replace(w.Groups, a)
		a.Value = a.Value.Resolve()
	}
	if a.Key == "" && a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() == slog.KindGroup {
		w.group(a.Key, a.Value.Group())
		return
	}
	if len(w.Text) > 0 {
		w.Text = append(w.Text, ' ')
	}
	start := len(w.Text)
	w.Text = append(append(w.Text, w.Prefix...), a.Key...)
	if name := w.Text[start:]; len(name) == 0 || slices.ContainsFunc(name, func(c byte) bool { return !plain[c] }) {
		w.Text = appendQuoted(w.Text[:start], string(name))
	}
	w.Text = appendValue(append(w.Text, '='), a.Value)
}

func (w *Writer) group(name string, attrs []slog.Attr) {
	prefix, groups := len(w.Prefix), w.Groups
	if name != "" {
		w.openGroup(name)
	}
	for _, a := range attrs {
		w.Attr(a)
	}
	w.Prefix, w.Groups = w.Prefix[:prefix], groups
}

// AppendRendered appends attributes that are text already.
func AppendRendered[T string | []byte](text []byte, attrs T) []byte {
	if len(attrs) == 0 {
		return text
	}
	if len(text) > 0 {
		text = append(text, ' ')
	}
	return append(text, attrs...)
}

// appendQuoted appends text, in quotes if it needs them.
func appendQuoted(text []byte, s string) []byte {
	if needsQuoting(s) {
		return strconv.AppendQuote(text, s)
	}
	return append(text, s...)
}

func appendValue(text []byte, v slog.Value) []byte {
	if text, ok := appendPlainValue(text, v); ok {
		return text
	}
	return appendQuoted(text, anyText(v.Any()))
}

// anyText renders a value of no kind of its own. A value whose methods panic is
// rendered as that, as slog's handlers do.
func anyText(value any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
				text = "<nil>"
				return
			}
			text = fmt.Sprintf("!PANIC: %v", r)
		}
	}()
	switch v := value.(type) {
	case *slog.Source:
		return v.File + ":" + strconv.Itoa(v.Line)
	case encoding.TextMarshaler:
		data, err := v.MarshalText()
		if err != nil {
			return "!ERROR:" + err.Error()
		}
		return string(data)
	}
	if v := reflect.ValueOf(value); v.IsValid() && v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return string(v.Bytes())
	}
	return fmt.Sprintf("%+v", value)
}

// plain tells the bytes that stand for themselves in a key or value.
var plain = func() (plain [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		plain[c] = c != '"' && c != '='
	}
	return plain
}()

// isPlain reports whether all of a key or value stands for itself.
func isPlain(s string) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return s != ""
}

// needsQuoting reports whether a key or value would not read back unquoted.
func needsQuoting(s string) bool {
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r < utf8.RuneSelf || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return true
		}
		i += size
	}
	return len(s) == 0
}

// ValueText renders the value of a header attribute, unquoted.
func ValueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindInt64:
		return strconv.FormatInt(v.Int64(), 10)
	case slog.KindAny:
		return anyText(v.Any())
	}
	return string(appendValue(nil, v))
}

package dynamoslog

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

type replaceFunc = func(groups []string, a slog.Attr) slog.Attr

// An attrWriter renders attributes as key=value pairs, quoted as slog.TextHandler
// quotes, with the names of groups before the key.
type attrWriter struct {
	text    []byte
	prefix  []byte   // names of the open groups, each with its dot
	groups  []string // the same, for replace
	replace replaceFunc
}

func (w *attrWriter) openGroup(name string) {
	w.prefix = append(append(w.prefix, name...), '.')
	if w.replace != nil {
		w.groups = append(w.groups[:len(w.groups):len(w.groups)], name)
	}
}

// rendered writes attributes that are text already.
func (w *attrWriter) rendered(text string) { w.text = appendRendered(w.text, text) }

// attr writes one attribute, and nothing for one that is empty.
func (w *attrWriter) attr(a slog.Attr) {
	if a.Value.Kind() == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
	}
	if w.replace != nil && a.Value.Kind() != slog.KindGroup {
		a = w.replace(w.groups, a)
		a.Value = a.Value.Resolve()
	}
	if a.Key == "" && a.Equal(slog.Attr{}) {
		return
	}
	if a.Value.Kind() == slog.KindGroup {
		w.group(a.Key, a.Value.Group())
		return
	}
	if len(w.text) > 0 {
		w.text = append(w.text, ' ')
	}
	w.text = append(appendQuoted(w.text, string(w.prefix)+a.Key), '=')
	w.text = appendValue(w.text, a.Value)
}

func (w *attrWriter) group(name string, attrs []slog.Attr) {
	prefix, groups := len(w.prefix), w.groups
	if name != "" {
		w.openGroup(name)
	}
	for _, a := range attrs {
		w.attr(a)
	}
	w.prefix, w.groups = w.prefix[:prefix], groups
}

// appendRendered appends attributes that are text already.
func appendRendered(text []byte, attrs string) []byte {
	if attrs == "" {
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

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// valueText renders the value of a header attribute, unquoted.
func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindString:
		return v.String()
	case slog.KindAny:
		return anyText(v.Any())
	}
	return string(appendValue(nil, v))
}

// Package ids keeps the ids of requests, traces and spans, as clients send them and as the
// program tells them: bounded, and with nothing in them that must not reach a terminal.
package ids

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// most is how long an id may be, in bytes.
const most = 128

// Clip returns at most so many bytes of a text, without half a character at the end.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// OfClient returns an id that a client sent, or "" if it is not plain.
func OfClient(id string) string {
	for i := range len(id) {
		b := id[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._:/=;-+@", b) >= 0) {
			return ""
		}
	}
	return Clip(id, most)
}

// TraceOfClient returns the trace id in a W3C traceparent or in AWS' X-Amzn-Trace-Id, or "".
func TraceOfClient(header func(name string) string) string {
	if fields := strings.Split(header("Traceparent"), "-"); len(fields) >= 4 {
		return OfClient(fields[1])
	}
	for field := range strings.SplitSeq(header("X-Amzn-Trace-Id"), ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(field), "Root="); ok {
			return OfClient(root)
		}
	}
	return ""
}

// Headers are what OfRequest asks for, as net/http writes them.
var Headers = [...]string{"X-Request-Id", "Traceparent", "X-Amzn-Trace-Id"}

// OfRequest returns the ids that a client has sent, as attributes: a trace's by its name,
// and the span of the call as parent_span.
// Called reports whether the client says that another service has made the call, and not
// only what it begins a trace with, as a load balancer does. Header may be nil.
func OfRequest(header func(name string) string, trace string) (attrs []slog.Attr, called bool) {
	if header == nil {
		return nil, false
	}
	if id := OfClient(header("X-Request-Id")); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	id := TraceOfClient(header)
	if id == "" {
		return attrs, false
	}
	called = header("Traceparent") != "" || strings.Contains(header("X-Amzn-Trace-Id"), "Parent=")
	attrs = append(attrs, slog.String(trace, id))
	if _, span, ok := ParseTraceparent(header("Traceparent")); ok {
		attrs = append(attrs, slog.String("parent_span", span))
	}
	return attrs, called
}

// Key makes a key that keeps nothing of the program's memory.
func Key(kind string, id any) story.Key {
	return story.NewKey(strings.Clone(kind), strings.Clone(text(id)))
}

// KeyText makes such a key as [story.Key.String] writes it.
func KeyText(kind string, id any) string { return story.NewKey(kind, text(id)).String() }

func text(id any) string {
	switch id := id.(type) {
	case nil:
		return ""
	case string:
		return id
	case int:
		return strconv.Itoa(id)
	}
	return fmt.Sprint(id)
}

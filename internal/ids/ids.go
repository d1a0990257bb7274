// Package ids keeps the ids of requests, traces and spans, as clients send them and as the
// program tells them: bounded, and with nothing in them that must not reach a terminal.
package ids

import "strings"

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

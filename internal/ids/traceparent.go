package ids

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Lengths of ids in a traceparent, in hexadecimal digits (W3C Trace Context).
const (
	traceDigits = 32
	spanDigits  = 16
)

// Traceparent returns the header that passes a trace on, as one that is recorded.
func Traceparent(trace, span string) string { return "00-" + trace + "-" + span + "-01" }

// ParseTraceparent returns the ids in such a header.
func ParseTraceparent(header string) (trace, span string, ok bool) {
	fields := strings.Split(header, "-")
	if len(fields) < 4 || !isID(fields[1], traceDigits) || !isID(fields[2], spanDigits) {
		return "", "", false
	}
	return fields[1], fields[2], true
}

// W3CTrace returns the id of a trace in the form of a traceparent, and false where it has
// none: that of AWS X-Ray, as in 1-67891233-abcdef012345678912345678, has one.
func W3CTrace(id string) (string, bool) {
	if rest, xray := strings.CutPrefix(id, "1-"); xray {
		id = strings.Replace(rest, "-", "", 1)
	}
	return id, isID(id, traceDigits)
}

// TraceName returns the id of a trace by which stories are listed under it: in the form of a
// traceparent, where it has one.
func TraceName(id string) string {
	if w3c, ok := W3CTrace(id); ok {
		return w3c
	}
	return id
}

// NewTraceID returns an id for a trace.
func NewTraceID() string { return random(traceDigits) }

// NewSpan returns an id for a span.
func NewSpan() string { return random(spanDigits) }

func random(digits int) string {
	id := make([]byte, digits/2)
	_, _ = rand.Read(id) // which never fails; all zeros, which stand for none, are as likely as two that are the same
	return hex.EncodeToString(id)
}

// isID reports whether an id has so many hexadecimal digits, and not only zeros.
func isID(id string, digits int) bool {
	return len(id) == digits && strings.Trim(id, "0123456789abcdef") == "" && strings.Trim(id, "0") != ""
}

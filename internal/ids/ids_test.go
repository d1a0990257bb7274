package ids_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/ids"
)

// FuzzOfClient holds that nothing of an id that a client sent is more or other than plain.
func FuzzOfClient(f *testing.F) {
	for _, id := range []string{"", "req-1", "aZ09+/==", "a b", "\x1b[31m", "é", strings.Repeat("a", 200)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got := ids.OfClient(id)
		if !strings.HasPrefix(id, got) || len(got) > 128 || strings.ContainsAny(got, "\x00\t\n\r \x1b\"<>&|") || got != "" && ids.OfClient(got) != got {
			t.Errorf("of %q: %q", id, got)
		}
		header := func(name string) string {
			if name == "Traceparent" {
				return id
			}
			return "Root=" + id
		}
		if trace := ids.TraceOfClient(header); len(trace) > 128 || ids.OfClient(trace) != trace {
			t.Errorf("of %q: the trace %q", id, trace)
		}
		told := ids.NewTrace(id, id)
		if len(told.ID) > 128 || !utf8.ValidString(told.ID) || strings.ContainsAny(told.ID, "\x00\t\n\r\x1b") || told.Span != told.ID {
			t.Errorf("of %q: %+v", id, told)
		}
	})
}

func TestTraceOfClient(t *testing.T) {
	for want, sent := range map[string]map[string]string{
		"0af7651916cd43dd8448eb211c80319c": {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Amzn-Trace-Id": "Root=1-2-3"},
		"1-2-3":                            {"X-Amzn-Trace-Id": "Self=1; Root=1-2-3;Sampled=1"},
		"":                                 {"Traceparent": "00-0af7", "X-Amzn-Trace-Id": "Self=1"},
	} {
		if got := ids.TraceOfClient(func(name string) string { return sent[name] }); got != want {
			t.Errorf("of %v: %q, want %q", sent, got, want)
		}
	}
}

func TestLast(t *testing.T) {
	last := ids.NewLast(ids.Trace{ID: "t1", Span: "a"})
	for i, step := range []struct {
		id, span       string
		newID, newSpan bool
	}{
		{"t1", "a", false, false}, {"t1", "b", false, true}, {"t1", "b", false, false}, {"", "", false, false}, {"t1", "b", false, false},
		{"t2", "b", true, true}, {"t2", "", false, false}, {"t3", "", true, false}, {"t3", "c", false, true},
	} {
		if id, span := last.Enter(ids.NewTrace(step.id, step.span)); id != step.newID || span != step.newSpan {
			t.Errorf("%d: got %t, %t", i, id, span)
		}
	}
	if ids.NewTrace("0000", "00") != (ids.Trace{}) {
		t.Error("zeros are no trace")
	}
}

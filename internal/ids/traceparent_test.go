package ids_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/ids"
)

func TestTraceparent(t *testing.T) {
	trace, span := ids.NewTraceID(), ids.NewSpan()
	if gotTrace, gotSpan, ok := ids.ParseTraceparent(ids.Traceparent(trace, span)); !ok || gotTrace != trace || gotSpan != span {
		t.Errorf("of %s and %s: %s, %s, %v", trace, span, gotTrace, gotSpan, ok)
	}
	for _, header := range []string{
		"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-0af7-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319\x1b-b7ad6b7169203331-01",
	} {
		if trace, span, ok := ids.ParseTraceparent(header); ok || trace != "" || span != "" {
			t.Errorf("%q: %q, %q, %v", header, trace, span, ok)
		}
	}
}

func TestW3CTrace(t *testing.T) {
	for id, want := range map[string]string{
		"0af7651916cd43dd8448eb211c80319c":    "0af7651916cd43dd8448eb211c80319c",
		"1-67891233-abcdef012345678912345678": "67891233abcdef012345678912345678",
		"1-2-3":                               "",
		"order-93":                            "",
		"":                                    "",
	} {
		if got, ok := ids.W3CTrace(id); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v", id, got, ok)
		}
	}
}

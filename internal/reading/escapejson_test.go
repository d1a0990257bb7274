package reading_test

import (
	"encoding/json"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// JSON is the same with every version of Go, and holds nothing that a terminal acts on.
func TestEscapeJSON(t *testing.T) {
	for text, want := range map[string]string{
		"plain ä\n": `"plain ä\n"`, "\xff\xfe": `"\ufffd\ufffd"`, "\uFFFD": `"\ufffd"`,
		"\x7f\u0085\u009b": `"\u007f\u0085\u009b"`, "\u202e\u2066\ufeff": `"\u202e\u2066\ufeff"`, "\U000e0001": `"\udb40\udc01"`,
	} {
		encoded, err := json.Marshal(text)
		if got := string(reading.EscapeJSON(encoded)); err != nil || got != want {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
}

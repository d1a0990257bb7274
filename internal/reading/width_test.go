package reading_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "größe": 5, "日本": 4, "a✗b": 3, "👩‍👩‍👧 x": 4, "e\u0301": 1, "🇩🇪": 2, "ﾊﾝ": 2} {
		if got := reading.Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
		if got := reading.Width(reading.PadWidth(text, 7)); got != 7 {
			t.Errorf("%q is padded to %d columns", text, got)
		}
	}
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"abc", -1, ""}, {"ab cd", 4, "ab…"},
		{"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"日本語", 6, "日本語"}, {"👩‍👩‍👧👩‍👩‍👧", 3, "👩‍👩‍👧…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := reading.CutWidth(test.text, test.most); got != test.want {
			t.Errorf("%q in %d columns: got %q, want %q", test.text, test.most, got, test.want)
		}
	}
}

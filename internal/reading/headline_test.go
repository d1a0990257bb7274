package reading_test

import (
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestHeadline(t *testing.T) {
	for _, test := range []struct{ title, cause, want string }{
		{"POST /orders", "", "POST /orders"},
		{"POST /orders", "Payment failed: EOF", "POST /orders — Payment failed: EOF"},
		{"Payment failed", "Payment failed: EOF", "Payment failed — EOF"},
		{"Payment failed", "Payment failed", "Payment failed"},
		{"Pay", "Payment failed", "Pay — Payment failed"},
		{"", "Payment failed", "— Payment failed"},
		{"a\x1b[2J", "b\u202e\n", `a\x1b[2J — b\u202e` + story.Escape("\n")},
	} {
		if got := reading.Headline(story.Header{Title: test.title, Cause: test.cause}); got != test.want {
			t.Errorf("%q and %q: got %q, want %q", test.title, test.cause, got, test.want)
		}
	}
}

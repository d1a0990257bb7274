package problem_test

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/problem"
)

func pairs(list ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 1; i < len(list); i += 2 {
			if !yield(list[i-1], list[i]) {
				return
			}
		}
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		message string
		attrs   iter.Seq2[string, string]
		want    string
	}{
		{"Payment failed", pairs(), "Payment failed"},
		{"Payment failed", pairs("order", "93", "err", "no answer", "error", "other"), "Payment failed: no answer"},
		{"Payment failed", pairs("error", "no answer"), "Payment failed: no answer"},
		{"Payment failed", pairs("db.err", "no answer"), "Payment failed: no answer"},
		{"Payment failed", pairs("errors", "3", "err.code", "7", "stderr", "x"), "Payment failed"},
		{"Payment failed", pairs("err", "<nil>", "error", "no answer"), "Payment failed: no answer"},
		{"Payment failed: no answer", pairs("err", "no answer"), "Payment failed: no answer"},
		{"", pairs("err", "no answer"), "no answer"},
		{"panic: boom\n\ngoroutine 1", pairs(), "panic: boom"},
		{"\nfirst\r\nsecond", pairs("err", errors.Join(errors.New("a"), errors.New("b")).Error()), "first: a"},
		{"", pairs(), ""},
		{strings.Repeat("é", 1000), pairs(), strings.Repeat("é", 512)},
	} {
		if got := problem.Text(test.message, test.attrs); got != test.want {
			t.Errorf("Text(%q): got %q, want %q", test.message, got, test.want)
		}
	}
}

// The names of problems stand in stores: they are the same in every build and for ever.
func TestIDsStay(t *testing.T) {
	path := problem.Path{}.Under("POST /orders/93").Under("Payment failed: order 93: no answer")
	for kind, want := range map[string]string{"user": "jr5xeg3gh7", "http": "n3fmuicfa7"} {
		if got := path.ID(kind); got != want {
			t.Errorf("got %s for %s, want %s", got, kind, want)
		}
	}
}

func TestPath(t *testing.T) {
	of := func(texts ...string) (p problem.Path) {
		for _, text := range texts {
			p = p.Under(text)
		}
		return p
	}
	want := of("POST /orders/93", "Payment failed: order 93")
	long := strings.Repeat("order 93 ", 1000)
	for _, same := range [][]string{{"POST /orders/100042", "Payment failed: order 7"}, {"POST /orders/1\nsecond line", "Payment failed: order 8fwiop"}} {
		if of(same...) != want {
			t.Errorf("%q is another problem", same)
		}
	}
	for _, other := range [][]string{
		{"Payment failed: order 93"}, {"POST /orders/93", "Payment failed: user 93"}, {"GET /orders/93", "Payment failed: order 93"},
		{"POST /orders/93", "paying", "Payment failed: order 93"}, {"Payment failed: order 93", "POST /orders/93"}, {},
	} {
		if of(other...) == want {
			t.Errorf("%q is the same problem", other)
		}
	}
	if of(long+"a") != of(strings.ReplaceAll(long, "93", "100042")+"b") {
		t.Error("how long numbers are decides what counts of a long text")
	}
	if want.ID("user") == want.ID("http") {
		t.Error("the kind does not count")
	}
}

package normal_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

// What went wrong for one reason reads the same.
func TestProblemIsOneForAReason(t *testing.T) {
	for _, alike := range [][]string{
		{"Payment failed: order 93", "Payment failed: order 100042", "Payment failed: order 9x8k2m4q", "Payment failed: order 8fwiop"},
		{`charge: Post "https://pay.example/a/1": EOF`, `charge: Post "https://pay.example/b?x=\"2\"": EOF`, `charge: Post '': EOF`},
		{"no user bob@example.com.", "no user alice.b+c@mail.example.org."},
		{"dial tcp 10.0.0.1:5432: refused", "dial tcp 192.168.77.1:80: refused", "dial tcp [fe80::1%eth0]:443: refused", "dial tcp [2001:db8::17]:5432: refused"},
		{"host 2001:db8::17 is down", "host 10.0.0.1 is down", "host fe80::1 is down"},
		{"nil pointer at 0xc0000140a0", "nil pointer at 0x0"},
		{"job 550e8400-e29b-41d4-a716-446655440000 lost", "job 7 lost"},
		{"gone after 1m30.5s at 2026-11-22T16:41:41Z", "gone after 3s at 2026-11-23 10:00:00"},
		{"pod api-x2x9z", "pod api-7d4b9"},
		{`bad body "{\"a\": 1`, `bad body "another`},
	} {
		want := normal.Problem(alike[0])
		for _, s := range alike {
			if got := normal.Problem(s); got != want {
				t.Errorf("Problem(%q): got %q, want %q as of %q", s, got, want, alike[0])
			}
		}
	}
}

func TestProblemLeavesWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"can't open the user's file":     "can't open the user's file",
		"context deadline exceeded":      "context deadline exceeded",
		"std::bad_alloc, Foo::Bar, a: b": "std::bad_alloc, Foo::Bar, a: b",
		"utf8 and sha256":                "utfN and shaN",
		"say `x` or 'y' to it":           `say "" or "" to it`,
		"@here, a@b, user@: x":           "@here, a@b, user@: x",
		"Größe 12 of \"日本\"":             "Größe N of \"\"",
		"at order.go:42":                 "at order.go:N",
	} {
		if got := normal.Problem(in); got != want {
			t.Errorf("Problem(%q): got %q, want %q", in, got, want)
		}
	}
}

func FuzzProblem(f *testing.F) {
	for _, tt := range normalTests {
		f.Add(tt.in)
	}
	for _, s := range []string{`"`, `'`, `a"b\`, "[::1]:443", "[", "a@b.c", "::1.", "'a'b'", "x:@.]", "\xff\"1\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := normal.Problem(s)
		if strings.ContainsAny(got, "0123456789") {
			t.Errorf("Problem(%q): got %q, want no digit", s, got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Problem(%q): got %q, want valid UTF-8", s, got)
		}
		if got != normal.Problem(s) {
			t.Errorf("Problem(%q) is not always the same", s)
		}
	})
}

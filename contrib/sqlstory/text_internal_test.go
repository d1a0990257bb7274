package sqlstory

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMessage(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"\n\tSELECT 1\n":                  "SELECT 1",
		"SELECT a,\n       b\r\n  FROM t": "SELECT a, b FROM t",
		"WHERE name = 'alice' AND x = 1":  "WHERE name = '…' AND x = 1",
		"WHERE name = 'it''s' AND x = ''": "WHERE name = '…''…' AND x = '…'",
		`WHERE "it's" = 'a' AND b = 'c'`:  `WHERE "it's" = '…' AND b = '…'`,
		"WHERE `it's` = 'a'":              "WHERE `it's` = '…'",
		`WHERE a = 'it\'s' AND b = 'x'`:   "WHERE a = '…'",
		`WHERE a = 'C:\' AND b = 'x' + 1`: "WHERE a = '…' + 1",
		"-- don't\nSELECT 'a'":            "-- don't SELECT '…'",
		"SELECT /* don't\nask */ 'a'":     "SELECT /* don't ask */ '…'",
		"-- name: Get :one\nSELECT 1":     "-- name: Get :one SELECT 1",
		"SELECT 'a":                       "SELECT '…'",
		"SELECT a - b / c":                "SELECT a - b / c",
		"--":                              "--",
		"/*":                              "/*",
	} {
		if got := message(text, false); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got, want := message("SELECT 'a\n b'", true), "SELECT 'a  b'"; got != want {
		t.Errorf("with literals: got %q, want %q", got, want)
	}
	if got := message(strings.Repeat("é ", 2000), false); len(got) > longestQuery+len("…") || !utf8.ValidString(got) {
		t.Errorf("got %d bytes", len(got))
	}
}

// What stands in single quotes is never there, wherever the quotes stand.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{"", "SELECT 1", "-- don't\n", "/* it's", `\`, `"a`, "`", "'"} {
		f.Add(s, "secret", s)
	}
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if strings.ContainsAny(before+secret+after, "'\"`\\-/*") || strings.TrimSpace(secret) == "" || strings.Contains(before+after+"…", secret) {
			return
		}
		text := before + "'" + secret + "'" + after
		got := message(text, false)
		if strings.Contains(got, secret) || strings.ContainsAny(got, "\r\n\t") || len(got) > longestQuery+len("…") {
			t.Errorf("%q is told as %q", text, got)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if all := message(text, true); len(text) < longestQuery && !strings.Contains(strings.Join(strings.Fields(all), ""), strings.Join(strings.Fields(secret), "")) {
			t.Errorf("%q, with literals, is told as %q", text, all)
		}
	})
}

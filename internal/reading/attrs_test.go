package reading_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

func TestAttrTexts(t *testing.T) {
	for attrs, want := range map[string]string{
		``:                       ``,
		`user=42`:                `[user 42 42]`,
		`a=1  b=`:                `[a 1 1][b  ]`,
		`note="" expr="a=b"`:     `[note "" ][expr "a=b" a=b]`,
		`say="one \"two\"" x=y`:  `[say "one \"two\"" one "two"][x y y]`,
		`"a key"=v`:              `["a key" v v]`,
		`args=[A-1 7] end`:       `[args [A-1 [A-1][ 7] 7]][ end end]`,
		`= ==`:                   `[ = =][ == ==]`,
		`broken="one two`:        `[broken "one "one][ two two]`,
		`"broken`:                `[ "broken "broken]`,
		`http.method=GET q=a%3D`: `[http.method GET GET][q a%3D a%3D]`,
	} {
		var got strings.Builder
		for a := range reading.AttrTexts(attrs) {
			fmt.Fprintf(&got, "[%s %s %s]", a.Name, a.Text, a.Value)
		}
		if got.String() != want {
			t.Errorf("%s: got %s, want %s", attrs, got.String(), want)
		}
	}
}

// Nothing but spaces is lost.
func FuzzAttrTexts(f *testing.F) {
	for _, s := range []string{`a=1 "b c"="d e" f`, `=x`, `a="b`, `"a"b=c`, `a="b"c=d`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, attrs string) {
		rest := attrs
		for a := range reading.AttrTexts(attrs) {
			text := a.Text
			if a.Name != "" {
				text = a.Name + "=" + a.Text
			}
			var found bool
			if rest, found = strings.CutPrefix(strings.TrimLeft(rest, " "), text); !found || text == "" {
				t.Fatalf("%q: got %+v where %q is left", attrs, a, rest)
			}
		}
		if rest = strings.TrimLeft(rest, " "); rest != "" {
			t.Errorf("%q: %q is left out", attrs, rest)
		}
	})
}

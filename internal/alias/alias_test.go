package alias_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/story"
)

func texts(k *alias.Keys) (all []string) {
	for _, key := range k.All() {
		all = append(all, key.String())
	}
	return all
}

func TestIndexOfLines(t *testing.T) {
	x := alias.NewIndex([]string{"order", "request_id", "cart.item", "order id", "größe"})
	for attrs, want := range map[string]string{
		"":                                  "[]",
		"user=42":                           "[]",
		"order=93":                          "[order_93]",
		"a=1 order=93 b=2":                  "[order_93]",
		"reorder=93":                        "[]",
		"order=93 order=94 order=93":        "[order_93 order_94]",
		`order="9 3" reason="order=7"`:      "[order_9 3]",
		`reason="no order=7 here"`:          "[]",
		`order="" request_id=<nil>`:         "[]",
		"request_id=a1 cart.item=x":         "[cart-item_x request-id_a1]",
		`"order id"=5`:                      "[order-id_5]",
		`größe=5`:                           "[gr----e_5]",
		`"größe"=5`:                         "[gr----e_5]",
		"order=" + strings.Repeat("9", 128): "[order_" + strings.Repeat("9", 128) + "]",
		"order=" + strings.Repeat("9", 129): "[]",
		`order="a\tb"`:                      `[order_a\tb]`,
	} {
		var keys alias.Keys
		x.Line(attrs, &keys)
		if got := fmt.Sprint(texts(&keys)); got != want {
			t.Errorf("%s: got %s, want %s", attrs, got, want)
		}
	}
	var keys alias.Keys
	alias.NewIndex(nil).Line("order=93", &keys)
	if keys.All() != nil {
		t.Errorf("without names: got %v", keys.All())
	}
}

func TestKeysAreBounded(t *testing.T) {
	var keys alias.Keys
	var want []string
	for i := range 3 * story.MaxAlso {
		key := story.NewKey("order", fmt.Sprint(i/2))
		if added := keys.Add(key); added != (i/2 < story.MaxAlso) {
			t.Errorf("%s: added is %t", key, added)
		}
		if i%2 == 0 && i/2 < story.MaxAlso {
			want = append(want, key.String())
		}
	}
	slices.Sort(want)
	if got := texts(&keys); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if note := keys.Note(); !strings.HasPrefix(note, "not listed under order_16 nor under further keys") {
		t.Errorf("got the note %q", note)
	}
	var long alias.Keys
	if long.Note() != "" || !long.Add(story.NewKey("a", strings.Repeat("x", story.MaxAlsoText-2))) || long.Add(story.NewKey("b", "")) {
		t.Errorf("got %d keys, %q", len(long.All()), long.Note())
	}
}

// FuzzIndex holds that an attribute that a line has is found, whatever else stands there.
func FuzzIndex(f *testing.F) {
	f.Add("order", `a=1 order=93 "b c"="d e"`)
	f.Add("a b", `"a b"=1`)
	f.Add("größe", "größe=1")
	f.Add("", "=0")
	f.Fuzz(func(t *testing.T, name, attrs string) {
		var keys, want alias.Keys
		alias.NewIndex([]string{name}).Line(attrs, &keys)
		for found, value := range (story.Line{Attrs: attrs}).AllAttrs() {
			if found == name && name != "" && value != "" && value != "<nil>" && len(value) <= 128 {
				want.Add(story.NewKey(name, value))
			}
		}
		if got, all := texts(&keys), texts(&want); len(got) > len(all) || len(got) < len(all) && strings.Contains(attrs, name+"=") {
			t.Errorf("%q in %q: got %q, want %q", name, attrs, got, all)
		}
	})
}

package viewer_test

import (
	"io"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// An object's page has the stories of others that are about it, told apart, and leads to
// them; which went well last is said of its own only.
func TestObjectWithAliases(t *testing.T) {
	store := story.NewMemory()
	user, order := story.NewKey("user", "3<3"), story.NewKey("order", "93")
	put(t, store, order, 0, story.Sealed, story.Line{Message: "its own"})
	id := put(t, store, user, 1, story.Sealed, story.Line{Message: "mentions it"})
	s, err := store.Read(t.Context(), user, id)
	if err != nil {
		t.Fatal(err)
	}
	alias := s.Alias(order)
	alias.Count = 7
	if err := store.Put(t.Context(), []story.Part{{Key: order, ID: id, Header: &alias}}); err != nil {
		t.Fatal(err)
	}
	h := viewer.New(store, nil)
	page := func(target string) string {
		body, err := io.ReadAll(get(h, target).Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	list := page("/object?key=order_93")
	for _, want := range []string{
		`&amp;key=user_3%3C3">mentions it</a> <span class="quiet">of <a class="over" href="object?key=user_3%3C3">user_3&lt;3</a></span> <span class="quiet">×7</span></td>`,
		`&amp;key=order_93">its own</a></td>`,
	} {
		if !strings.Contains(list, want) {
			t.Errorf("there is no %s in\n%s", want, list)
		}
	}
	for _, target := range []string{"/story?key=order_93&id=" + id, "/story?key=order_93"} {
		if got := page(target); !strings.Contains(got, "mentions it") || !strings.Contains(got, "user_3&lt;3") {
			t.Errorf("%s: got\n%s", target, got)
		}
	}
	if list := page("/"); strings.Count(list, `<tr class="row`) != 2 {
		t.Errorf("all stories are\n%s", list)
	}
}

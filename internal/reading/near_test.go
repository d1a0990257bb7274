package reading_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestNear(t *testing.T) {
	store := story.NewMemory()
	for i, id := range []string{"42", "42", "43", "999", "ada", "4", "a-long-name"} {
		start := noon.Add(time.Duration(i) * time.Minute)
		key := story.NewKey("user", id)
		h := &story.Header{Key: key, ID: story.NewID(start), Start: start, State: story.Sealed}
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]string{
		"9999": "[user_999]", "422": "[user_42 user_4]", "Ada": "[user_ada]", "a-long-nane": "[user_a-long-name]", "a-long": "[user_a-long-name]", "x": "[user_4]", "nothing-like-it": "[]", "": "[user_4]",
	} {
		got, err := reading.Near(t.Context(), store, story.NewKey("user", id))
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: got %v, %v, want %s", id, got, err, want)
		}
	}
	if got, err := reading.Near(t.Context(), store, story.NewKey("job", "42")); err != nil || len(got) != 0 {
		t.Errorf("of another kind: %v, %v", got, err)
	}
}

package viewer_test

import (
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// Who mistypes a key is offered those that are like it.
func TestKeysLikeOneWithoutStories(t *testing.T) {
	store := story.NewMemory()
	put(t, store, story.NewKey("user", "42<b>"), 0, story.Sealed, story.Line{Message: "Begin"})
	h := viewer.New(store, nil)
	const link = `<p class="near">There are stories of <a href="object?key=user_42%3Cb%3E">user_42&lt;b&gt;</a>.</p>`
	for _, target := range []string{"/story?key=user_42", "/object?key=user_42%3C", "/diff?key=user_43%3Cb%3E"} {
		if page := body(t, get(h, target), 404); !strings.Contains(page, link) {
			t.Errorf("%s: there is no %s in\n%s", target, link, page)
		}
	}
	if page := body(t, get(h, "/object?key=job_42"), 404); strings.Contains(page, `class="near"`) {
		t.Errorf("of another kind:\n%s", page)
	}
	body(t, get(h, "/object?key=user_42%3Cb%3E&q=level:error"), 200) // it has stories, but none such
}

func TestEmptyStoreSaysWhichItIs(t *testing.T) {
	page := body(t, get(viewer.New(story.NewMemory(), &viewer.Options{Place: "the file <a>.db"}), "/"), 200)
	for _, want := range []string{"There are no stories in the file &lt;a&gt;.db yet.", "slog.SetDefault(slog.New(h))"} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %s in\n%s", want, page)
		}
	}
}

// An attribute leads where Links say, whatever it holds.
func TestLinks(t *testing.T) {
	store := story.NewMemory()
	key, id := story.NewKey("user", "42"), story.IDPrefix(start)+"-abcdef"
	h := &story.Header{Key: key, ID: id, Start: start, State: story.Sealed, LineCount: 1, Attrs: map[string]string{"trace_id": `a b"&c=<i>`, "host": "shop-1"}}
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h, Text: story.Format([]story.Line{{Message: "Begin"}})}}); err != nil {
		t.Fatal(err)
	}
	page := body(t, get(viewer.New(store, &viewer.Options{Links: map[string]string{"trace_id": "https://traces.example/trace/{}?from=stories"}}), "/story?key=user_42&id="+id), 200)
	if n := strings.Count(page, `href="https://traces.example/trace/a%20b%22%26c%3D%3Ci%3E?from=stories"`); n != 2 {
		t.Errorf("the trace is linked %d times, want it as a chip and among the facts, in\n%s", n, page)
	}
	if !strings.Contains(page, `href="./?q=host%3Ashop-1"`) {
		t.Errorf("the host leads elsewhere in\n%s", page)
	}
}

package viewer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// A heldList answers no list until it is told to.
type heldList struct {
	story.Store
	told <-chan struct{}
}

func (s heldList) List(ctx context.Context, q story.Query) (story.Page, error) {
	select {
	case <-s.told:
		return s.Store.List(ctx, q)
	case <-ctx.Done():
		return story.Page{}, ctx.Err()
	}
}

func failedStory(t *testing.T, store story.Store, minute int) string {
	t.Helper()
	return put(t, store, story.NewKey("user", "1"), minute, story.Sealed,
		story.Line{Message: "POST /orders"}, story.Line{Message: "Payment failed", Level: slog.LevelError, Depth: 1})
}

// The head of a story's page, with the style sheet that a browser fetches, does not wait for
// what is told of other stories.
func TestPageBeginsBeforeItIsWhole(t *testing.T) {
	store, told := story.NewMemory(), make(chan struct{})
	before, id := failedStory(t, store, 0), failedStory(t, store, 1)
	server := httptest.NewServer(viewer.New(heldList{store, told}, nil))
	defer server.Close()
	resp, err := http.Get(server.URL + "/story?key=user_1&id=" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var page strings.Builder
	for piece := make([]byte, 100); !strings.Contains(page.String(), `<link rel="stylesheet"`); {
		n, err := resp.Body.Read(piece)
		if page.Write(piece[:n]); err != nil {
			t.Fatalf("the page began with %q and then: %v", page.String(), err)
		}
	}
	close(told)
	if _, err := io.Copy(&page, resp.Body); err != nil {
		t.Fatal(err)
	}
	wants(t, page.String(), `rel="prev"`, strings.ReplaceAll(before, ":", "%3A"), "2 stories with this problem", "</html>")
}

// A story is shown where only what is told of other stories cannot be read, and it is said.
func TestStoryWithoutOthers(t *testing.T) {
	store := story.NewMemory()
	id := failedStory(t, store, 0)
	h := viewer.New(brokenStore{store, errors.New("throttled <for> a while")}, nil)
	wants(t, body(t, get(h, "/story?key=user_1&id="+id), 200), "Payment failed",
		"The stories before and after this one cannot be read: throttled &lt;for&gt; a while",
		"how many stories have this problem cannot be read: throttled &lt;for&gt; a while")
}

// A panickingList is a store with a fault of its own.
type panickingList struct{ story.Store }

func (panickingList) List(context.Context, story.Query) (story.Page, error) {
	panic("index <out> of range")
}

// A store that panics where a page is made of several answers at once does not end the program.
func TestStoryWithoutOthersOfStoreThatPanics(t *testing.T) {
	store := story.NewMemory()
	id := failedStory(t, store, 0)
	wants(t, body(t, get(viewer.New(panickingList{store}, nil), "/story?key=user_1&id="+id), 200), "Payment failed",
		"The stories before and after this one cannot be read: reading panicked: index &lt;out&gt; of range",
		"how many stories have this problem cannot be read: reading panicked: index &lt;out&gt; of range")
	shop, target := shopCalls(t)
	wants(t, body(t, get(viewer.New(panickingList{shop}, nil), target), 200), "placing order",
		"The stories that were called here cannot be read: reading panicked: index &lt;out&gt; of range")
}

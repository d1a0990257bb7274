package story_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
)

// An alias has who called the story, whatever else its header says: by that readers show it
// under the line that called.
func TestAliasKeepsItsParent(t *testing.T) {
	h := story.Header{Key: story.NewKey("user", "42"), Title: strings.Repeat("t", 200), Cause: strings.Repeat("c", 200), Attrs: map[string]string{"parent_span": "b7ad6b7169203331"}}
	for i := range 40 {
		h.Attrs[fmt.Sprintf("fact%02d", i)] = "some value"
	}
	alias := h.Alias(story.NewKey(story.KindTrace, "0af7651916cd43dd8448eb211c80319c"))
	if alias.Attrs["parent_span"] == "" || len(alias.Attrs) == len(h.Attrs) {
		t.Errorf("it has %d attributes: %v", len(alias.Attrs), alias.Attrs)
	}
}

// A parent_span that is as long as none is leaves room for the other attributes.
func TestAliasOfLongParentSpan(t *testing.T) {
	h := story.Header{Key: story.NewKey("user", "42"), ID: "2026", Attrs: map[string]string{"parent_span": strings.Repeat("x", 2000), "status": "200"}}
	if got, want := h.Alias(story.NewKey("order", "93")).Attrs, map[string]string{"status": "200"}; !maps.Equal(got, want) {
		t.Errorf("got %.100v, want %v", got, want)
	}
}

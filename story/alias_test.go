package story_test

import (
	"fmt"
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

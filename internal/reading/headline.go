package reading

import (
	"fmt"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
)

// Cause returns why a story went wrong, without what its title says already.
func Cause(h story.Header) string {
	rest, found := strings.CutPrefix(h.Cause, h.Title)
	switch {
	case !found || h.Title == "":
		return h.Cause
	case rest == "":
		return ""
	case strings.HasPrefix(rest, ": "):
		return rest[len(": "):]
	}
	return h.Cause
}

// Headline returns a story's title and why it went wrong, escaped, as lists show it; behind
// it, of a problem, how many stories that stands for.
func Headline(h story.Header) string {
	text := story.Escape(h.Title)
	if cause := Cause(h); cause != "" {
		text = strings.TrimSpace(text + " — " + story.Escape(cause))
	}
	if n := h.Stories(); n > 1 {
		text += fmt.Sprintf(" ×%d", n)
	}
	return text
}

// About returns the key of the story: where a list has its alias, not that of the alias.
func About(h story.Header) story.Key {
	if h.IsAlias() {
		return h.Of
	}
	return h.Key
}

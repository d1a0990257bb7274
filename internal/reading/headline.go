package reading

import (
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

// Headline returns a story's title and why it went wrong, escaped, as lists show it.
func Headline(h story.Header) string {
	cause := Cause(h)
	if cause == "" {
		return story.Escape(h.Title)
	}
	return strings.TrimSpace(story.Escape(h.Title) + " — " + story.Escape(cause))
}

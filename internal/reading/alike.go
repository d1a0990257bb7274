package reading

import (
	"github.com/dynamoslog/dynamoslog/internal/normal"
	"github.com/dynamoslog/dynamoslog/story"
)

// Alike reports whether two stories tell of the same kind of work, so that it says
// something to compare them: they have the same kind, and the same route, or where
// neither has one the same title without its numbers.
func Alike(a, b story.Header) bool {
	if a.Key.Kind != b.Key.Kind {
		return false
	}
	routeA, routeB := a.Attrs["route"], b.Attrs["route"]
	if routeA == "" && routeB == "" {
		return normal.Shape(a.Title) == normal.Shape(b.Title)
	}
	methodA, methodB := a.Attrs["method"], b.Attrs["method"] // not every route names it
	return routeA == routeB && (methodA == methodB || methodA == "" || methodB == "")
}

// Subject says in a few words what a story tells of: its route, or its title.
func Subject(h story.Header) string {
	switch {
	case h.Attrs["route"] != "":
		return h.Attrs["route"]
	case h.Title != "":
		return h.Title
	}
	return "(no title)"
}

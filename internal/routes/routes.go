// Package routes names the route of a request, with its method: bounded in number, and
// never the path.
package routes

import (
	"net/http"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

// Other is the route where nobody tells what it is.
const Other = "other"

const none = "(none)"

// None returns the route of a request that the router has none for.
func None(r *http.Request) string { return method(r) + " " + none }

// IsNone reports whether a route is what None returned.
func IsNone(route string) bool { return strings.HasSuffix(route, none) }

// Before returns the route that a request has found, or that next is about to find if it is
// a mux.
func Before(next http.Handler, r *http.Request) string {
	mux, ok := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	if !ok {
		return Of(r.Pattern, r)
	}
	_, pattern := mux.Handler(r)
	if pattern == "" {
		return None(r)
	}
	return Of(pattern, r)
}

// Of returns the route of a pattern, which may have a method or none.
func Of(pattern string, r *http.Request) string {
	if pattern == "" {
		return Other
	}
	if method, _, found := strings.Cut(pattern, " "); found && method != "" {
		return pattern
	}
	return method(r) + " " + pattern
}

// OfPath returns a path with {id} in the place of numbers and ids, of which at most eight
// elements are kept.
func OfPath(path string) string {
	const most = 8
	elements := strings.SplitN(strings.Trim(path, "/"), "/", most+1)
	if len(elements) > most {
		elements[most] = "…"
	}
	for i, element := range elements {
		if isID(element) {
			elements[i] = "{id}"
		}
	}
	return "/" + strings.Join(elements, "/")
}

// isID reports whether an element of a path is an id, as far as can be seen: it has a digit,
// and is neither a version nor a word with a short number.
func isID(element string) bool {
	if version, ok := strings.CutPrefix(element, "v"); ok && version != "" && strings.Trim(version, "0123456789.") == "" {
		return false
	}
	return len(element) > 40 || normal.Shape(element) != element
}

func method(r *http.Request) string {
	switch r.Method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return r.Method
	}
	return "OTHER"
}

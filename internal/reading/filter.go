package reading

import (
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// Active reports whether the filter selects anything less than all.
func (f Filter) Active() bool { return f.Text != "" || f.Level != nil }

// Apply marks the lines that the filter selects, and their callers, and returns
// how many it selects.
func (f Filter) Apply(t *Tree) int {
	if !f.Active() {
		for i := range t.Nodes {
			t.Nodes[i].Match, t.Nodes[i].Keep = true, true
		}
		return len(t.Nodes)
	}
	text := strings.ToLower(f.Text)
	matches := 0
	for i := len(t.Nodes) - 1; i >= 0; i-- {
		n := &t.Nodes[i]
		n.Match = (f.Level == nil || n.Level >= *f.Level) && (text == "" || f.finds(t, n, text))
		n.Keep = n.Match
		for _, child := range n.Children {
			n.Keep = n.Keep || child.Keep
		}
		if n.Match {
			matches++
		}
	}
	return matches
}

// SelectsAny reports whether the filter selects any of a story's lines. It needs no tree,
// and so no answer of Search: where there is one it selects whatever there is.
func (f Filter) SelectsAny(lines []story.Line) bool {
	text := strings.ToLower(f.Text)
	return slices.ContainsFunc(lines, func(line story.Line) bool {
		return (f.Level == nil || line.Level >= *f.Level) && (text == "" || f.Search != nil || holds(&line, text))
	})
}

// finds reports whether the filter's text selects a line; text is it in lower case.
func (f Filter) finds(t *Tree, n *Node, text string) bool {
	if f.Search == nil {
		return holds(&n.Line, text)
	}
	return f.Search.Match(t.asHeader(n))
}

// ReadSearch reads the filter's text in the language of searches, in which a line is what a
// story is elsewhere: level:warn is its level, order=93 its attribute, took>1s what it took
// with all below it, or the silence before it where nothing is, lines>5 how many these are,
// and words are in its message or its attributes. Errors are a *[story.SearchError].
func (f *Filter) ReadSearch(now time.Time) error {
	search, err := story.ParseSearch(f.Text, now)
	if err != nil {
		return err
	}
	f.Search = &search
	return nil
}

// asHeader returns a line as if it were a story.
func (t *Tree) asHeader(n *Node) story.Header {
	h := story.Header{
		Key: t.Story.Key, ID: t.Story.ID, Start: t.Time(n), State: t.Story.State, MaxLevel: n.Level,
		LineCount: 1 + n.Under.Lines, Duration: n.Took, Title: n.Message, Problem: t.Story.Problem,
	}
	if len(n.Children) == 0 {
		h.Duration = n.Step
	}
	var shown strings.Builder
	shown.WriteString(n.Attrs)
	for a := range AttrTexts(n.Attrs) {
		if a.Name == "" {
			continue
		}
		if h.Attrs == nil {
			h.Attrs = make(map[string]string)
		}
		name := unquoted(a.Name)
		if _, known := h.Attrs[name]; !known {
			h.Attrs[name] = a.Value
		}
		if a.Text != a.Value {
			shown.WriteString("\n" + name + "=" + a.Value)
		}
	}
	h.Cause = shown.String()
	return h
}

// holds reports whether a text, in lower case, is in a line: in what is stored of it,
// or in what is shown, where a message is escaped and a value may stand unquoted.
func holds(line *story.Line, text string) bool {
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if in(line.Message) || in(line.Attrs) {
		return true
	}
	if escaped := story.Escape(line.Message); escaped != line.Message && in(escaped) {
		return true
	}
	if escaped := story.Escape(line.Attrs); escaped != line.Attrs && in(escaped) {
		return true
	}
	if strings.IndexByte(line.Attrs, '"') < 0 {
		return false
	}
	for a := range AttrTexts(line.Attrs) {
		if in(unquoted(a.Name) + "=" + a.Value) {
			return true
		}
	}
	return false
}

package viewer

import (
	"html"
	"html/template"
	"net/http"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// diffPage shows the difference of two stories.
type diffPage struct {
	*reading.Diff
	Key       story.Key
	Left      int    // lines that are not in the page because it is large enough; known behind Lines
	All, Less string // links to the view with the equal lines, and without
	Before    string // links to other comparisons
	Good      string
	Unlike    string // says that the stories are not alike
	BetterTo  string // link to the comparison with a story that is
	NoBetter  string
}

// Title tells one of several tabs from the others.
func (p *diffPage) Title() string {
	return "Difference: " + reading.Subject(p.Is.Story.Header) + " · " + p.Is.Story.Key.String()
}

// Lines are what was found, above the lines themselves.
func (p *diffPage) Lines() template.HTML {
	lines := newDiffWriter(p.Diff, p.Less != "")
	if ranked := p.Ranked(); len(ranked) > 0 {
		lines.findings(ranked)
	}
	lines.lanes()
	p.Left = lines.left
	return template.HTML(lines.String())
}

// Sides are both stories, the old one first.
func (p *diffPage) Sides() []diffSide {
	return []diffSide{{"was", p.Was.Story.Header}, {"is", p.Is.Story.Header}}
}

// A diffSide is one of the stories.
type diffSide struct {
	Word string
	story.Header
}

// Subject says what the story tells of.
func (s diffSide) Subject() string { return story.Escape(reading.Subject(s.Header)) }

// diff compares a story with the one like it before, with the last like it without an
// error, or with one that is named: of the same key, or of waskey.
func (v *viewer) diff(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	key, err := story.ParseKey(values.Get("key"))
	if err != nil {
		return err
	}
	var wasKey story.Key
	if other := values.Get("waskey"); other != "" {
		if wasKey, err = story.ParseKey(other); err != nil {
			return err
		}
	}
	if values.Get("is") == "" {
		return v.toLatest(w, r, "diff", key, "is")
	}
	d, err := reading.Compare(r.Context(), v.store, reading.Pair{
		Key: key, Is: values.Get("is"), WasKey: wasKey, Was: values.Get("was"), Good: values.Get("good") != "",
	})
	if err != nil {
		return err
	}
	before := without(values, "was", "waskey", "good")
	p := &diffPage{
		Diff: d, Key: d.Is.Story.Key, All: link("diff", with(values, "all", "1")), Unlike: d.Unlike(),
		Before: link("diff", before), Good: link("diff", with(before, "good", "1")),
	}
	switch {
	case d.Better != nil:
		p.BetterTo = link("diff", with(before, "waskey", d.Better.Key.String(), "was", d.Better.ID))
	case d.NoBetter != nil:
		p.NoBetter = d.NoBetter.Text(time.Now().In(v.opts.Zone))
	}
	if values.Get("all") != "" {
		p.All, p.Less = "", link("diff", with(values, "all", ""))
	}
	return v.render(w, http.StatusOK, "diff.html", p)
}

// diffValue writes how a value changed.
func diffValue(value reading.Value) template.HTML {
	return template.HTML(valueHTML(value))
}

// valueHTML marks what was and what is.
func valueHTML(value reading.Value) string {
	text := html.EscapeString(story.Escape(value.Name))
	was, is := shortValue(value.Was), shortValue(value.Is)
	switch {
	case value.Was == "":
		return text + " is new: <ins>" + is + "</ins>"
	case value.Is == "":
		return text + " is gone: <del>" + was + "</del>"
	}
	return text + " <del>" + was + "</del> → <ins>" + is + "</ins>"
}

func shortValue(s string) string {
	if head, rest := cut(s, longValue); rest {
		s = head + "…"
	}
	return html.EscapeString(story.Escape(s))
}

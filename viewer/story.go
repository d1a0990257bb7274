package viewer

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// storyPage shows one story.
type storyPage struct {
	Style template.CSS // of a page that stands alone; else empty
	story.Header
	Now        time.Time
	Counts     reading.Counts
	Chips      []fact // the header's attributes that matter
	Facts      []fact // all of them
	View       reading.View
	Form       searchForm
	Why        *whyBad // nil where nothing is bad
	Where      *where  // nil where no time went by
	Matches    int     // lines that the filter selects
	FirstError string  // links to a line, empty where there is none
	FirstWarn  string
	Downloads  []string
	DiffBefore string
	DiffGood   string
	Modes      []choice // how much is seen
	Folds      []choice
	Times      []choice
	Indents    []choice
	Repeats    []choice
	Hidden     []fact // what the filter's form keeps of the view
	Unfiltered string
	Live       string
	Errors     string // numbers of lines, where some are not in the page
	Warnings   string
	Axis       []tick
	Long       bool   // folded branches are not in the page
	ByTime     bool   // as are neither where all lanes are in one list
	Left       int    // lines that are not in it because it is large enough
	Trace      string // link to the trace, where that has more stories than were looked at
	NoCalls    string // why the stories that were called are not shown

	// neighbours waits for the links to the stories of the object before and after this one.
	neighbours func() (before, after string, err error)
}

// Previous links to the story before this one, where there is one. The page's beginning
// need not wait for it.
func (p *storyPage) Previous() string { before, _, _ := p.neighbours(); return before }

// Next links to the story after this one.
func (p *storyPage) Next() string { _, after, _ := p.neighbours(); return after }

// Alone says why the page has no such links: they cannot be read.
func (p *storyPage) Alone() string {
	_, _, err := p.neighbours()
	if err == nil {
		return ""
	}
	return troubleText(err)
}

// troubleText says what is wrong with a part of a page.
func troubleText(err error) string {
	text, _ := cut(err.Error(), longMessage)
	return escapeLines(text)
}

// PageTitle says in a tab what the story came to, what it is about and when it was.
func (p *storyPage) PageTitle() string {
	title, mark := p.Title, ""
	switch {
	case p.MaxLevel >= slog.LevelError:
		mark = "✗ "
	case p.MaxLevel >= slog.LevelWarn:
		mark = "⚠ "
	case reading.Unfinished(p.State):
		mark = "… "
	}
	if title == "" {
		title = "(no title)"
	}
	return mark + title + " · " + p.Key.String() + " · " + p.Start.In(p.Now.Location()).Format("15:04")
}

// Class tells the style sheet what is peculiar to the lines.
func (p *storyPage) Class() string {
	var classes []string
	if p.Long {
		classes = append(classes, "long")
	}
	if p.Counts.Lines > 999 {
		classes = append(classes, "thousands") // of lines: a narrow screen has no room for their numbers
	}
	if p.View.Times == reading.TimeOfDay {
		classes = append(classes, "clock")
	}
	return strings.Join(classes, " ")
}

// A fact is a name with its value, and where it leads.
type fact struct{ Name, Value, Link, Class string }

// A choice is one of several ways to show the story.
type choice struct {
	Text, Link string
	Chosen     bool
	Label      string // where the text says it only together with the one before
}

// story shows a whole story.
func (v *viewer) story(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	if id := values.Get("id"); values.Get("key") == "" && story.IsID(id) {
		h, err := story.FindID(r.Context(), v.store, story.Key{}, id)
		if err != nil {
			return err
		}
		return seeOther(w, link("story", with(values, "key", h.Key.String(), "id", h.ID)))
	}
	key, err := story.ParseKey(values.Get("key"))
	if err != nil {
		return err
	}
	view, err := reading.ParseView(values)
	if err != nil {
		return err
	}
	if view.Level != nil { // of older addresses
		view.Text = strings.TrimSpace(view.Text + " " + story.SearchTerm("level", values.Get("level")))
		view.Level = nil
	}
	if values.Get("id") == "" {
		return v.toLatest(w, r, "story", key, "id")
	}
	s, err := v.store.Read(r.Context(), key, values.Get("id"))
	if err != nil {
		return err
	}
	return v.storyPage(w, r, s, view, "")
}

// storyPage writes the page of a story, with a style sheet in it where it is to stand
// alone.
func (v *viewer) storyPage(w http.ResponseWriter, r *http.Request, s story.Story, view reading.View, style template.CSS) (err error) {
	neighbours := v.neighbours(r.Context(), s.Header)
	defer func() { _, _, _ = neighbours() }()                              // nothing goes on without the page
	calls := func() (reading.Calls, error) { return reading.Calls{}, nil } // what stands alone has one story
	if style == "" {
		calls = v.findCalls(r.Context(), s)
		defer func() { _, _ = calls() }()
	}
	t := reading.NewTree(s)
	if err := r.Context().Err(); err != nil {
		return err
	}
	now := time.Now().In(v.opts.Zone)
	p := &storyPage{Style: style, Header: s.Header, Now: now, Counts: t.All, View: view, Form: searchForm{Text: view.Text}, neighbours: neighbours}
	if view.Active() {
		if err := view.ReadSearch(now); err != nil {
			if !p.Form.wrong(err) {
				return err
			}
			view.Text = ""
		}
		p.Matches = view.Apply(t)
	}
	p.links(t)
	if p.Why = v.whyBad(r.Context(), p, t); p.Why != nil {
		defer p.Why.Often() // neither does this
	}
	p.facts(v)
	p.choices(t, view)
	p.Where, p.Axis = p.whereTimeWent(t), axis(t)
	if err := v.render(w, p.Form.status(), "story.html", p); err != nil {
		return err
	}
	called := v.setCalls(r, p, t, calls)
	if p.Left, err = v.lines(w, t, view, called); err != nil {
		return nil // the reader has gone: there is nobody to be told
	}
	_ = v.pages.ExecuteTemplate(w, "story-end", p)
	return nil
}

// toLatest leads to the page with the object's latest story named, so that the
// address stays that of the story which it shows.
func (v *viewer) toLatest(w http.ResponseWriter, r *http.Request, page string, key story.Key, name string) error {
	id, err := reading.Latest(r.Context(), v.store, key)
	if err != nil {
		return err
	}
	return seeOther(w, link(page, with(r.URL.Query(), name, id)))
}

// chips are the attributes that matter, in that order; of some the value says it alone.
var chips = []struct{ name, label string }{
	{"status", ""}, {"route", ""}, {"order", "order "}, {"build", ""}, {"host", ""}, {"trace_id", "trace "}, {"trace", "trace "}, {"parent_span", "called by "},
}

// attrLink returns where an attribute of the header leads.
func (p *storyPage) attrLink(v *viewer, name, value string) string {
	if to := v.elsewhere(name, value); to != "" {
		return to
	}
	if (name == "trace_id" || name == "parent_span") && reading.IsTraced(p.Header) {
		return traceLink(p.Header)
	}
	return searchLink(story.SearchTerm(name, value))
}

// elsewhere returns where the options say that an attribute leads, or "".
func (v *viewer) elsewhere(name, value string) string {
	if value == "" {
		return ""
	}
	return strings.ReplaceAll(v.opts.Links[name], "{}", strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
}

// facts sets what is shown of the header's attributes.
func (p *storyPage) facts(v *viewer) {
	attrs := reading.OwnAttrs(p.Header)
	for _, c := range chips {
		value, ok := attrs[c.name]
		if !ok || value == p.Title {
			continue
		}
		f := fact{Name: c.name, Value: c.label + clipped(story.Escape(value)), Link: p.attrLink(v, c.name, value)}
		if c.name == "status" {
			f.Class = statusClass(value)
		}
		p.Chips = append(p.Chips, f)
	}
	if v.opts.Links["trace_id"] != "" && reading.IsTraced(p.Header) {
		p.Chips = append(p.Chips, fact{Name: "trace", Value: "its stories here", Link: traceLink(p.Header)})
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		f := fact{Name: story.Escape(name), Value: story.Escape(attrs[name])}
		if v.opts.Links[name] != "" {
			f.Link = p.attrLink(v, name, attrs[name])
		}
		switch name {
		case story.AttrContinues:
			f.Link = link("story", storyValues(p.Key, p.Attrs[name]))
		case story.AttrMovedTo, story.AttrMovedFrom:
			if key, err := story.ParseKey(p.Attrs[name]); err == nil {
				f.Link = link("story", storyValues(key, p.ID))
			}
		}
		p.Facts = append(p.Facts, f)
	}
}

// mostChip is how much of a value a chip shows, in characters.
const mostChip = 24

func clipped(value string) string {
	if runes := []rune(value); len(runes) > mostChip {
		return string(runes[:mostChip/2]) + "…"
	}
	return value
}

// statusClass is the class of an HTTP status.
func statusClass(status string) string {
	switch n, _ := strconv.Atoi(status); {
	case n >= 500:
		return "error"
	case n >= 400:
		return "warn"
	}
	return ""
}

// links sets what leads to lines and to other stories.
func (p *storyPage) links(t *reading.Tree) {
	self := storyValues(p.Key, p.ID)
	p.Long, p.ByTime = len(t.Nodes) > longStory, p.View.ByTime(t)
	var errors, warnings []int
	for i := range t.Nodes {
		n := &t.Nodes[i]
		switch levelClass(n.Level) {
		case "error":
			errors = append(errors, n.Number)
		case "warn":
			warnings = append(warnings, n.Number)
		}
	}
	if len(errors) > 0 {
		p.FirstError = p.lineLink(t.Line(errors[0]))
	}
	if len(warnings) > 0 {
		p.FirstWarn = p.lineLink(t.Line(warnings[0]))
	}
	if p.Long || p.ByTime {
		p.Errors, p.Warnings = reading.JoinNumbers(errors[:min(len(errors), mostListed)]), reading.JoinNumbers(warnings[:min(len(warnings), mostListed)])
	}
	p.Downloads = []string{"text", "markdown", "json", "html", "prompt"}
	p.DiffBefore = link("diff", url.Values{"key": self["key"], "is": self["id"]})
	p.DiffGood = link("diff", url.Values{"key": self["key"], "is": self["id"], "good": {"1"}})
	if p.State == story.Open {
		p.Live = link("tail", url.Values{"key": self["key"]})
	}
}

// mostListed is how many lines with an error a page knows that are not in it.
const mostListed = 1000

// lineLink returns a link to a line, which may be in a branch that the page leaves out.
func (p *storyPage) lineLink(n *reading.Node) string {
	number := strconv.Itoa(n.Number)
	if !p.Long && !p.ByTime {
		return "#L" + number
	}
	values := p.View.Values()
	maps.Copy(values, storyValues(p.Key, p.ID))
	return link("story", with(values, "at", number)) + "#L" + number
}

// choices sets the ways to show the story, each a link that keeps the others.
func (p *storyPage) choices(t *reading.Tree, view reading.View) {
	values := view.Values()
	maps.Copy(values, storyValues(p.Key, p.ID))
	choose := func(text string, pairs ...string) choice {
		c := choice{Text: text, Link: link("story", with(values, pairs...)), Chosen: true}
		for i := 0; i < len(pairs); i += 2 {
			c.Chosen = c.Chosen && values.Get(pairs[i]) == pairs[i+1]
		}
		return c
	}
	mode := func(text, fold, lanes string) choice {
		c := choose(text, "fold", fold, "lanes", lanes)
		c.Link = link("story", with(values, "fold", fold, "lanes", lanes, "toggled", "", "open", "", "at", ""))
		return c
	}
	p.Modes = []choice{mode("errors first", "", ""), mode("all", "none", "")}
	if len(t.Lanes) > 1 {
		p.Modes = append(p.Modes, choose("by time", "lanes", "time"))
	}
	lanes := values.Get("lanes")
	for depth := range 4 {
		number := strconv.Itoa(depth)
		c := mode("to depth "+number, number, lanes)
		if depth > 0 {
			c.Text, c.Label = number, c.Text
		}
		p.Folds = append(p.Folds, c)
	}
	p.Times = []choice{choose("since start", "times", ""), choose("since the line before", "times", "step"), choose("of day", "times", "clock")}
	p.Indents = []choice{choose("by caller", "indent", ""), choose("as stored", "indent", "stored")}
	if !p.ByTime {
		p.Repeats = []choice{choose("merged", "repeats", ""), choose("each", "repeats", "each")}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "q" && name != "at" { // what was looked at last is not what is found
			p.Hidden = append(p.Hidden, fact{Name: name, Value: values.Get(name)})
		}
	}
	if p.Form.Active() {
		p.Unfiltered = link("story", with(values, "q", ""))
	}
}

// neighbours looks for the stories before and after one, and returns a function that waits
// for the links to them; none where there is none.
func (v *viewer) neighbours(ctx context.Context, of story.Header) func() (before, after string, err error) {
	look := func(find func(context.Context, story.Store, story.Key, string) (story.Header, bool, error)) func() (string, error) {
		return later(func() (string, error) {
			h, found, err := find(ctx, v.store, of.Key, of.ID)
			if !found {
				return "", err
			}
			return storyLink(h), err
		})
	}
	previous, next := look(reading.Previous), look(reading.Next)
	return func() (string, string, error) {
		before, errBefore := previous()
		after, errAfter := next()
		return before, after, errors.Join(errBefore, errAfter)
	}
}

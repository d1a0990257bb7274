package viewer

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// storyPage shows one story.
type storyPage struct {
	story.Header
	Counts     reading.Counts
	Facts      []fact // the header's attributes
	View       reading.View
	Matches    int    // lines that the filter selects
	FirstError string // links to a line, empty where there is none
	FirstWarn  string
	Previous   string // links to other stories of the object
	Next       string
	Downloads  []string
	DiffBefore string
	DiffGood   string
	Folds      []choice
	Times      []choice
	Indents    []choice
	Repeats    []choice
	Lanes      []choice // where there are several
	Hidden     []fact   // what the filter's form keeps of the view
	Unfiltered string
	Live       string
	Long       bool // folded branches are not in the page
	ByTime     bool // as are neither where all lanes are in one list
	Left       int  // lines that are not in it because it is large enough
}

// Class tells the style sheet what is peculiar to the lines.
func (p *storyPage) Class() string {
	var classes []string
	if p.Long {
		classes = append(classes, "long")
	}
	if p.View.Times == reading.TimeOfDay {
		classes = append(classes, "clock")
	}
	return strings.Join(classes, " ")
}

// A fact is a name with its value, and where it leads.
type fact struct{ Name, Value, Link string }

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
	if values.Get("id") == "" {
		return v.toLatest(w, r, "story", key, "id")
	}
	s, err := v.store.Read(r.Context(), key, values.Get("id"))
	if err != nil {
		return err
	}
	t := reading.NewTree(s)
	if err := r.Context().Err(); err != nil {
		return err
	}
	p := &storyPage{Header: s.Header, Counts: t.All, View: view}
	if view.Active() {
		p.Matches = view.Apply(t)
	}
	p.links(t)
	p.choices(len(t.Lanes))
	if err := p.neighbours(v, r); err != nil {
		return err
	}
	if err := v.render(w, http.StatusOK, "story.html", p); err != nil {
		return err
	}
	if p.Left, err = v.lines(w, t, view); err != nil {
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

// links sets what leads to lines and to other stories.
func (p *storyPage) links(t *reading.Tree) {
	attrs := reading.OwnAttrs(p.Header)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		f := fact{Name: story.Escape(name), Value: story.Escape(attrs[name])}
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
	self := storyValues(p.Key, p.ID)
	p.Long, p.ByTime = len(t.Nodes) > longStory, p.View.ByTime(t)
	for i := range t.Nodes {
		n := &t.Nodes[i]
		switch levelClass(n.Level) {
		case "error":
			if p.FirstError == "" {
				p.FirstError = p.lineLink(n)
			}
		case "warn":
			if p.FirstWarn == "" {
				p.FirstWarn = p.lineLink(n)
			}
		}
	}
	p.Downloads = []string{"text", "markdown", "json", "prompt"}
	p.DiffBefore = link("diff", url.Values{"key": self["key"], "is": self["id"]})
	p.DiffGood = link("diff", url.Values{"key": self["key"], "is": self["id"], "good": {"1"}})
	if p.State == story.Open {
		p.Live = link("tail", url.Values{"key": self["key"]})
	}
}

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
func (p *storyPage) choices(lanes int) {
	values := p.View.Values()
	maps.Copy(values, storyValues(p.Key, p.ID))
	choose := func(text, name, value string, more ...string) choice {
		next := with(values, append([]string{name, value}, more...)...)
		return choice{Text: text, Link: link("story", next), Chosen: values.Get(name) == value}
	}
	p.Folds = []choice{choose("errors first", "fold", "", "toggled", "", "at", "")}
	for depth := range 4 {
		number := strconv.Itoa(depth)
		c := choose("to depth "+number, "fold", number, "toggled", "", "at", "")
		if depth > 0 {
			c.Text, c.Label = number, c.Text
		}
		p.Folds = append(p.Folds, c)
	}
	p.Folds = append(p.Folds, choose("unfold all", "fold", "none", "toggled", "", "at", ""))
	p.Times = []choice{choose("since start", "times", ""), choose("since the line before", "times", "step"), choose("of day", "times", "clock")}
	p.Indents = []choice{choose("by caller", "indent", ""), choose("as stored", "indent", "stored")}
	if !p.ByTime {
		p.Repeats = []choice{choose("merged", "repeats", ""), choose("each", "repeats", "each")}
	}
	if lanes > 1 {
		p.Lanes = []choice{choose("apart", "lanes", ""), choose("by time", "lanes", "time")}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch name {
		case "q", "level", "full", "toggled", "at": // what was folded would hide what is found
		default:
			p.Hidden = append(p.Hidden, fact{Name: name, Value: values.Get(name)})
		}
	}
	if p.View.Active() {
		p.Unfiltered = link("story", with(values, "q", "", "level", "", "toggled", ""))
	}
}

// neighbours sets the links to the stories before and after, where there are any.
func (p *storyPage) neighbours(v *viewer, r *http.Request) error {
	before, found, err := reading.Previous(r.Context(), v.store, p.Key, p.ID)
	if err != nil {
		return err
	}
	if found {
		p.Previous = storyLink(before)
	}
	after, found, err := reading.Next(r.Context(), v.store, p.Key, p.ID)
	if found {
		p.Next = storyLink(after)
	}
	return err
}

package viewer

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// listPage is a page of headers: of all objects, or of one.
type listPage struct {
	Title      string
	Key        string // of the object, empty over all
	Form       searchForm
	Times      []choice // the same search at other times
	Headers    []story.Header
	Days       []day         // the same as rows
	Front      *front        // what is summed up; nil where nothing is
	Views      []choice      // of an object: as a list, as a thread
	Thread     *thread       // instead of Days
	OlderGood  *story.Header // the last of an object without an error, where it is not among the headers of the first page
	Picture    *picture
	First      string // link to the first page, where this is not it
	Next       string // link to the page after
	Looked     string // how far was looked, where the page ended for that
	Unfiltered string
	Tail       string
	Near       []story.Key // that have stories, where the object has none
	Trace      bool        // whether the stories are those of a trace
	Forward    bool        // the oldest story is the first
}

// Several reports whether there are two stories of an object to compare.
func (p *listPage) Several() bool { return p.Key != "" && len(p.Headers) > 1 }

// recent shows the newest stories of all objects, and sums up what happened.
func (v *viewer) recent(w http.ResponseWriter, r *http.Request) error {
	if key := strings.TrimSpace(r.URL.Query().Get("key")); key != "" { // typed into the form
		if _, err := story.ParseKey(key); err != nil {
			return err
		}
		return seeOther(w, link("object", url.Values{"key": {key}}))
	}
	now, form := time.Now().In(v.opts.Zone), formOf(r)
	if to, found := form.object(now); found {
		return seeOther(w, to)
	}
	p, search, err := v.list(r, listOf{form: form, now: now})
	if err != nil {
		return err
	}
	p.Title = "Stories"
	if form.Active() {
		p.Title = form.Text + " · Stories"
	}
	if p.Form.Reason == "" && p.First == "" {
		if p.Front, err = v.front(r, search, now); err != nil {
			return err
		}
		if p.Front != nil && !form.Active() {
			p.Title = p.Front.Title()
		}
	}
	p.Days = v.days(p.Headers, now)
	return v.render(w, p.Form.status(), "recent.html", p)
}

// object shows the stories of one.
func (v *viewer) object(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	key, err := story.ParseKey(values.Get("key"))
	if err != nil {
		return err
	}
	now, form := time.Now().In(v.opts.Zone), formOf(r)
	if to, found := form.object(now); found {
		return seeOther(w, to)
	}
	asThread := v.asThread(values.Get("view"), form, key, now)
	p, search, err := v.list(r, listOf{"object", key, form, now, asThread})
	if err != nil {
		return err
	}
	p.Title, p.Key, p.Trace = key.String(), key.String(), key.Kind == story.KindTrace
	if form.Active() {
		p.Title += " · " + form.Text
	}
	p.Times = timeLinks(search.Without("key"), now, func(search string) string {
		return link("object", with(values, "q", search, "kind", "", "level", "", "since", "", "until", "", "cursor", ""))
	})
	for _, name := range []string{"list", "thread"} {
		p.Views = append(p.Views, choice{Text: name, Link: link("object", with(values, "view", name, "cursor", "")), Chosen: asThread == (name == "thread")})
	}
	switch {
	case len(p.Headers) == 0:
	case asThread:
		if p.Thread, err = v.thread(r.Context(), p.Headers, now); err != nil {
			return err
		}
	default:
		p.Picture = v.picture(p.Headers, key)
		p.Days = v.days(p.Headers, now)
		p.choosePair()
		if err := p.markGood(r, v.store, key); err != nil {
			return err
		}
	}
	status := p.Form.status()
	if len(p.Headers) == 0 && !form.Active() && p.First == "" && status == http.StatusOK {
		status, p.Near = http.StatusNotFound, v.near(r)
	}
	return v.render(w, status, "object.html", p)
}

// asThread reports whether an object's stories are shown as a thread: where that is asked
// for, and else where they are those of a trace or of a day.
func (v *viewer) asThread(view string, form searchForm, key story.Key, now time.Time) bool {
	switch {
	case view != "":
		return view == "thread"
	case key.Kind == story.KindTrace:
		return true
	}
	search, err := form.search(key, now)
	if err != nil {
		return false
	}
	since, until := timesOf(search)
	if until.IsZero() {
		until = now
	}
	return !since.IsZero() && until.Sub(since) <= 25*time.Hour // a day on which clocks are put back
}

// seeOther leads to another page.
func seeOther(w http.ResponseWriter, to string) error {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// eachRow yields the rows of all days, the newest first.
func (p *listPage) eachRow(yield func(*row) bool) {
	for d := range p.Days {
		for i := range p.Days[d].Rows {
			if !yield(&p.Days[d].Rows[i]) {
				return
			}
		}
	}
}

// choosePair chooses the newest story to be compared with the one before it that did the
// same, or else with the one before.
func (p *listPage) choosePair() {
	if !p.Several() {
		return
	}
	was := 1
	for i := 1; i < len(p.Headers); i++ {
		if reading.Alike(p.Headers[i], p.Headers[0]) && !p.Headers[i].IsAlias() {
			was = i
			break
		}
	}
	i := 0
	for r := range p.eachRow {
		r.Is, r.Was = i == 0, i == was
		i++
	}
}

// markGood marks the last story without an error that is like one that had an error since.
// What a filter leaves, and a page further on, do not tell which it is.
func (p *listPage) markGood(r *http.Request, store story.Store, key story.Key) error {
	bad := slices.IndexFunc(p.Headers, func(h story.Header) bool { return h.MaxLevel >= slog.LevelError })
	if bad < 0 || p.Form.Active() || p.First != "" {
		return nil
	}
	if good := reading.IndexGood(p.Headers, bad); good >= 0 {
		i := 0
		for r := range p.eachRow {
			r.Good = i == good
			i++
		}
		return nil
	}
	if p.Next == "" {
		return nil
	}
	good, err := reading.LastGood(r.Context(), store, p.Headers[bad])
	switch {
	case errors.Is(err, reading.ErrNoOther):
		return nil
	case err == nil && good.Key == key:
		p.OlderGood = &good
	}
	return err
}

// A listOf says what a page lists.
type listOf struct {
	page   string
	key    story.Key // of an object, or zero
	form   searchForm
	now    time.Time
	thread bool // a few, the oldest first of a trace and where a beginning is named
}

// list asks the store for the page that a request names. Where what it searches is wrong,
// the page says so and has no stories.
func (v *viewer) list(r *http.Request, of listOf) (*listPage, story.Search, error) {
	values := r.URL.Query()
	p := &listPage{Form: of.form}
	p.Unfiltered = link(of.page, without(values, append(searchParameters, "cursor")...))
	p.Tail = link("tail", without(values, "cursor", "since", "until", "view"))
	search, err := of.form.search(of.key, of.now)
	p.Times = timeLinks(search, of.now, searchLink)
	if p.Form.wrong(err) {
		return p, search, nil
	}
	if err != nil {
		return nil, search, err
	}
	lookup := story.Lookup{Search: search, Cursor: values.Get("cursor")}
	if of.thread {
		since, _ := timesOf(search)
		p.Forward = !since.IsZero() || of.key.Kind == story.KindTrace
		lookup.OldestFirst, lookup.Limit = p.Forward, threadStories
	}
	found, err := lookup.Find(r.Context(), v.store)
	if err != nil {
		return nil, search, err
	}
	p.Headers = found.Headers
	if lookup.Cursor != "" {
		p.First = link(of.page, without(values, "cursor"))
	}
	if found.Next != "" {
		p.Next = link(of.page, with(values, "cursor", found.Next))
	}
	if found.Short {
		q, _ := search.Query()
		p.Looked = reading.Looked(found, lookup.Cursor == "" && q.Until.IsZero() && !of.thread, of.now)
	}
	return p, search, nil
}

// levelClass names a level for the style sheet.
func levelClass(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warn"
	case level >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}

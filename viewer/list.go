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
	Headers    []story.Header
	LastGood   string        // id of the object's latest story without an error
	OlderGood  *story.Header // the same, where it is not among the headers of the first page
	Picture    *picture
	First      string // link to the first page, where this is not it
	Next       string // link to the page after
	Looked     string // how far was looked, where the page ended for that
	Unfiltered string
	Tail       string
}

// Several reports whether there are two stories to compare.
func (p *listPage) Several() bool { return len(p.Headers) > 1 }

// recent shows the newest stories of all objects.
func (v *viewer) recent(w http.ResponseWriter, r *http.Request) error {
	if key := strings.TrimSpace(r.URL.Query().Get("key")); key != "" { // typed into the form
		if _, err := story.ParseKey(key); err != nil {
			return err
		}
		return seeOther(w, link("object", url.Values{"key": {key}}))
	}
	form := formOf(r)
	if to, found := form.object(time.Now().In(v.opts.Zone)); found {
		return seeOther(w, to)
	}
	p, err := v.list(r, "", story.Key{}, form)
	if err != nil {
		return err
	}
	p.Title = "Stories"
	return v.render(w, p.Form.status(), "recent.html", p)
}

// object shows the stories of one.
func (v *viewer) object(w http.ResponseWriter, r *http.Request) error {
	key, err := story.ParseKey(r.URL.Query().Get("key"))
	if err != nil {
		return err
	}
	form := formOf(r)
	if to, found := form.object(time.Now().In(v.opts.Zone)); found {
		return seeOther(w, to)
	}
	p, err := v.list(r, "object", key, form)
	if err != nil {
		return err
	}
	p.Title, p.Key = key.String(), key.String()
	if len(p.Headers) > 0 {
		p.Picture = v.picture(p.Headers)
		if err := p.markGood(r, v.store, key); err != nil {
			return err
		}
	}
	return v.render(w, p.Form.status(), "object.html", p)
}

// seeOther leads to another page.
func seeOther(w http.ResponseWriter, to string) error {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// markGood marks the last story without an error, where there is one with an error to
// compare with it. What a filter leaves, and a page further on, do not tell which it is.
func (p *listPage) markGood(r *http.Request, store story.Store, key story.Key) error {
	bad := slices.IndexFunc(p.Headers, func(h story.Header) bool { return h.MaxLevel >= slog.LevelError })
	if bad < 0 || p.Form.Active() || p.First != "" {
		return nil
	}
	if i := reading.IndexGood(p.Headers, bad); i >= 0 {
		p.LastGood = p.Headers[i].ID
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

// list asks the store for the page that a request names. Where what it searches is wrong,
// the page says so and has no stories.
func (v *viewer) list(r *http.Request, page string, key story.Key, form searchForm) (*listPage, error) {
	values, now := r.URL.Query(), time.Now().In(v.opts.Zone)
	p := &listPage{Form: form}
	p.Unfiltered = link(page, without(values, append(searchParameters, "cursor")...))
	p.Tail = link("tail", without(values, "cursor", "since", "until"))
	search, err := form.search(key, now)
	if p.Form.wrong(err) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	cursor := values.Get("cursor")
	found, err := story.Lookup{Search: search, Cursor: cursor}.Find(r.Context(), v.store)
	if err != nil {
		return nil, err
	}
	p.Headers = found.Headers
	if cursor != "" {
		p.First = link(page, without(values, "cursor"))
	}
	if found.Next != "" {
		p.Next = link(page, with(values, "cursor", found.Next))
	}
	if found.Short {
		q, _ := search.Query()
		p.Looked = reading.Looked(found, cursor == "" && q.Until.IsZero(), now)
	}
	return p, nil
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

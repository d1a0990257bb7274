package viewer

import (
	"fmt"
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
	Form       listForm
	Headers    []story.Header
	LastGood   string        // id of the object's latest story without an error
	OlderGood  *story.Header // the same, where it is not among the headers of the first page
	Picture    *picture
	First      string // link to the first page, where this is not it
	Next       string // link to the page after
	Unfiltered string
	Tail       string
}

// Several reports whether there are two stories to compare.
func (p *listPage) Several() bool { return len(p.Headers) > 1 }

// listForm holds the filter as it was typed.
type listForm struct{ Kind, Level, Since, Until, Text string }

// Active reports whether the filter leaves anything out.
func (f listForm) Active() bool { return f != listForm{} }

// recent shows the newest stories of all objects.
func (v *viewer) recent(w http.ResponseWriter, r *http.Request) error {
	if key := strings.TrimSpace(r.URL.Query().Get("key")); key != "" { // typed into the form
		if _, err := story.ParseKey(key); err != nil {
			return err
		}
		w.Header().Set("Location", link("object", url.Values{"key": {key}}))
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	p, err := v.list(r, "", story.Key{})
	if err != nil {
		return err
	}
	p.Title = "Stories"
	return v.render(w, http.StatusOK, "recent.html", p)
}

// object shows the stories of one.
func (v *viewer) object(w http.ResponseWriter, r *http.Request) error {
	key, err := story.ParseKey(r.URL.Query().Get("key"))
	if err != nil {
		return err
	}
	p, err := v.list(r, "object", key)
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
	return v.render(w, http.StatusOK, "object.html", p)
}

// markGood marks the last story without an error. What a filter leaves, and a page
// further on, do not tell which it is.
func (p *listPage) markGood(r *http.Request, store story.Store, key story.Key) error {
	if p.Form.Active() || p.First != "" {
		return nil
	}
	if i := slices.IndexFunc(p.Headers, reading.IsGood); i >= 0 {
		p.LastGood = p.Headers[i].ID
		return nil
	}
	if p.Next == "" {
		return nil
	}
	good, found, err := reading.LastGood(r.Context(), store, key, p.Headers[len(p.Headers)-1].ID)
	if found {
		p.OlderGood = &good
	}
	return err
}

// list asks the store for the page that a request names.
func (v *viewer) list(r *http.Request, page string, key story.Key) (*listPage, error) {
	values := r.URL.Query()
	p := &listPage{Form: listForm{
		Kind: values.Get("kind"), Level: strings.ToLower(values.Get("level")), Since: values.Get("since"),
		Until: values.Get("until"), Text: values.Get("q"),
	}}
	q, err := p.Form.query(time.Now().In(v.opts.Zone))
	if err != nil {
		return nil, err
	}
	q.Key, q.Cursor = key, values.Get("cursor")
	got, err := v.store.List(r.Context(), q)
	if err != nil {
		return nil, err
	}
	p.Headers = got.Headers
	if q.Cursor != "" {
		p.First = link(page, with(values, "cursor", ""))
	}
	if got.Next != "" {
		p.Next = link(page, with(values, "cursor", got.Next))
	}
	p.Unfiltered = link(page, with(values, "kind", "", "level", "", "since", "", "until", "", "q", "", "cursor", ""))
	p.Tail = link("tail", with(values, "cursor", "", "since", "", "until", ""))
	return p, nil
}

func (f listForm) query(now time.Time) (q story.Query, err error) {
	q.Kind, q.Text = f.Kind, f.Text
	if len(f.Text) > reading.MostText {
		return q, fmt.Errorf("%w: q is a text of at most %d bytes, not of %d", reading.ErrBadView, reading.MostText, len(f.Text))
	}
	level, err := reading.ParseLevel(f.Level)
	if err != nil {
		return q, err
	}
	if level != nil {
		q.MinLevel = *level
	}
	if q.Since, err = reading.ParseTime(f.Since, now); err != nil {
		return q, err
	}
	q.Until, err = reading.ParseTime(f.Until, now)
	return q, err
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

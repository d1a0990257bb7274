package viewer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// searchParameters are those of an address that search. All but q are of older addresses.
var searchParameters = []string{"q", "kind", "level", "since", "until"}

// A searchForm holds a search as it was typed.
type searchForm struct {
	Text                        string
	Before, Term, After, Reason string // of the text where a term is wrong, and why
}

// formOf returns the search of an address, whatever parameters it is in.
func formOf(r *http.Request) searchForm {
	values := r.URL.Query()
	var terms []string
	if text := strings.TrimSpace(values.Get("q")); text != "" {
		terms = append(terms, text)
	}
	for _, name := range searchParameters[1:] {
		if value := values.Get(name); value != "" {
			terms = append(terms, story.SearchTerm(name, value))
		}
	}
	return searchForm{Text: strings.Join(terms, " ")}
}

// Active reports whether the search leaves anything out.
func (f *searchForm) Active() bool { return f.Text != "" }

// status is that of the page with the form.
func (f *searchForm) status() int {
	if f.Reason != "" {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// search reads the form, among the stories of a key unless that is zero.
func (f *searchForm) search(key story.Key, now time.Time) (story.Search, error) {
	if len(f.Text) > reading.MostText {
		return story.Search{}, fmt.Errorf("%w: a search is a text of at most %d bytes, not of %d", reading.ErrBadView, reading.MostText, len(f.Text))
	}
	before := ""
	if !key.IsZero() {
		before = story.SearchTerm("key", key.String()) + " "
	}
	s, err := story.ParseSearch(before+f.Text, now)
	if bad := (*story.SearchError)(nil); errors.As(err, &bad) {
		bad.Text, bad.At, bad.End = f.Text, bad.At-len(before), bad.End-len(before)
	}
	return s, err
}

// wrong marks the term that an error is about, and reports whether it is about one.
func (f *searchForm) wrong(err error) bool {
	var bad *story.SearchError
	if !errors.As(err, &bad) {
		return false
	}
	f.Before, f.Term, f.After, f.Reason = bad.Text[:bad.At], bad.Term(), bad.Text[bad.End:], bad.Reason
	return true
}

// object returns the link to the page of the object that the form names a key of.
func (f *searchForm) object(now time.Time) (to string, found bool) {
	s, err := f.search(story.Key{}, now)
	if err != nil {
		return "", false
	}
	key, rest, found := s.CutKey()
	values := url.Values{"key": {key.String()}}
	if !rest.IsZero() {
		values.Set("q", rest.String())
	}
	return link("object", values), found
}

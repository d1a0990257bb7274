package viewer

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// What the first page shows of each.
const (
	mostProblems = 10
	mostSlow     = 10
	mostKinds    = 20
)

// A front sums up a time: what failed, what is slow.
type front struct {
	*reading.Overview
	Period                     period
	Histogram                  *histogram
	ToFailed, ToWarned, ToOpen string // links to the stories
	Kinds                      []kindLink
	AllKinds                   string // link, where one is chosen
	Fails                      []problemRow
	Bad                        string // link to all stories that went wrong, where not all problems are shown
	Slows                      []slowRow
	Looked                     string // how far was looked, where not all was
	Further                    string // link that looks further
}

type kindLink struct {
	reading.KindCount
	Link string
}

type problemRow struct {
	reading.Problem
	What, More string // the cause in two pieces
	Link       string
	Sparkline  sparkline
}

type slowRow struct {
	reading.Slow
	Link, SlowestLink string
}

// front sums up the time that a search is for. It is nil where the search picks out single
// stories of any time: nothing is to be summed up then.
func (v *viewer) front(r *http.Request, search story.Search, now time.Time) (*front, error) {
	p, asked := periodOf(search, now)
	if !asked && !search.Without("kind", "until").IsZero() || !asked && !hasNoEnd(search) {
		return nil, nil
	}
	o, err := v.overview(r.Context(), search, p, asked)
	if err != nil {
		return nil, err
	}
	rest := search.Without("since", "until")
	in := func(more string) string { return searchLink(during(rest, p.From, p.To, v.opts.Zone) + more) }
	f := &front{Overview: o, Period: p, ToFailed: in(" level:error"), ToWarned: in(" level=warn"), ToOpen: in(" state:open")}
	f.Histogram = v.histogram(o, p, func(from, to time.Time) string { return searchLink(during(rest, from, to, v.opts.Zone)) })
	f.kinds(search)
	f.problems(v, rest)
	f.slow(v)
	if o.Short {
		f.Looked = reading.Looked(story.Found{Looked: o.Looked, Back: o.Back}, true, now)
		f.Further = searchLink(during(rest, p.From, o.Back, v.opts.Zone))
	}
	return f, nil
}

func hasNoEnd(search story.Search) bool {
	_, until := timesOf(search)
	return until.IsZero()
}

func (f *front) kinds(search story.Search) {
	if rest := search.Without("kind"); rest.String() != search.String() {
		f.AllKinds = searchLink(rest.String())
		return
	}
	for _, k := range f.Overview.Kinds[:min(len(f.Overview.Kinds), mostKinds)] {
		f.Kinds = append(f.Kinds, kindLink{k, searchLink(join(search.String(), story.SearchTerm("kind", k.Kind)))})
	}
}

func (f *front) problems(v *viewer, rest story.Search) {
	for _, p := range f.Overview.Problems[:min(len(f.Overview.Problems), mostProblems)] {
		r := problemRow{Problem: p, Sparkline: sparklineOf(p.Spark)}
		r.New = p.New && f.knowsBefore()
		r.What, r.More = inTwo(p.Newest)
		if r.Link = problemLink(p.ID, ""); p.ID == "" { // stored before headers had one
			r.Link = searchLink(routeSearch(p.Kind, p.Route, p.Newest) + " level:warn")
		}
		f.Fails = append(f.Fails, r)
	}
	if len(f.Overview.Problems) > len(f.Fails) {
		f.Bad = searchLink(during(rest, f.Period.From, f.Period.To, v.opts.Zone) + " level:warn")
	}
}

// knowsBefore reports whether stories were there through most of the time before: what none
// of them had is new then, and not the beginning of what is stored.
func (f *front) knowsBefore() bool {
	if f.Was.Stories == 0 {
		return true // ReadOverview has seen to it
	}
	before := f.Period.Span.Before()
	return !f.ShortBefore && !f.Back.IsZero() && f.Back.Before(before.From.Add(before.To.Sub(before.From)/2))
}

func (f *front) slow(v *viewer) {
	for _, s := range f.Overview.Slow[:min(len(f.Overview.Slow), mostSlow)] {
		if s.P95 == 0 {
			continue // in whole milliseconds
		}
		search := routeSearch(s.Kind, s.Route, s.Slowest)
		f.Slows = append(f.Slows, slowRow{s, searchLink(search + " " + during(story.Search{}, f.Period.From, f.Period.To, v.opts.Zone)), storyLink(s.Slowest)})
	}
}

// Title says how things are, as that of the page.
func (f *front) Title() string {
	switch {
	case f.Failed > 0:
		return fmt.Sprintf("✗ %s failed · Stories", humanize.Comma(int64(f.Failed)))
	default:
		return "Stories"
	}
}

// inTwo returns why a story went wrong, with what follows its first colon apart.
func inTwo(h story.Header) (what, more string) {
	text := h.Cause
	if text == "" {
		text = h.Title
	}
	if what, more, found := strings.Cut(text, ": "); found {
		return what, more
	}
	return text, ""
}

package viewer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	problemTime  = 7 * 24 * time.Hour // that is looked at unless another is asked for
	problemRows  = 50
	problemMost  = 1000
	goodMost     = 200
	goodLook     = 1000
	mostCommon   = 10
	mostStories  = 100_000 // that headers stand for
	leastCommon  = 60      // of a hundred stories that have a fact in common
	mostDistinct = 50      // values of a fact that are told apart
)

// A problemPage shows the stories in which the same went wrong.
type problemPage struct {
	listPage
	What, More string // why, in two pieces
	ID         string
	Period     period
	Facts      *problemFacts
	Histogram  *histogram
	Compare    string // link that compares the newest with the last good one
	All        string // link to all of its stories, as a search
}

// problemFacts are what headers tell of a problem.
type problemFacts struct {
	story.Found
	*reading.Overview
	Problem reading.Problem // where Headers are any
	Good    []story.Header  // stories of the same kind and route that ended without an error
	Common  []commonFact
}

// A commonFact is what most stories of a problem have in common: the name and value of an
// attribute, and how many of those that have another or none have it all the same.
type commonFact struct {
	Name, Value, Link string
	Bad, AllBad       int
	Good, AllGood     int
}

// Telling reports whether it tells the stories from the good ones.
func (c commonFact) Telling() bool {
	return c.AllGood >= 3 && c.Bad*c.AllGood > 2*c.Good*c.AllBad
}

func (v *viewer) problem(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("id")
	if id == "" || len(id) > story.MaxProblem {
		return fmt.Errorf("%w: a problem is named by at most %d bytes", reading.ErrBadView, story.MaxProblem)
	}
	now, form := time.Now().In(v.opts.Zone), formOf(r)
	p := &problemPage{ID: id, listPage: listPage{Form: form}}
	to := func(search string) string { return problemLink(id, search) }
	p.Unfiltered = to("")
	search, err := form.search(story.Key{}, now)
	p.Times = timeLinks(search, now, to)
	if p.Form.wrong(err) {
		p.Title = "Problem"
		return v.render(w, p.Form.status(), "problem.html", p)
	}
	if err != nil {
		return err
	}
	if _, asked := periodOf(search, now); !asked {
		search = search.Within(now.Add(-problemTime), time.Time{})
	}
	p.Period, _ = periodOf(search, now)
	p.Times = slices.DeleteFunc(timeLinks(search, now, to), func(c choice) bool { return c.Text == anyTime })
	question := id + "\n" + search.Without("since", "until").String() + "\n" + p.Period.key()
	p.Facts, err = v.problems.get(r.Context(), question, v.opts.Timeout, func(ctx context.Context) (*problemFacts, error) {
		return v.problemFacts(ctx, id, search, p.Period)
	})
	if err != nil {
		return err
	}
	p.show(v, search, now)
	return v.render(w, http.StatusOK, "problem.html", p)
}

// show makes the page of its facts.
func (p *problemPage) show(v *viewer, search story.Search, now time.Time) {
	f := p.Facts
	named := join(story.SearchTerm("problem", p.ID), search.Without("since", "until").String())
	p.All = searchLink(named)
	p.Headers = f.Headers[:min(len(f.Headers), problemRows)]
	p.Days = v.days(p.Headers, now)
	if len(p.Headers) < len(f.Headers) {
		oldest := p.Headers[len(p.Headers)-1].Start
		p.Next = searchLink(named + " until:" + oldest.UTC().Format(time.RFC3339Nano))
	} else if f.Next != "" {
		p.Next = link("", url.Values{"q": {named}, "cursor": {f.Next}})
	}
	if f.Found.Short {
		p.Looked = reading.Looked(f.Found, true, now)
	}
	p.Title = "Problem"
	if len(f.Headers) == 0 {
		return
	}
	p.What, p.More = inTwo(f.Problem.Newest)
	p.Title = fmt.Sprintf("✗ %s ×%d", p.What, f.Problem.Count)
	p.Histogram = v.histogram(f.Overview, p.Period, func(from, to time.Time) string {
		return searchLink(named + " " + during(story.Search{}, from, to, v.opts.Zone))
	})
	if len(f.Good) > 0 {
		values := storyValues(f.Problem.Newest.Key, "")
		values.Del("id")
		values.Set("is", f.Problem.Newest.ID)
		values.Set("good", "1")
		p.Compare = link("diff", values)
	}
}

// problemFacts reads the stories of a problem, and good ones beside them.
func (v *viewer) problemFacts(ctx context.Context, id string, search story.Search, p period) (*problemFacts, error) {
	rest := search.Without("since", "until")
	f := &problemFacts{}
	var err error
	if f.Found, err = v.problemStories(ctx, id, rest, p); err != nil {
		return nil, err
	}
	f.Overview = reading.Summarize(eachStory(f.Headers), p.Span)
	if len(f.Overview.Problems) == 0 {
		f.Headers = nil
		return f, nil
	}
	f.Problem = f.Overview.Problems[0]
	newest := f.Problem.Newest
	good, err := story.ParseSearch(routeSearch(f.Problem.Kind, f.Problem.Route, newest)+" level<error -state:open", p.To)
	if err != nil {
		return nil, err
	}
	found, err := story.Lookup{Search: good.Within(p.From, p.To), Limit: goodMost, Look: goodLook}.Find(ctx, v.store)
	if err != nil {
		return nil, err
	}
	f.Good = slices.DeleteFunc(found.Headers, func(h story.Header) bool { return reading.Route(h) != f.Problem.Route })
	f.Common = commonFacts(f.Headers, f.Good)
	return f, nil
}

// problemStories finds the stories of a problem. Where reading is billed they are those that
// are listed under its key, if any are, each of which may stand for several; else all are
// found among the headers that went wrong.
func (v *viewer) problemStories(ctx context.Context, id string, rest story.Search, p period) (story.Found, error) {
	if _, metered := v.store.(story.Meter); metered && rest.IsZero() {
		if found, err := v.listedProblem(ctx, id, p, problemMost); err != nil || len(found.Headers) > 0 {
			return found, err
		}
	}
	named, err := story.ParseSearch(join(story.SearchTerm("problem", id), rest.String()), p.To)
	if err != nil {
		return story.Found{}, err
	}
	return story.Lookup{Search: named.Within(p.From, p.To), Limit: problemMost}.Find(ctx, v.store)
}

// listedProblem finds the stories that are listed under a problem's key, each of which may
// stand for several. A zero period is any time.
func (v *viewer) listedProblem(ctx context.Context, id string, p period, limit int) (story.Found, error) {
	key := story.NewKey(story.KindProblem, id)
	listed, err := story.ParseSearch(story.SearchTerm("key", key.String()), p.To)
	if err != nil {
		return story.Found{}, err
	}
	found, err := story.Lookup{Search: listed.Within(p.From, p.To), Limit: limit}.Find(ctx, v.store)
	for i := range found.Headers {
		found.Headers[i].Key, found.Headers[i].Of = reading.About(found.Headers[i]), story.Key{}
	}
	return found, err
}

// eachStory yields a header for each story that it stands for, as far as that can be.
func eachStory(headers []story.Header) iter.Seq[story.Header] {
	return func(yield func(story.Header) bool) {
		left := mostStories
		for _, h := range headers {
			n := min(h.Stories(), left)
			left -= n - 1
			for range n {
				if !yield(h) {
					return
				}
			}
		}
	}
}

// commonFacts returns the attributes that most of the bad stories have in common, first
// those by which they differ from the good ones.
func commonFacts(bad, good []story.Header) (facts []commonFact) {
	if len(bad) < 2 {
		return nil
	}
	ofBad, ofGood := countAttrs(bad), countAttrs(good)
	for name, values := range ofBad {
		value, n := mostFrequent(values)
		if n < 2 || n*100 < leastCommon*len(bad) {
			continue
		}
		facts = append(facts, commonFact{
			Name: name, Value: value, Link: searchLink(attrSearch(name, value)),
			Bad: n, AllBad: len(bad), Good: ofGood[name][value], AllGood: len(good),
		})
	}
	slices.SortFunc(facts, func(a, b commonFact) int {
		return cmp.Or(cmp.Compare(b.Bad*max(len(good), 1)-b.Good*len(bad), a.Bad*max(len(good), 1)-a.Good*len(bad)), strings.Compare(a.Name, b.Name))
	})
	return facts[:min(len(facts), mostCommon)]
}

// countAttrs counts the values of each attribute, but for those that hardly repeat.
func countAttrs(headers []story.Header) map[string]map[string]int {
	counts := make(map[string]map[string]int)
	for _, h := range headers {
		for name, value := range reading.OwnAttrs(h) {
			if counts[name] == nil {
				counts[name] = make(map[string]int)
			}
			if _, known := counts[name][value]; known || len(counts[name]) < mostDistinct {
				counts[name][value]++
			}
		}
	}
	return counts
}

func mostFrequent(values map[string]int) (value string, n int) {
	for _, v := range slices.Sorted(maps.Keys(values)) {
		if values[v] > n {
			value, n = v, values[v]
		}
	}
	return value, n
}

package reading

import (
	"cmp"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/normal"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Span is the time that an overview is of, and what that is compared with: as much time
// before it.
type Span struct {
	From, To time.Time // stories that began at From or later, and before To
	Bars     int       // into how many equal times it is divided; 60 if 0
}

// Before returns the time that the span is compared with.
func (s Span) Before() Span { return Span{s.From.Add(s.From.Sub(s.To)), s.From, s.Bars} }

func (s Span) holds(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

func (s Span) bars() int { return cmp.Or(max(s.Bars, 0), 60) }

// step returns how long a bar is; the last may be shorter.
func (s Span) step() time.Duration {
	n := time.Duration(s.bars())
	return max((s.To.Sub(s.From)+n-1)/n, 1)
}

// start returns when a bar begins.
func (s Span) start(bar int) time.Time {
	if at := s.From.Add(s.step() * time.Duration(bar)); at.Before(s.To) {
		return at
	}
	return s.To
}

// An Overview says how things are: what headers tell of a time, beside the time before it.
type Overview struct {
	Span
	Tally
	Was      Tally // of the time before
	Minutes  []Minute
	Kinds    []KindCount // the one with the most stories first
	Problems []Problem   // errors before warnings, and of each the most frequent first
	Slow     []Slow      // what became slower first, by how much; then by the 95th percentile

	// Looked is how many headers were looked at in all, and Back when the oldest of them
	// began; zero where there was none. Short says that Span was not looked at to its
	// beginning, and ShortBefore that the time before it was not.
	Looked             int
	Back               time.Time
	Short, ShortBefore bool
}

// A Tally counts stories. One that is open may have failed.
type Tally struct {
	Stories int
	Failed  int // with an error
	Warned  int // with a warning, and no error
	Open    int // not ended yet
}

func (t *Tally) add(h *story.Header) {
	t.Stories++
	switch {
	case h.MaxLevel >= slog.LevelError:
		t.Failed++
	case h.MaxLevel >= slog.LevelWarn:
		t.Warned++
	}
	if h.State == story.Open {
		t.Open++
	}
}

// A Minute is what began in one of the equal times of a span.
type Minute struct {
	Start, End time.Time
	Tally
}

// A KindCount counts the stories of a kind of keys.
type KindCount struct {
	Kind string
	Tally
}

// A Problem is stories in which the same went wrong.
type Problem struct {
	ID      string     // [story.Header].Problem; empty where headers have none: then Cause is too
	Level   slog.Level // the highest
	Cause   string     // of the newest, as the other two
	Kind    string
	Route   string // as [Route] has it
	Count   int
	Objects int // how many keys it happened to
	First   time.Time
	Last    time.Time
	Newest  story.Header
	Before  int   // how many stories had it in the time before
	New     bool  // whether none had; ReadOverview does not say so where it has none to compare with
	Spark   []int // stories in each of the Minutes
}

// Slow is how long the stories of one kind and route took that have ended. Percentiles are
// durations that stories had: the smallest that so many stories did not exceed.
type Slow struct {
	Kind, Route  string
	Count        int
	Median, P95  time.Duration
	Slowest      story.Header
	CountBefore  int // the same of the time before
	MedianBefore time.Duration
	P95Before    time.Duration
	Slower       float64 // P95 as a multiple of P95Before, where both times have enough stories to say so; else 0
}

// Worse reports whether it takes longer than before, by what is no chance.
func (s *Slow) Worse() bool {
	return s.Slower >= worseFactor && s.P95-s.P95Before >= worseLeast
}

const (
	worseFactor  = 1.5
	worseLeast   = 20 * time.Millisecond
	worseStories = 5 // in each of the two times
)

// Route returns what a story did, for those that did the same: the attribute route, or else
// its title with N for numbers and ids.
func Route(h story.Header) string {
	if route := h.Attrs["route"]; route != "" {
		return route
	}
	return normal.Shape(h.Title)
}

// Summarize returns the overview that headers give of a span, in any order. Those that
// began in the time before it are what it is compared with, all others are left out.
func Summarize(headers iter.Seq[story.Header], span Span) *Overview {
	o := &Overview{Span: span, Minutes: make([]Minute, span.bars())}
	for i := range o.Minutes {
		o.Minutes[i].Start, o.Minutes[i].End = span.start(i), span.start(i+1)
	}
	s := summary{Overview: o, before: span.Before(), kinds: make(map[string]*Tally),
		problems: make(map[problemID]*problem), took: make(map[kindRoute]*took)}
	for h := range headers {
		switch {
		case span.holds(h.Start):
			s.now(&h)
		case s.before.holds(h.Start):
			s.was(&h)
		default:
			continue
		}
		if o.Looked++; o.Back.IsZero() || h.Start.Before(o.Back) {
			o.Back = h.Start
		}
	}
	s.finish()
	return o
}

// A summary is an overview in the making.
type summary struct {
	*Overview
	before   Span
	kinds    map[string]*Tally
	problems map[problemID]*problem
	took     map[kindRoute]*took
}

type kindRoute struct{ kind, route string }

// A problemID tells problems apart, also those of headers without a Problem, by what the
// story did.
type problemID struct {
	id string
	of kindRoute
}

type problem struct {
	Problem
	keys map[story.Key]bool
}

type took struct {
	now, before []time.Duration
	slowest     story.Header // of now
}

func (s *summary) now(h *story.Header) {
	s.Tally.add(h)
	bar := int(h.Start.Sub(s.From) / s.step())
	s.Minutes[bar].Tally.add(h)
	kind := s.kinds[h.Key.Kind]
	if kind == nil {
		kind = new(Tally)
		s.kinds[h.Key.Kind] = kind
	}
	kind.add(h)
	of := kindRoute{h.Key.Kind, Route(*h)}
	if p := s.problem(h, of); p != nil {
		p.add(h, of, bar)
	}
	if t := s.ended(h, of); t != nil {
		if len(t.now) == 0 || h.Duration > t.slowest.Duration || h.Duration == t.slowest.Duration && h.ID > t.slowest.ID {
			t.slowest = *h
		}
		t.now = append(t.now, h.Duration)
	}
}

func (s *summary) was(h *story.Header) {
	s.Was.add(h)
	of := kindRoute{h.Key.Kind, Route(*h)}
	if p := s.problem(h, of); p != nil {
		p.Before++
	}
	if t := s.ended(h, of); t != nil {
		t.before = append(t.before, h.Duration)
	}
}

// problem returns the problem of a story, or nil where nothing went wrong.
func (s *summary) problem(h *story.Header, of kindRoute) *problem {
	if h.MaxLevel < slog.LevelWarn {
		return nil
	}
	id := problemID{id: h.Problem}
	if id.id == "" {
		id.of = of
	}
	p := s.problems[id]
	if p == nil {
		p = &problem{Problem: Problem{ID: h.Problem}, keys: make(map[story.Key]bool)}
		s.problems[id] = p
	}
	return p
}

func (p *problem) add(h *story.Header, of kindRoute, bar int) {
	if p.Count == 0 {
		p.Level, p.First = h.MaxLevel, h.Start
	}
	p.Level = max(p.Level, h.MaxLevel)
	if h.Start.Before(p.First) {
		p.First = h.Start
	}
	if p.Count == 0 || h.ID > p.Newest.ID {
		p.Last, p.Newest, p.Cause, p.Kind, p.Route = h.Start, *h, h.Cause, of.kind, of.route
	}
	for len(p.Spark) <= bar {
		p.Spark = append(p.Spark, 0)
	}
	p.Spark[bar]++
	p.Count++
	p.keys[h.Key] = true
}

// ended returns where the duration of a story counts, or nil where it is not over.
func (s *summary) ended(h *story.Header, of kindRoute) *took {
	if h.State == story.Open {
		return nil
	}
	t := s.took[of]
	if t == nil {
		t = new(took)
		s.took[of] = t
	}
	return t
}

func (s *summary) finish() {
	for kind, tally := range s.kinds {
		s.Kinds = append(s.Kinds, KindCount{kind, *tally})
	}
	slices.SortFunc(s.Kinds, func(a, b KindCount) int {
		return cmp.Or(cmp.Compare(b.Stories, a.Stories), cmp.Compare(a.Kind, b.Kind))
	})
	for _, p := range s.problems {
		if p.Count == 0 {
			continue
		}
		p.Objects, p.New = len(p.keys), p.Before == 0
		p.Spark = append(p.Spark, make([]int, s.bars()-len(p.Spark))...)
		s.Problems = append(s.Problems, p.Problem)
	}
	slices.SortFunc(s.Problems, func(a, b Problem) int {
		return cmp.Or(-cmpBool(a.Level >= slog.LevelError, b.Level >= slog.LevelError), cmp.Compare(b.Count, a.Count),
			b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Route, b.Route))
	})
	for of, t := range s.took {
		if len(t.now) > 0 {
			s.Slow = append(s.Slow, t.slow(of))
		}
	}
	slices.SortFunc(s.Slow, func(a, b Slow) int {
		worseA, worseB := a.Worse(), b.Worse()
		if worseA && worseB {
			if d := cmp.Compare(b.Slower, a.Slower); d != 0 {
				return d
			}
		}
		return cmp.Or(-cmpBool(worseA, worseB), cmp.Compare(b.P95, a.P95), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Route, b.Route))
	})
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (t *took) slow(of kindRoute) Slow {
	slices.Sort(t.now)
	slices.Sort(t.before)
	slow := Slow{
		Kind: of.kind, Route: of.route, Slowest: t.slowest,
		Count: len(t.now), Median: percentile(t.now, 50), P95: percentile(t.now, 95),
		CountBefore: len(t.before), MedianBefore: percentile(t.before, 50), P95Before: percentile(t.before, 95),
	}
	if slow.Count >= worseStories && slow.CountBefore >= worseStories && slow.P95Before > 0 {
		slow.Slower = float64(slow.P95) / float64(slow.P95Before)
	}
	return slow
}

// percentile returns the smallest of sorted durations that p of a hundred do not exceed,
// or 0 where there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}

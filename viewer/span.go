package viewer

import (
	"context"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A timeChoice is a time that a page offers, by a search for it.
type timeChoice struct {
	text, search string
	in, before   string // in words, and the time before it
}

// hourChoice is what the front page shows where no time is asked for.
var hourChoice = timeChoice{"1 h", "since:-1h", "in the last hour", "in the hour before"}

const anyTime = "any time"

var timeChoices = []timeChoice{
	hourChoice,
	{"24 h", "since:-24h", "in the last 24 hours", "in the 24 hours before"},
	{"today", "since:today", "today", "in as much time before"},
	{"yesterday", "since:yesterday until:today", "yesterday", "the day before"},
	{"7 d", "since:-7d", "in the last 7 days", "in the 7 days before"},
}

// A period is the time that a page sums up.
type period struct {
	reading.Span
	Step       time.Duration // of a bar
	In, Before string        // in words, and the time before it
}

// steps are how long a bar may be.
var steps = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour,
}

// mostBars is how many bars there are at most, but where a year has gone by.
const mostBars = 125

// periodOf returns the time that a search is for, and false where it names no beginning:
// it is the last hour then.
func periodOf(search story.Search, now time.Time) (p period, asked bool) {
	since, until := timesOf(search)
	p.In, p.Before = "in this time", "in as much time before"
	if asked = !since.IsZero(); !asked {
		p.In, p.Before = hourChoice.in, hourChoice.before
		since, until = now.Add(-time.Hour), time.Time{}
	}
	for _, c := range timeChoices {
		if asked && c.isFor(search, now) {
			p.In, p.Before = c.in, c.before
		}
	}
	open := until.IsZero()
	if open {
		until = now
	}
	length := max(until.Sub(since), time.Minute)
	for _, p.Step = range steps {
		if length <= (mostBars-2)*p.Step {
			break
		}
	}
	p.Step = max(p.Step, length/mostBars)
	p.From = since
	if open { // bars begin with the minute or the hour, and the last one is not over
		p.From = floor(since, min(p.Step, time.Hour))
		if length%p.Step == 0 && p.From.Before(since) {
			p.From = p.From.Add(p.Step)
		}
	}
	p.Bars = int((until.Sub(p.From) + p.Step - 1) / p.Step)
	if open {
		p.Bars = int(until.Sub(p.From)/p.Step) + 1
	}
	p.Bars = max(p.Bars, 1)
	if p.To = until; open {
		p.To = p.From.Add(time.Duration(p.Bars) * p.Step)
	}
	return p, asked
}

// floor returns the latest time that is a whole number of steps after midnight, and not later.
func floor(t time.Time, step time.Duration) time.Time {
	_, offset := t.Zone()
	ahead := time.Duration(offset) * time.Second
	return t.Add(ahead).Truncate(step).Add(-ahead)
}

// timesOf returns the times between which a search looks, zero where it names none.
func timesOf(search story.Search) (since, until time.Time) {
	q, _ := search.Query()
	return q.Since, q.Until
}

// isFor reports whether a search is for the time of the choice.
func (c timeChoice) isFor(search story.Search, now time.Time) bool {
	own, err := story.ParseSearch(c.search, now)
	if err != nil {
		return false
	}
	since, until := timesOf(search)
	ownSince, ownUntil := timesOf(own)
	return since.Equal(ownSince) && until.Equal(ownUntil)
}

// timeLinks returns the links to a search at other times, and at any.
func timeLinks(search story.Search, now time.Time, to func(search string) string) (links []choice) {
	rest := search.Without("since", "until").String()
	since, until := timesOf(search)
	for _, c := range timeChoices {
		links = append(links, choice{Text: c.text, Link: to(join(rest, c.search)), Chosen: c.isFor(search, now)})
	}
	return append(links, choice{Text: anyTime, Link: to(rest), Chosen: since.IsZero() && until.IsZero()})
}

func join(terms, more string) string {
	if terms == "" || more == "" {
		return terms + more
	}
	return terms + " " + more
}

// during writes the search for what is searched, in a time.
func during(search story.Search, from, to time.Time, zone *time.Location) string {
	write := func(t time.Time) string {
		layout := time.RFC3339Nano
		if t.Truncate(time.Minute).Equal(t) {
			layout = "2006-01-02T15:04Z07:00"
		}
		return t.In(zone).Format(layout)
	}
	return join(search.Without("since", "until").String(), "since:"+write(from)+" until:"+write(to))
}

// key tells periods apart.
func (p period) key() string { return p.From.UTC().String() + p.To.UTC().String() }

// overview sums up what a search selects in a period, as it was at most recallFor ago.
func (v *viewer) overview(ctx context.Context, search story.Search, p period, asked bool) (*reading.Overview, error) {
	rest := search.Without("since", "until")
	question := rest.String() + "\n" + p.key()
	return v.overviews.get(ctx, question, v.opts.Timeout, func(ctx context.Context) (*reading.Overview, error) {
		return reading.ReadOverview(ctx, v.store, rest, p.Span, v.look(asked))
	})
}

// How many headers of a time, and as many of the time before it, are read at most to sum it
// up: of a table, of what the first page shows without being asked, and of what is asked for.
const (
	lookMetered = 500
	lookFree    = 1000
	lookAsked   = 3000
)

func (v *viewer) look(asked bool) int {
	if v.opts.Overview > 0 {
		return v.opts.Overview
	}
	if _, metered := v.store.(story.Meter); metered {
		return lookMetered
	}
	if !asked {
		return lookFree
	}
	return lookAsked
}

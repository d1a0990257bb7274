package reading

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// What a look for news costs is bounded by these.
const (
	tailWindow = 2 * time.Minute // longer ones are stored as open before, see Options.MaxAge
	tailMost   = 200             // headers in a look
	tailFirst  = 10              // stories that the first look tells
	tailOpen   = 10              // open stories whose growth is read in a look
)

// A Tail finds what is new in a store: stories, and lines of open ones. It is not
// for several goroutines at once.
type Tail struct {
	Store story.Store
	Query story.Query // its times, order, limit and cursor are not used
	// Growth is how long after a look an open story is read again; 10 seconds if
	// zero. While nothing comes it doubles up to ten times that.
	Growth time.Duration

	began  bool
	known  map[place]*known
	untold []News // of a look that failed half-way
}

// News is a story that is new, or that has grown or ended.
type News struct {
	story.Header
	First bool         // whether it was not told before
	From  int          // number of the first of Lines
	Lines []story.Line // new ones of a story that was told as open
}

type place struct {
	key story.Key
	id  string
}

type known struct {
	start time.Time
	state story.State
	lines int
	wait  time.Duration
	due   time.Time // when it is read again, if it is open
}

// Look returns the news since the look before, oldest first; the first look
// returns the last few stories. What a look found before it failed is told by the
// next one.
func (t *Tail) Look(ctx context.Context) ([]News, error) {
	if t.known == nil {
		t.known = make(map[place]*known)
	}
	headers, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	if !t.began { // the others were there before
		last := max(len(headers)-tailFirst, 0)
		for _, h := range headers[:last] {
			t.known[place{h.Key, h.ID}] = &known{start: h.Start, state: story.Closed}
		}
		headers = headers[last:]
		t.began = true
	}
	fresh := t.fresh(headers)
	t.forget()
	grown, err := t.grown(ctx)
	slices.SortFunc(grown, func(a, b News) int { return cmp.Compare(a.ID, b.ID) })
	t.untold = append(append(t.untold, grown...), fresh...)
	if err != nil {
		return nil, err
	}
	news := t.untold
	t.untold = nil
	return news, nil
}

// list returns the latest headers, oldest first.
func (t *Tail) list(ctx context.Context) ([]story.Header, error) {
	q := t.Query
	q.Since, q.Until, q.OldestFirst, q.Cursor, q.Limit = time.Time{}, time.Time{}, false, "", tailMost
	if t.began {
		q.Since = time.Now().Add(-tailWindow)
	}
	var headers []story.Header
	for h, err := range story.All(ctx, t.Store, q) {
		if err != nil {
			return nil, err
		}
		if headers = append(headers, h); len(headers) == q.Limit {
			break
		}
	}
	slices.Reverse(headers)
	return headers, nil
}

// fresh returns the stories that were not told yet, or not that they have ended.
func (t *Tail) fresh(headers []story.Header) (news []News) {
	for _, h := range headers {
		at := place{h.Key, h.ID}
		k, told := t.known[at]
		switch {
		case !told:
			k = &known{start: h.Start, state: h.State, lines: h.LineCount}
			k.later(t.growth(), true)
			t.known[at] = k
			news = append(news, News{Header: h, First: true})
		case k.state != story.Open || h.State == story.Open:
		case h.LineCount > k.lines:
			k.due = time.Time{} // its last lines are told with its end
		default:
			k.state = h.State
			news = append(news, News{Header: h})
		}
	}
	return news
}

// grown reads some open stories that are due and returns those that went on: first
// those that have ended, then the latest.
func (t *Tail) grown(ctx context.Context) (news []News, err error) {
	var open []place
	for at, k := range t.known {
		if k.state == story.Open && !time.Now().Before(k.due) {
			open = append(open, at)
		}
	}
	slices.SortFunc(open, func(a, b place) int {
		if endedA, endedB := t.known[a].due.IsZero(), t.known[b].due.IsZero(); endedA != endedB {
			if endedA {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.id, a.id)
	})
	for _, at := range open[:min(len(open), tailOpen)] {
		s, err := t.Store.Read(ctx, at.key, at.id)
		k := t.known[at]
		switch {
		case errors.Is(err, story.ErrNotFound): // deleted meanwhile
			k.state = story.Closed
		case err != nil:
			k.later(t.growth(), false)
			return news, err
		case len(s.Lines) <= k.lines && s.State == k.state:
			k.later(t.growth(), false)
		default:
			from := min(k.lines, len(s.Lines))
			news = append(news, News{Header: s.Header, From: from + 1, Lines: s.Lines[from:]})
			k.state, k.lines = s.State, len(s.Lines)
			k.later(t.growth(), true)
		}
	}
	return news, nil
}

func (t *Tail) growth() time.Duration { return cmp.Or(t.Growth, 10*time.Second) }

// later sets when an open story is read again.
func (k *known) later(first time.Duration, grew bool) {
	k.wait = min(2*k.wait, 10*first)
	if grew || k.wait == 0 {
		k.wait = first
	}
	k.due = time.Now().Add(k.wait)
}

// forget drops what no look finds again.
func (t *Tail) forget() {
	if len(t.known) < 4*tailMost {
		return
	}
	old := time.Now().Add(-2 * tailWindow)
	for at, k := range t.known {
		if k.state != story.Open && k.start.Before(old) {
			delete(t.known, at)
		}
	}
}

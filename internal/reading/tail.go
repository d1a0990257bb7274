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
	tailOpen   = 10              // open stories whose growth is read
)

// A Tail finds what is new in a store: stories, and lines of open ones. It is not
// for several goroutines at once.
type Tail struct {
	Store story.Store
	Query story.Query // its times, order, limit and cursor are not used
	// Growth is how long after a look an open story is read again; 10 seconds if
	// zero. While nothing comes it doubles up to ten times that.
	Growth time.Duration

	began bool
	known map[place]*known
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
// returns the last few stories.
func (t *Tail) Look(ctx context.Context) ([]News, error) {
	if t.known == nil {
		t.known = make(map[place]*known)
	}
	grown, err := t.grown(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := t.fresh(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(fresh, func(a, b News) int { return cmp.Compare(a.ID, b.ID) })
	t.began = true
	return append(grown, fresh...), nil
}

// fresh returns the stories that were not told yet.
func (t *Tail) fresh(ctx context.Context) ([]News, error) {
	q := t.Query
	q.Until, q.OldestFirst, q.Cursor, q.Limit = time.Time{}, false, "", tailMost
	most := tailMost
	if t.began {
		q.Since = time.Now().Add(-tailWindow)
	} else {
		q.Since, q.Limit, most = time.Time{}, 10, 10
	}
	var news []News
	looked := 0
	for h, err := range story.All(ctx, t.Store, q) {
		if err != nil {
			return nil, err
		}
		at := place{h.Key, h.ID}
		k, told := t.known[at]
		if !told {
			t.known[at] = &known{start: h.Start, state: h.State, lines: h.LineCount}
			t.known[at].later(t.growth(), true)
			news = append(news, News{Header: h, First: true})
		} else if k.state == story.Open && h.State != story.Open {
			k.state = h.State
			news = append(news, News{Header: h})
		}
		if looked++; looked == most {
			break
		}
	}
	t.forget()
	return news, nil
}

// grown reads the latest open stories and returns those that went on.
func (t *Tail) grown(ctx context.Context) ([]News, error) {
	var open []place
	for at, k := range t.known {
		if k.state == story.Open && !time.Now().Before(k.due) {
			open = append(open, at)
		}
	}
	slices.SortFunc(open, func(a, b place) int { return cmp.Compare(b.id, a.id) })
	var news []News
	for _, at := range open[:min(len(open), tailOpen)] {
		s, err := t.Store.Read(ctx, at.key, at.id)
		k := t.known[at]
		switch {
		case errors.Is(err, story.ErrNotFound): // deleted meanwhile
			k.state = story.Closed
			continue
		case err != nil:
			return nil, err
		case len(s.Lines) <= k.lines && s.State == k.state:
			k.later(t.growth(), false)
			continue
		}
		from := min(k.lines, len(s.Lines))
		news = append(news, News{Header: s.Header, From: from + 1, Lines: s.Lines[from:]})
		k.state, k.lines = s.State, len(s.Lines)
		k.later(t.growth(), true)
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

package reading

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// What a look for news costs is bounded by these.
const (
	tailFirst = 10 // stories that the first look tells
	tailOpen  = 10 // open stories whose growth is read in a look
	tailMost  = 200
	tailBack  = 500
	tailKnown = 5000 // open stories that are remembered
)

// What is told of one story at once: more is read in the story itself.
const (
	MostNews  = 10_000  // lines
	mostBytes = 4 << 20 // of their text
)

// A window is how far back a look goes: the further, the less often, and never for
// more headers than that. Most stories are stored within seconds of their start,
// longer ones as open after a minute (see Options.MaxAge), some after an outage.
var windows = [...]struct {
	back, every time.Duration
	most        int
}{
	{15 * time.Second, 0, tailMost},
	{2 * time.Minute, 10 * time.Second, tailMost},
	{time.Hour, time.Minute, tailBack},
}

// A Tail finds what is new in a store: stories, and lines of open ones. It is not
// for several goroutines at once.
type Tail struct {
	Store story.Store
	Query story.Query // its times, order, limit and cursor are not used
	// Filter selects among the stories of the query; see [story.Search.Query].
	Filter story.Search
	// Growth is how long after a look an open story is read again; 10 seconds if
	// zero. While nothing comes it doubles up to ten times that.
	Growth time.Duration
	// After is when what was told before ended: the first look goes on from there,
	// instead of with the last few stories.
	After time.Time
	// Lines is whether stories that were not told before are told with their lines, for
	// which each is read.
	Lines bool

	began  bool
	behind bool
	full   bool      // whether the last list looked at as many headers as it does at most
	newest string    // id of the newest header of all lists
	reach  time.Time // what began before is not told: it may have been there
	due    [len(windows)]time.Time
	known  map[place]*known
	untold []News // of a look that failed half-way
}

// Behind reports whether there was more than the last look could tell.
func (t *Tail) Behind() bool { return t.behind }

// News is a story that is new, or that has grown or ended.
type News struct {
	story.Header
	First bool         // whether it was not told before
	From  int          // number of the first of Lines
	Lines []story.Line // new ones of a story that was told as open, the last if they are many
	Left  int          // how many new ones before them are left out
}

// LeftText says how many lines are left out.
func (n *News) LeftText() string { return Plural(n.Left, "line") + " before these are in the story" }

// newLines sets the new lines of a story. It holds nothing of what it leaves out.
func (n *News) newLines(lines []story.Line, from int) {
	first, size := len(lines), 0
	for first > from && len(lines)-first < MostNews && size < mostBytes {
		first--
		size += len(lines[first].Message) + len(lines[first].Attrs)
	}
	n.From, n.Lines, n.Left = first+1, lines[first:], first-from
	if first == 0 {
		return
	}
	n.Lines = slices.Clone(n.Lines)
	for i := range n.Lines {
		n.Lines[i].Message, n.Lines[i].Attrs = strings.Clone(n.Lines[i].Message), strings.Clone(n.Lines[i].Attrs)
	}
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
	if !t.began {
		headers = t.begin(headers)
	}
	fresh := t.fresh(headers)
	t.forget()
	grown, err := t.grown(ctx)
	slices.SortFunc(grown, func(a, b News) int { return cmp.Compare(a.ID, b.ID) })
	t.untold = append(append(t.untold, grown...), fresh...)
	if err != nil {
		return nil, err
	}
	if err := t.readLines(ctx); err != nil {
		return nil, err
	}
	news := t.untold
	t.untold = nil
	return news, nil
}

// readLines reads the lines of stories that were not told before, as many as their headers
// tell of: later ones are told as growth.
func (t *Tail) readLines(ctx context.Context) error {
	for i := range t.untold {
		n := &t.untold[i]
		if !t.Lines || !n.First || len(n.Lines) > 0 {
			continue
		}
		s, err := t.Store.Read(ctx, n.Key, n.ID)
		switch {
		case errors.Is(err, story.ErrNotFound): // deleted meanwhile
		case err != nil:
			return err
		default:
			n.newLines(s.Lines[:min(len(s.Lines), n.LineCount)], 0)
		}
	}
	return nil
}

// begin returns those of the first headers that are told. The others were there before.
func (t *Tail) begin(headers []story.Header) (told []story.Header) {
	if t.full && len(headers) > 0 {
		t.reach = headers[0].Start
	}
	now := time.Now()
	for i, h := range headers {
		last := i >= len(headers)-tailFirst
		if !t.After.IsZero() {
			last = h.Updated.After(t.After.Add(-tailSlack))
		}
		if last || h.State == story.Open && now.Sub(h.Start) < windows[len(windows)-1].back {
			told = append(told, h)
			continue
		}
		t.known[place{h.Key, h.ID}] = &known{start: h.Start, state: story.Closed}
	}
	t.began = true
	t.looked(now, len(windows)-1)
	return told
}

// tailSlack is how long after its end a story may be stored.
const tailSlack = 5 * time.Second

// looked sets when windows are due again, of which the widest was looked through.
func (t *Tail) looked(now time.Time, widest int) {
	for i := range widest + 1 {
		t.due[i] = now.Add(windows[i].every)
	}
}

// list returns the latest headers, oldest first.
func (t *Tail) list(ctx context.Context) ([]story.Header, error) {
	q := t.Query
	q.Since, q.Until, q.OldestFirst, q.Cursor, q.Limit = time.Time{}, time.Time{}, false, "", tailMost
	now, widest := time.Now(), 0
	if t.began {
		for i := range windows {
			if !now.Before(t.due[i]) {
				widest = i
			}
		}
		q.Limit, q.Since = windows[widest].most, now.Add(-windows[widest].back)
		for _, k := range t.known { // whose end is looked for too
			if k.state == story.Open && k.start.Before(q.Since) && now.Sub(k.start) < windows[1].back {
				q.Since = k.start
			}
		}
		if t.reach.After(q.Since) {
			q.Since = t.reach
		}
	}
	seen := t.newest
	headers, oldest, err := t.headers(ctx, q)
	if err != nil {
		return nil, err
	}
	if t.began {
		t.looked(now, widest)
		t.behind = t.full && t.known[place{oldest.Key, oldest.ID}] == nil && (t.Filter.Match(oldest) || oldest.ID > seen)
	}
	return headers, nil
}

// headers returns those of a query that the filter selects, oldest first, and the oldest
// that it looked at.
func (t *Tail) headers(ctx context.Context, q story.Query) (headers []story.Header, oldest story.Header, err error) {
	looked := 0
	for h, err := range story.All(ctx, t.Store, q) {
		if err != nil {
			return nil, oldest, err
		}
		looked, oldest, t.newest = looked+1, h, max(t.newest, h.ID)
		if t.Filter.Match(h) {
			headers = append(headers, h)
		}
		if looked == q.Limit {
			break
		}
	}
	t.full = looked == q.Limit
	slices.Reverse(headers)
	return headers, oldest, nil
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
			grown := News{Header: s.Header}
			grown.newLines(s.Lines, min(k.lines, len(s.Lines)))
			news = append(news, grown)
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

// forget drops what no look finds again: all but the latest stories, and the latest of
// those that are open.
func (t *Tail) forget() {
	if len(t.known) < 2*tailBack {
		return
	}
	latest := slices.SortedFunc(maps.Keys(t.known), func(a, b place) int { return t.known[b].start.Compare(t.known[a].start) })
	for i, at := range latest[tailBack:] {
		if t.known[at].state != story.Open || i >= tailKnown {
			delete(t.known, at)
		}
	}
}

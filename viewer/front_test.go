package viewer_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// at runs a test as if it were a certain time.
func at(t *testing.T, now time.Time, test func(*testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))
		test(t)
	})
}

// A countingStore counts what it is asked for.
type countingStore struct {
	story.Store
	lists, headers, reads atomic.Int64
	hold                  chan struct{} // every list waits for it, unless nil
	fails                 atomic.Bool
}

func (s *countingStore) List(ctx context.Context, q story.Query) (story.Page, error) {
	s.lists.Add(1)
	if s.hold != nil {
		<-s.hold
	}
	if s.fails.Load() {
		return story.Page{}, errors.New("out of order")
	}
	page, err := s.Store.List(ctx, q)
	s.headers.Add(int64(len(page.Headers)))
	return page, err
}

func (s *countingStore) Read(ctx context.Context, key story.Key, id string) (story.Story, error) {
	s.reads.Add(1)
	return s.Store.Read(ctx, key, id)
}

// A meteredStore is billed for what it reads.
type meteredStore struct{ countingStore }

func (*meteredStore) Consumed() (write, read float64) { return 0, 0 }

func putHeader(t *testing.T, store story.Store, h story.Header) {
	t.Helper()
	if h.ID == "" {
		h.ID = story.NewID(h.Start)
	}
	if h.State == "" {
		h.State = story.Sealed
	}
	h.Updated, h.LineCount = h.Start, 1
	if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: &h, Text: "+0.000 I x\n"}}); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in\n%.5000s", part, page)
		}
	}
}

// linksOf returns where the links of a page lead whose addresses match.
func linksOf(page, pattern string) (all []string) {
	for _, m := range regexp.MustCompile(`href="(`+pattern+`)"`).FindAllStringSubmatch(page, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	return all
}

var shopEnd = time.Date(2026, 11, 26, 17, 0, 0, 0, time.UTC)

// The first page answers what fails, what is slow and when, and every part of it is a link
// to a page that shows just that.
func TestFrontOfAShop(t *testing.T) {
	at(t, shopEnd, func(t *testing.T) {
		store := story.NewMemory()
		if err := shop.Fill(t.Context(), store, shopEnd); err != nil {
			t.Fatal(err)
		}
		counted := map[string]int{}
		for h, err := range story.All(t.Context(), store, story.Query{Since: shopEnd.Add(-time.Hour)}) {
			if err != nil {
				t.Fatal(err)
			}
			counted["all"]++
			if h.MaxLevel >= slog.LevelError {
				counted["failed"]++
			}
			if strings.HasPrefix(h.Cause, "Payment failed") {
				counted["payment"]++
			}
		}
		h := viewer.New(store, &viewer.Options{Zone: time.UTC})
		page := body(t, get(h, "/"), 200)
		wants(t, page, fmt.Sprintf("<strong>%d of %d stories failed in the last hour</strong>", counted["failed"], counted["all"]),
			fmt.Sprintf("<title>✗ %d failed · Stories · dynamoslog</title>", counted["failed"]), "in the hour before)", ">Payment failed</a>", "user · POST /orders", "Today</th>")
		if counted["payment"] < 5 {
			t.Fatal(counted)
		}

		minutes := 0
		for _, bar := range regexp.MustCompile(`<a href="(\./\?q=since[^"]*)"><title>(\d\d:\d\d): (\d+) stor`).FindAllStringSubmatch(page, -1) {
			minutes++
			list := body(t, get(h, strings.TrimPrefix(html.UnescapeString(bar[1]), ".")), 200)
			if got := strings.Count(list, `<tr class="row info"><td`) + strings.Count(list, `<td class="object">`); fmt.Sprint(got) != bar[3] {
				t.Errorf("the bar of %s stands for %s stories, and leads to %d", bar[2], bar[3], got)
			}
		}
		if minutes < 20 {
			t.Errorf("%d bars of minutes", minutes)
		}
		for _, to := range linksOf(page, `\./\?q=[^"]*|problem\?[^"]*`) {
			body(t, get(h, "/"+strings.TrimPrefix(to, "./")), 200)
		}

		problem := body(t, get(h, "/"+linksOf(page, `problem\?[^"]*`)[0]), 200)
		wants(t, problem, "<h1>Payment failed</h1>", fmt.Sprintf("<strong>%d times in the last 7 days</strong>", counted["payment"]), "What they have in common",
			`<tr class="telling"><td>build</td><td class="title"><a href="./?q=build%3Dv2.8.1">v2.8.1</a></td>`, "first <time", ">compare the newest with the last good one</a>")
		if got := strings.Count(problem, `<td class="object">`); got != counted["payment"] {
			t.Errorf("%d rows of %d stories", got, counted["payment"])
		}
	})
}

// What is in the row of a list is what is not ordinary.
func TestRows(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		store := story.NewMemory()
		add := func(ago time.Duration, h story.Header) {
			h.Key, h.Start = story.NewKey("user", "4_2"), now.Add(-ago)
			putHeader(t, store, h)
		}
		add(time.Minute, story.Header{Title: "calm"})
		add(2*time.Minute, story.Header{Title: "Pay <b>", MaxLevel: slog.LevelError, Cause: "Payment failed: \x1b<i>", Problem: "abc"})
		add(13*time.Hour, story.Header{Title: "slow", MaxLevel: slog.LevelWarn, State: story.Interrupted})
		add(400*24*time.Hour, story.Header{Title: ""})
		h := viewer.New(store, &viewer.Options{Zone: time.UTC})
		page := body(t, get(h, "/"), 200)
		wants(t, page, `>Today</th>`, `>Yesterday, Wednesday 25 November</th>`, `>Wednesday 22 October 2025</th>`,
			`>calm</a></td>`, `>Pay &lt;b&gt;</a> <span class="why error"><b class="error">ERROR</b> Payment failed: \x1b&lt;i&gt;</span></td>`,
			`>slow</a> <span class="why warn"><b class="warn">WARN</b></span> <span class="unfinished">interrupted</span></td>`, `>(no title)</a></td>`,
			`<a href="object?key=user_4_2"><span class="kind">user_</span>4_2</a>`)
		for _, silent := range []string{"INFO", "sealed", "ended"} {
			if strings.Contains(page, silent) {
				t.Errorf("%q is said of what is ordinary", silent)
			}
		}
	})
}

// Of a store that is billed for reading the first page reads so many headers, and says so;
// of another it reads more. Either is bounded.
func TestFrontIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 30, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		memory := story.NewMemory()
		for i := range 3000 {
			h := story.Header{Key: story.NewKey("user", fmt.Sprint(i%7)), Start: now.Add(-time.Duration(i+1) * time.Second), Title: "x"}
			if i%10 == 0 {
				h.MaxLevel, h.Cause, h.Problem = slog.LevelError, "broken", "abc"
			}
			putHeader(t, memory, h)
		}
		metered := &meteredStore{countingStore{Store: memory}}
		free := &countingStore{Store: memory}
		for _, c := range []struct {
			name    string
			store   story.Store
			opts    viewer.Options
			count   *atomic.Int64
			most    int64
			want    string
			further string
		}{
			{"metered", metered, viewer.Options{}, &metered.headers, 500, "50 of 500 stories failed", "of the newest 500 stories, back to 11:52:10 UTC"},
			{"free", free, viewer.Options{}, &free.headers, 1000, "100 of 1,000 stories failed", "of the newest 1,000 stories, back to 11:43:50 UTC"},
			{"as asked", free, viewer.Options{Overview: 20}, &free.headers, 20, "2 of 20 stories failed", "of the newest 20 stories, back to 12:00:10 UTC"},
			{"all", free, viewer.Options{Overview: 5000}, &free.headers, 3000, "300 of 3,000 stories failed", ""},
		} {
			c.opts.Zone = time.UTC
			h := viewer.New(c.store, &c.opts)
			before := c.count.Load()
			page := body(t, get(h, "/"), 200)
			if got := c.count.Load() - before; got > c.most+50 {
				t.Errorf("%s: %d headers were read, want at most %d and a page", c.name, got, c.most)
			}
			wants(t, page, c.want)
			if c.further != "" {
				wants(t, page, c.further, ">look further</a>")
			} else if strings.Contains(page, "look further") {
				t.Errorf("%s: all was looked at, and more is offered", c.name)
			}
		}
		h := viewer.New(metered, &viewer.Options{Zone: time.UTC})
		page := body(t, get(h, "/"), 200)
		link := regexp.MustCompile(`href="\./([^"]*)">look further</a>`).FindStringSubmatch(page)
		if link == nil {
			t.Fatal(page)
		}
		wants(t, body(t, get(h, "/"+html.UnescapeString(link[1])), 200), "50 of 500 stories failed in this time", "back to 11:43:50 UTC")
	})
}

// What was summed up is kept for ten seconds, for each search; those who ask at once share
// a read, and a failure is forgotten.
func TestFrontIsKept(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 20, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		memory := story.NewMemory()
		putHeader(t, memory, story.Header{Key: story.NewKey("user", "1"), Start: now.Add(-time.Minute), Title: "x"})
		putHeader(t, memory, story.Header{Key: story.NewKey("user", "1"), Start: now.Add(-90 * time.Minute), Title: "x"})
		store := &countingStore{Store: memory, hold: make(chan struct{})}
		h := viewer.New(store, &viewer.Options{Zone: time.UTC})
		var group sync.WaitGroup
		const many = 8
		for range many {
			group.Go(func() { body(t, get(h, "/"), 200) })
		}
		synctest.Wait()
		close(store.hold)
		group.Wait()
		const ofOverview = 2 // the hour, and the hour before
		if got := store.lists.Load(); got != many+ofOverview {
			t.Errorf("%d lists for %d pages at once", got, many)
		}
		lists := func(target string, status int) int64 {
			before := store.lists.Load()
			body(t, get(h, target), status)
			return store.lists.Load() - before
		}
		for _, c := range []struct {
			after  time.Duration
			target string
			want   int64
		}{{9 * time.Second, "/", 1}, {0, "/?q=kind:user", 1 + ofOverview}, {0, "/?q=kind:user", 1}, {2 * time.Second, "/", 1 + ofOverview}, {0, "/", 1}} {
			time.Sleep(c.after)
			if got := lists(c.target, 200); got != c.want {
				t.Errorf("%s after %v more: %d lists, want %d", c.target, c.after, got, c.want)
			}
		}
		time.Sleep(time.Minute)
		store.fails.Store(true)
		lists("/", 500)
		store.fails.Store(false)
		if got := lists("/", 200); got != 1+ofOverview {
			t.Errorf("%d lists after a failure", got)
		}
	})
}

// Who leaves does not take the answer from those who wait for the same.
func TestFrontIsReadForAll(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		memory := story.NewMemory()
		putHeader(t, memory, story.Header{Key: story.NewKey("user", "1"), Start: now.Add(-time.Minute), Title: "x"})
		h := viewer.New(slowList{memory, time.Second}, &viewer.Options{Zone: time.UTC})
		ctx, leave := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { get(h, "/", func(r *http.Request) { *r = *r.WithContext(ctx) }) })
		time.Sleep(1500 * time.Millisecond) // its list is there, its overview is read
		group.Go(func() { wants(t, body(t, get(h, "/"), 200), "1 story in the last hour, none failed") })
		time.Sleep(1300 * time.Millisecond)
		leave()
		group.Wait()
	})
}

// A slowList takes a while for each list, unless its caller has enough.
type slowList struct {
	story.Store
	takes time.Duration
}

func (s slowList) List(ctx context.Context, q story.Query) (story.Page, error) {
	select {
	case <-time.After(s.takes):
		return s.Store.List(ctx, q)
	case <-ctx.Done():
		return story.Page{}, ctx.Err()
	}
}

// Where reading is billed a problem's stories are those listed under its key, which stand
// for those that are not.
func TestProblemByItsKey(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		store := &meteredStore{countingStore{Store: story.NewMemory()}}
		for i := range 2000 {
			putHeader(t, store, story.Header{Key: story.NewKey("user", fmt.Sprint(i%9)), Start: now.Add(-time.Duration(i+10) * time.Second), Title: "x"})
		}
		for i := range 3 {
			h := story.Header{Key: story.NewKey("user", fmt.Sprint(i)), Start: now.Add(-time.Duration(i+1) * time.Hour), State: story.Sealed, Title: "POST /orders", MaxLevel: slog.LevelError, Cause: "Payment failed: x", Problem: "abcdefghij"}
			h.ID = story.NewID(h.Start)
			putHeader(t, store, h)
			alias := h.Alias(story.NewKey(story.KindProblem, h.Problem))
			alias.Count = 1 + i*1000
			if err := store.Put(t.Context(), []story.Part{{Key: alias.Key, ID: alias.ID, Header: &alias}}); err != nil {
				t.Fatal(err)
			}
		}
		h := viewer.New(store, &viewer.Options{Zone: time.UTC})
		before := store.headers.Load()
		page := body(t, get(h, "/problem?id=abcdefghij"), 200)
		wants(t, page, "<h1>Payment failed</h1>", "<strong>3003 times in the last 7 days</strong>", "<span>3 objects</span>", `key=user_2">POST /orders</a>`, "×2001</span>", "first <time datetime=\"2026-11-26T09:00:00Z\"")
		const good = 1000 // of the same route, looked for beside
		if got := store.headers.Load() - before; got > 3+good {
			t.Errorf("%d headers were read", got)
		}
	})
}

// Times are chosen by a link that keeps all else that is searched, and the one that is
// chosen says so, however it was typed.
func TestTimeChoices(t *testing.T) {
	h := viewer.New(story.NewMemory(), &viewer.Options{Zone: time.UTC})
	for query, want := range map[string]string{
		"": "any time", "since:-1h": "1 h", "level:error since:-24h": "24 h", "since:-1d kind:user": "24 h", "since:yesterday before:today": "yesterday", "since:today": "today",
		"since:-168h": "7 d", "since:-3h": "", "until:today": "",
	} {
		page := body(t, get(h, "/?"+url.Values{"q": {query}}.Encode()), 200)
		chosen := regexp.MustCompile(`aria-label="time">.*?<strong>([^<]*)</strong>.*?</span>`).FindStringSubmatch(page)
		if got := strings.Join(chosen[min(len(chosen), 1):], ""); got != want {
			t.Errorf("%q: %q is chosen, want %q", query, got, want)
		}
	}
	page := body(t, get(h, "/?"+url.Values{"q": {`level:error since:-3h "payment failed" -kind:job`}}.Encode()), 200)
	want := `./?` + url.Values{"q": {`level:error "payment failed" -kind:job since:yesterday until:today`}}.Encode()
	if got := linksOf(page, `[^"]*yesterday[^"]*`); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	page = body(t, get(h, "/object?key=user_1&level=error&view=list"), 200)
	want = "object?" + url.Values{"key": {"user_1"}, "q": {"level:error since:-7d"}, "view": {"list"}}.Encode()
	if got := linksOf(page, `[^"]*-7d[^"]*`); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A wrong search keeps the form on every page that has one.
func TestWrongSearchOfAProblem(t *testing.T) {
	h := viewer.New(story.NewMemory(), nil)
	wants(t, body(t, get(h, "/problem?id=abc&q=since:soon"), 400), `value="since:soon"`, "<mark>since:soon</mark>", "not a time")
	wants(t, body(t, get(h, "/problem?id=abc"), 200), "No story has this problem in the last 7 days.", "<h1>Problem</h1>")
	for _, bad := range []string{"/problem", "/problem?id=", "/problem?id=" + strings.Repeat("x", 100)} {
		body(t, get(h, bad), 400)
	}
	wants(t, body(t, get(h, "/problem?id=%3Cscript%3E%1b"), 200), `value="&lt;script&gt;`)
}

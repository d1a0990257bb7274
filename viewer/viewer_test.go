package viewer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 22, 16, 41, 41, 0, time.UTC)

// put stores a story that began so many minutes after the first.
func put(t *testing.T, store story.Store, key story.Key, minute int, state story.State, lines ...story.Line) string {
	t.Helper()
	begin := start.Add(time.Duration(minute) * time.Minute)
	id := story.IDPrefix(begin) + "-abcdef"
	h := &story.Header{Key: key, ID: id, Start: begin, Updated: begin, State: state, LineCount: len(lines), Title: story.TitleOf(lines[0].Message)}
	for _, line := range lines {
		h.MaxLevel = max(h.MaxLevel, line.Level)
	}
	h.Cause, h.Problem = story.CauseOf(key.Kind, lines)
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h, Text: story.Format(lines)}}); err != nil {
		t.Fatal(err)
	}
	return id
}

// get asks a viewer as a browser on this machine does, which goes where it is led.
func get(h http.Handler, target string, change ...func(*http.Request)) *http.Response {
	resp := ask(h, target, change...)
	if resp.StatusCode == http.StatusSeeOther {
		return ask(h, "/"+resp.Header.Get("Location"), change...)
	}
	return resp
}

func ask(h http.Handler, target string, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:50000", "localhost:7133"
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// header sets one of a request's headers.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(t *testing.T, resp *http.Response, status int) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("got status %d, %v, want %d\n%s", resp.StatusCode, err, status, data)
	}
	return string(data)
}

func TestAccess(t *testing.T) {
	open := viewer.New(story.NewMemory(), &viewer.Options{Authorize: func(r *http.Request) bool { return r.Header.Get("User") == "me" }})
	byDefault := viewer.New(story.NewMemory(), nil)
	for _, c := range []struct {
		handler      http.Handler
		remote, host string
		want         int
	}{
		{byDefault, "127.0.0.1:1", "localhost:7133", 200},
		{byDefault, "[::1]:1", "[::1]:7133", 200},
		{byDefault, "[::ffff:127.0.0.1]:1", "127.0.0.1", 200},
		{byDefault, "127.0.0.1:1", "LOCALHOST", 200},
		{byDefault, "127.0.0.1:1", "evil.example", 403},
		{byDefault, "127.0.0.1:1", "localhost.evil.example:80", 403},
		{byDefault, "127.0.0.1:1", "", 403},
		{byDefault, "192.0.2.1:1", "localhost", 403},
		{byDefault, "@", "localhost", 403},
		{open, "127.0.0.1:1", "localhost", 403},
	} {
		resp := get(c.handler, "/", func(r *http.Request) { r.RemoteAddr, r.Host = c.remote, c.host })
		if resp.StatusCode != c.want {
			t.Errorf("from %s for %s: got %d, want %d", c.remote, c.host, resp.StatusCode, c.want)
		}
	}
	body(t, get(open, "/", func(r *http.Request) {
		r.RemoteAddr, r.Host = "192.0.2.1:1", "logs.example"
		r.Header.Set("User", "me")
	}), 200)
	body(t, get(byDefault, "/", func(r *http.Request) { r.Method = http.MethodPost }), 405)
}

func TestStoryOpensErrorFirst(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("user", "42")
	first := put(t, store, key, 0, story.Sealed, story.Line{Message: "Begin"}, story.Line{Message: "End"})
	id := put(t, store, key, 1, story.Sealed,
		story.Line{Message: "Begin"},
		story.Line{Message: "calm", Depth: 1}, story.Line{Message: "calm below", Depth: 2}, story.Line{Message: "calm there", Depth: 2},
		story.Line{Message: "bad", Depth: 1}, story.Line{Message: "broken", Depth: 2, Level: slog.LevelError, Attrs: "code=7"})
	last := put(t, store, key, 2, story.Open, story.Line{Message: "Begin"})
	page := body(t, get(viewer.New(store, nil), "/story?key=user_42&id="+id), 200)
	for number, folded := range map[string]bool{"1": false, "2": true, "5": false} {
		line := regexp.MustCompile(`<li id="L` + number + `".*`).FindString(page)
		if got := !strings.Contains(line, "<details open>"); got != folded {
			t.Errorf("line %s: folded is %v, want %v: %s", number, got, folded, line)
		}
	}
	for _, want := range []string{
		`<span class="f">2 lines</span>`, `<b class="error">ERROR</b> broken <span class="a"> <i>code=</i>7</span>`, `href="#L6">1 error<`,
		`href="story?id=` + strings.ReplaceAll(first, ":", "%3A"), `href="story?id=` + strings.ReplaceAll(last, ":", "%3A"),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(page, `="/`) {
		t.Error("a link is not relative")
	}
	page = body(t, get(viewer.New(store, nil), "/story?key=user_42&q=BROKEN&id="+id), 200)
	if strings.Contains(page, "calm below") || !strings.Contains(page, `id="L5"`) || !strings.Contains(page, "1 of 6 lines match") {
		t.Errorf("a filter keeps what it finds and its callers only:\n%s", page)
	}
	page = body(t, get(viewer.New(store, nil), "/story?key=user_42"), 200)
	if !strings.Contains(page, "open: not ended yet") {
		t.Error("an open story does not say so")
	}
}

func TestLists(t *testing.T) {
	store := story.NewMemory()
	for i := range 60 {
		put(t, store, story.NewKey("user", fmt.Sprint(i%2)), i, story.Sealed, story.Line{Message: fmt.Sprintf("story %d.", i), Level: slog.Level(4 * (i % 3))})
	}
	h := viewer.New(store, nil)
	page := body(t, get(h, "/"), 200)
	next := regexp.MustCompile(`<a href="\./(\?cursor=[^"]*)" rel="next">`).FindStringSubmatch(page)
	if next == nil || !strings.Contains(page, "story 59.") || strings.Contains(page, "story 9.") {
		t.Fatalf("the first page is wrong:\n%s", page)
	}
	page = body(t, get(h, "/"+next[1]), 200)
	if !strings.Contains(page, "story 9.") || strings.Contains(page, "story 10.") {
		t.Errorf("the second page is wrong:\n%s", page)
	}
	page = body(t, get(h, "/object?key=user_0&level=error"), 200)
	if !strings.Contains(page, "<svg") || strings.Count(page, `<rect class="error"`) != 10 || strings.Contains(page, "story 59.") {
		t.Errorf("the object's page is wrong:\n%s", page)
	}
	page = body(t, get(h, "/object?key=user_0"), 200)
	if strings.Count(page, "last without an error") != 1 {
		t.Error("the last story without an error is not marked")
	}
	well := story.NewKey("user", "well")
	for i := range 3 {
		put(t, store, well, i, story.Sealed, story.Line{Message: "well"})
	}
	if page = body(t, get(h, "/object?key=user_well"), 200); strings.Contains(page, "last without an error") {
		t.Error("an object without errors has a mark that helps nobody")
	}
	put(t, store, well, 3, story.Sealed, story.Line{Message: "another", Level: slog.LevelError})
	if page = body(t, get(h, "/object?key=user_well"), 200); strings.Contains(page, "last without an error") {
		t.Error("a story that is not like the one with an error is marked")
	}
	put(t, store, well, 4, story.Sealed, story.Line{Message: "well", Level: slog.LevelError})
	if page = body(t, get(h, "/object?key=user_well"), 200); !strings.Contains(page, "last without an error") {
		t.Error("the one that is like it is not marked")
	}
}

func TestDiff(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("user", "42")
	one := put(t, store, key, 0, story.Sealed, story.Line{Message: "Begin"}, story.Line{Message: "gone now", Depth: 1})
	two := put(t, store, key, 1, story.Sealed, story.Line{Message: "Begin"}, story.Line{Message: "brand new", Depth: 1})
	put(t, store, key, 2, story.Sealed, story.Line{Message: "Begin"}, story.Line{Message: "brand new", Depth: 1, Offset: 3 * time.Millisecond})
	h := viewer.New(store, nil)
	page := body(t, get(h, "/diff?key=user_42&is="+two), 200)
	for _, want := range []string{"1 new, 1 gone", `class="change new d1"`, `class="change gone d1"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if page := body(t, get(h, "/diff?key=user_42"), 200); !strings.Contains(page, "equal: 2 lines") {
		t.Errorf("equal stories are not said to be:\n%s", page)
	}
	body(t, get(h, "/diff?key=user_42&is="+one+"&was="+one), 400)
	body(t, get(h, "/diff?key=user_42&is="+one), 404)
}

// Two stories of two keys are compared, and those of an address without the second key
// as before.
func TestDiffOfTwoKeys(t *testing.T) {
	store := story.NewMemory()
	one := put(t, store, story.NewKey("user", "1"), 0, story.Sealed, story.Line{Message: "POST"}, story.Line{Message: "paid", Depth: 1})
	other := put(t, store, story.NewKey("user", "2"), 1, story.Sealed, story.Line{Message: "GET <b>"})
	bad := put(t, store, story.NewKey("user", "2"), 2, story.Sealed, story.Line{Message: "POST"}, story.Line{Message: "refused", Depth: 1, Level: slog.LevelError})
	lonely := put(t, store, story.NewKey("user", "3"), 3, story.Sealed, story.Line{Message: "DELETE", Level: slog.LevelError})
	h := viewer.New(store, &viewer.Options{Zone: time.UTC})
	named := body(t, get(h, "/diff?key=user_2&is="+bad+"&waskey=user_1&was="+one), 200)
	for _, want := range []string{"<dt>was</dt><dd><a href=\"story?id=" + url.QueryEscape(one) + "&amp;key=user_1", "refused", "paid"} {
		if !strings.Contains(named, want) {
			t.Errorf("no %s in\n%s", want, named)
		}
	}
	if strings.Contains(named, "not alike") {
		t.Error("stories that are alike are said not to be")
	}
	if good := body(t, get(h, "/diff?key=user_2&is="+bad+"&good=1"), 200); !strings.Contains(good, "user_1 <b>POST</b>") {
		t.Errorf("the last good one is not that of another key:\n%s", good)
	}
	unlike := body(t, get(h, "/diff?key=user_2&is="+bad+"&was="+other), 200)
	for _, want := range []string{"These stories are not alike: GET &lt;b&gt; and POST.", "waskey=user_1", "the last one like it without an error</a>, user_1 of"} {
		if !strings.Contains(unlike, want) {
			t.Errorf("no %s in\n%s", want, unlike)
		}
	}
	none := body(t, get(h, "/diff?key=user_3&is="+lonely+"&good=1"), 404)
	if want := "no earlier story like it, DELETE, without an error was found among the 3 earlier stories of the kind user"; !strings.Contains(none, want) {
		t.Errorf("no %q in\n%s", want, none)
	}
	body(t, get(h, "/diff?key=user_3&is="+lonely+"&waskey=x"), 400)
	body(t, get(h, "/diff?key=user_2&is="+bad+"&was="+one), 404)
}

// The same change in many lines is told once, and no value stands behind an empty line.
func TestDiffIsRanked(t *testing.T) {
	store := story.NewMemory()
	tell := func(minute int, generation string, failed bool) {
		lines := []story.Line{{Message: "Reindexing"}}
		for i := range 58 {
			lines = append(lines, story.Line{Message: "Batch", Depth: 1}, story.Line{Message: "Committed", Depth: 2, Attrs: "generation=" + generation + " try=" + generation})
			if failed && i == 40 {
				lines = append(lines, story.Line{Message: "Rejected", Depth: 2, Level: slog.LevelError, Attrs: `err="a \"b\""`})
			}
		}
		put(t, store, story.NewKey("job", "1"), minute, story.Sealed, lines...)
	}
	tell(0, "405", true)
	tell(1, "406", false)
	h := viewer.New(store, nil)
	page := body(t, get(h, "/diff?key=job_1"), 200)
	lines := strings.Split(page[strings.Index(page, `<ol class="findings">`):], "\n")
	if !strings.Contains(lines[1], "Rejected") || !strings.Contains(lines[1], `a &#34;b&#34;`) || !strings.Contains(lines[2], "generation <del>405</del> → <ins>406</ins></span><span class=\"where\"> · 58 lines") {
		t.Errorf("got\n%s", strings.Join(lines[:5], "\n"))
	}
	if open := regexp.MustCompile(`(?s)<details>.*?</details>`).ReplaceAllString(page, ""); strings.Count(open, "<ins>406</ins>") > 6 {
		t.Errorf("a change is told again and again:\n%s", open)
	}
	if strings.Contains(page, ` <span class="value">`) {
		t.Error("a blank before a value makes a line of its own")
	}
	if page = body(t, get(h, "/diff?key=job_1&all=1"), 200); strings.Contains(page, "<details>") || strings.Contains(page, "told above") {
		t.Error("not all is shown")
	}
}

func TestHostileStory(t *testing.T) {
	store := story.NewMemory()
	hostile := "<script>alert(1)</script>\x1b[2J\u202e\u0085" + `"'&` + "\nsecond\r"
	key := story.NewKey("user", `"><script>`+"\x00")
	id := put(t, store, key, 0, story.Sealed, story.Line{Message: hostile, Attrs: `<b>="<i>` + "\x1b" + `"`},
		story.Line{Level: slog.LevelError, Message: "x" + hostile}, story.Line{Message: strings.Repeat("<x>", 1<<20)})
	h := viewer.New(store, nil)
	values := "key=" + strings.NewReplacer(`"`, "%22", ">", "%3E", "<", "%3C", `\`, "%5C").Replace(key.String()) + "&id=" + id
	newest, err := store.List(t.Context(), story.Query{})
	if err != nil {
		t.Fatal(err)
	}
	problem := "/problem?id=" + newest.Headers[0].Problem + "&q=since:2026-11-01"
	for _, target := range []string{"/", "/?q=since:2026-11-22", problem, "/object?view=thread&" + values, "/object?" + values, "/story?" + values, "/story?" + values + "&q=<script>&full=1", "/tail?" + values} {
		resp := get(h, strings.ReplaceAll(target, "<script>", "%3Cscript%3E"))
		page := body(t, resp, 200)
		if strings.Contains(page, "<script>") || strings.Contains(page, "<x>") || strings.ContainsAny(page, "\x00\x1b\r\u202e\u0085") {
			at := max(0, strings.IndexAny(page, "\x00\x1b\r\u202e\u0085")-80)
			t.Errorf("%s lets something through: %.200q", target, page[at:])
		}
		if len(page) > 100_000 {
			t.Errorf("%s: a long message is not cut: %d bytes", target, len(page))
		}
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", target, policy)
		}
	}
	for _, as := range []string{"text", "markdown", "json"} {
		if text := body(t, get(h, "/download?as="+as+"&"+values), 200); strings.ContainsAny(text, "\x00\x1b\r\u202e\u0085") {
			t.Errorf("%s: a control character in %.200q", as, text)
		}
	}
}

type brokenStore struct {
	story.Store
	err error
}

func (s brokenStore) List(context.Context, story.Query) (story.Page, error) {
	return story.Page{}, s.err
}

func TestErrorsOfTheStore(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("no table: %w", story.ErrUnusable), 502},
		{fmt.Errorf("throttled: %w", story.ErrBusy), 503},
		{fmt.Errorf("slow: %w", context.DeadlineExceeded), 504},
		{fmt.Errorf("table: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")}), 503},
		{story.ErrBadCursor, 400},
		{errors.New("<odd>"), 500},
	} {
		page := body(t, get(viewer.New(brokenStore{err: c.err}, nil), "/"), c.want)
		if text, _, _ := strings.Cut(c.err.Error(), ":"); !strings.Contains(page, strings.ReplaceAll(strings.ReplaceAll(text, "<", "&lt;"), ">", "&gt;")) {
			t.Errorf("%v is not said in\n%s", c.err, page)
		}
	}
	h := viewer.New(story.NewMemory(), nil)
	body(t, get(h, "/story?key=user_1"), 404)
	for _, bad := range []string{"/story?key=nokey", "/?level=loud", "/?since=soon", "/?cursor=%21"} {
		body(t, get(h, bad), 400)
	}
}

// What a proxy on this machine passes on comes from elsewhere, and is refused.
func TestAccessThroughProxy(t *testing.T) {
	h := viewer.New(story.NewMemory(), nil)
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP"} {
		body(t, get(h, "/", header(name, "192.0.2.1")), 403)
	}
	all := viewer.New(story.NewMemory(), &viewer.Options{Authorize: func(*http.Request) bool { return true }})
	body(t, get(all, "/", header("X-Forwarded-For", "192.0.2.1")), 200)
}

// An address without an id leads to one that stays that of the story it shows.
func TestLatestHasItsOwnAddress(t *testing.T) {
	store := story.NewMemory()
	put(t, store, story.NewKey("user", "1"), 0, story.Sealed, story.Line{Message: "Begin"})
	id := put(t, store, story.NewKey("user", "1"), 1, story.Sealed, story.Line{Message: "Begin"})
	h := viewer.New(store, nil)
	for target, want := range map[string]url.Values{
		"story?key=user_1&fold=2": {"key": {"user_1"}, "fold": {"2"}, "id": {id}},
		"diff?key=user_1&good=1":  {"key": {"user_1"}, "good": {"1"}, "is": {id}},
	} {
		resp := ask(h, "/"+target)
		page, _, _ := strings.Cut(target, "?")
		if got := resp.Header.Get("Location"); resp.StatusCode != 303 || got != page+"?"+want.Encode() {
			t.Errorf("%s: got %d to %q", target, resp.StatusCode, got)
		}
	}
	body(t, get(h, "/diff?key=user_2"), 404)
}

// The last story without an error may be older than what the page lists.
func TestOlderGoodStory(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("user", "1")
	good := put(t, store, key, 0, story.Sealed, story.Line{Message: "Begin"})
	for i := range 60 {
		put(t, store, key, i+1, story.Sealed, story.Line{Message: "Begin", Level: slog.LevelError})
	}
	h := viewer.New(store, nil)
	page := body(t, get(h, "/object?key=user_1"), 200)
	if want := "id=" + url.QueryEscape(good) + `&amp;key=user_1">last without an error</a>`; !strings.Contains(page, want) {
		t.Errorf("no %s in\n%s", want, page)
	}
	if page = body(t, get(h, "/object?key=user_1&level=error"), 200); strings.Contains(page, "last without an error") {
		t.Error("what a filter leaves does not tell which is the last without an error")
	}
}

// Long messages and values are cut on every page.
func TestLongLinesAreCut(t *testing.T) {
	store := story.NewMemory()
	long := strings.Repeat("ä", 1<<19)
	for i := range 2 {
		put(t, store, story.NewKey("user", "1"), i, story.Sealed, story.Line{Message: "Begin"},
			story.Line{Message: fmt.Sprint("stored", i, long), Depth: 1, Attrs: fmt.Sprintf("a=%d%s b=%q", i, long, long)})
	}
	h := viewer.New(store, nil)
	for _, target := range []string{"/", "/object?key=user_1", "/story?key=user_1", "/diff?key=user_1", "/diff?key=user_1&all=1"} {
		if page := body(t, get(h, target), 200); len(page) > 30_000 || !utf8.ValidString(page) {
			t.Errorf("%s: %d bytes, valid: %v", target, len(page), utf8.ValidString(page))
		}
	}
	if page := body(t, get(h, "/story?key=user_1&full=2"), 200); strings.Count(page, long) != 3 {
		t.Error("not all of the line is shown where that is asked for")
	}
}

// What was folded before does not hide what a filter finds, and is folded again behind it.
func TestFilterKeepsFolds(t *testing.T) {
	store := story.NewMemory()
	id := put(t, store, story.NewKey("user", "1"), 0, story.Sealed,
		story.Line{Message: "Begin"}, story.Line{Message: "calm", Depth: 1}, story.Line{Message: "one", Depth: 2}, story.Line{Message: "two", Depth: 2})
	h := viewer.New(store, nil)
	page := body(t, get(h, "/story?key=user_1&toggled=2&times=step&at=3&id="+id), 200)
	if !strings.Contains(page, `name="toggled" value="2"`) || strings.Contains(page, `name="at"`) || !strings.Contains(page, `name="times" value="step"`) {
		t.Errorf("the filter's form keeps what it should not, or not what it should:\n%s", page)
	}
	page = body(t, get(h, "/story?key=user_1&q=two&toggled=2&id="+id), 200)
	if want := `&amp;toggled=2&amp;at=4#L4">4</a>`; !strings.Contains(page, want) || !strings.Contains(page, "<details open>") || strings.Contains(page, "<details><summary class=\"r\">") {
		t.Errorf("no %s, or something is folded, in\n%s", want, page)
	}
}

// A link to a line among repeats shows it, in long stories too.
func TestLinkToRepeat(t *testing.T) {
	for _, times := range []int{5, 3000} {
		store := story.NewMemory()
		lines := []story.Line{{Message: "Begin"}}
		for range times {
			lines = append(lines, story.Line{Message: "turn", Depth: 1}, story.Line{Message: "step", Depth: 2})
		}
		put(t, store, story.NewKey("user", "1"), 0, story.Sealed, lines...)
		h := viewer.New(store, nil)
		shown := regexp.MustCompile(`(?s)<li id="R2" class="many d1 info"><details open>.*<li id="L9"`)
		if page := body(t, get(h, "/story?key=user_1&at=9"), 200); !shown.MatchString(page) {
			t.Errorf("%d times: line 9 is not shown:\n%.2000s", times, page)
		}
		if page := body(t, get(h, "/story?key=user_1"), 200); shown.MatchString(page) {
			t.Errorf("%d times: repeats are not folded", times)
		}
	}
}

func TestMountedUnderPrefix(t *testing.T) {
	mux := http.NewServeMux()
	h := http.StripPrefix("/logs", viewer.New(story.NewMemory(), nil))
	mux.Handle("/logs/", h)
	mux.Handle("/logs", h)
	for _, name := range staticNames(t, body(t, get(mux, "/logs/"), 200)) {
		body(t, get(mux, "/logs/"+name), 200)
	}
	if resp := get(mux, "/logs"); resp.StatusCode != 301 || resp.Header.Get("Location") != "logs/" {
		t.Errorf("got %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
}

func TestDownload(t *testing.T) {
	store := story.NewMemory()
	put(t, store, story.NewKey("job", "1"), 0, story.Sealed,
		story.Line{Message: "Begin"}, story.Line{Message: "one ``` fence", Depth: 1}, story.Line{Message: "two", Depth: 1})
	h := viewer.New(store, nil)
	var got struct{ Lines []struct{ Message string } }
	if err := json.Unmarshal([]byte(body(t, get(h, "/download?key=job_1&as=json&line=3"), 200)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Lines) != 2 || got.Lines[0].Message != "Begin" || got.Lines[1].Message != "two" {
		t.Errorf("the branch of line 3 is %v", got.Lines)
	}
	if text := body(t, get(h, "/download?key=job_1&as=markdown"), 200); !strings.HasPrefix(text, "````\n") {
		t.Errorf("a fence in the story ends the block: %s", text)
	}
	body(t, get(h, "/download?key=job_1&line=9"), 400)
}

// A download's name is neither an option nor a path, and has nothing to quote.
func TestDownloadName(t *testing.T) {
	store := story.NewMemory()
	key := story.NewKey("--rf", "../$(touch x) \"'`\\é;")
	id := put(t, store, key, 0, story.Sealed, story.Line{Message: "one"})
	for _, as := range []string{"text", "markdown", "json"} {
		resp := get(viewer.New(store, nil), "/download?"+url.Values{"key": {key.String()}, "id": {id}, "as": {as}}.Encode())
		body(t, resp, 200)
		header := resp.Header.Get("Content-Disposition")
		_, params, err := mime.ParseMediaType(header)
		if name := params["filename"]; err != nil || !regexp.MustCompile(`^rf_\.\.-[\w.-]+\.(txt|md|json)$`).MatchString(name) {
			t.Errorf("%s: got %q, %v", as, header, err)
		}
	}
}

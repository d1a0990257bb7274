package viewer_test

import (
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// searched are stories of which some have an order, a status and a level of their own.
func searched(t *testing.T, n int) *story.Memory {
	t.Helper()
	store := story.NewMemory()
	for i := range n {
		begin := start.Add(time.Duration(i) * time.Second)
		h := &story.Header{Key: story.NewKey("user", fmt.Sprint(i%3)), ID: story.NewID(begin), Start: begin, Updated: begin, State: story.Sealed, LineCount: 1, Title: fmt.Sprintf("story %d.", i), Attrs: map[string]string{"status": "200"}}
		if i%500 == 1 {
			h.Attrs["status"], h.MaxLevel, h.Attrs["route"] = "500", slog.LevelError, "GET /x"
		}
		if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: h, Text: "+0.000 I x\n"}}); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// titles returns the numbers of the stories that a page lists.
func titles(page string) string {
	var all []string
	for _, m := range regexp.MustCompile(`href="story\?[^"]*">story (\d+)\.</a>`).FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return strings.Join(all, " ")
}

func TestSearchField(t *testing.T) {
	h := viewer.New(searched(t, 1100), &viewer.Options{Zone: time.UTC})
	for query, want := range map[string]string{
		"q=status>=500":            "1001 501 1",
		`q=route:"GET /x" -story`:  "",
		"q=status=500 level:error": "1001 501 1",
		`q="STORY 77."`:            "77",
		"q=story 77.":              "1077 977 877 777 677 577 477 377 277 177 77",
		"q=user_1 status=500":      "1",
		"q=status=500&level=error": "1001 501 1", // of older addresses
		"level=Error":              "1001 501 1",
		"kind=user&level=error&until=2026-11-22T16:51&since=2026-11-22": "501 1",
		"kind=nobody": "", "q=until:2001-01-01": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		page := body(t, get(h, "/?"+values.Encode()), 200)
		if got := titles(page); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	// The field holds what is searched, in whatever parameters it came.
	page := body(t, get(h, "/?"+url.Values{"q": {`"story 1"`}, "kind": {"user"}, "level": {"debug"}, "since": {"2026-11-22 16:00"}}.Encode()), 200)
	if want := `name="q" value="` + html.EscapeString(`"story 1" kind:user level:debug since:"2026-11-22 16:00"`) + `"`; !strings.Contains(page, want) {
		t.Errorf("no %s in\n%s", want, page)
	}
}

// A key leads to the page of its object, with all else that is searched.
func TestSearchForKey(t *testing.T) {
	h := viewer.New(searched(t, 600), nil)
	for target, want := range map[string]string{
		"/?q=user_1":                             "object?key=user_1",
		"/?q=user_1+status%3D500":                "object?key=user_1&q=status%3D500",
		"/?q=level:error+user_1&since=today":     "object?key=user_1&q=level%3Aerror+since%3Atoday",
		"/object?key=user_1&q=user_2+story":      "object?key=user_2&q=story",
		"/?q=key:%22http_GET+/x%22":              "object?key=http_GET+%2Fx",
		"/object?key=user_1&q=user_1":            "object?key=user_1",
		"/object?key=user_1&kind=user&q=user_1+": "object?key=user_1&q=kind%3Auser",
	} {
		if resp := ask(h, target); resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("%s: got %d to %s, want %s", target, resp.StatusCode, resp.Header.Get("Location"), want)
		}
	}
	page := body(t, get(h, "/object?key=user_1&q=status%3D500"), 200)
	if titles(page) != "1" || !strings.Contains(page, `name="q" value="status=500"`) {
		t.Errorf("got %s of\n%s", titles(page), page)
	}
	body(t, get(h, "/?q=-user_1"), 200)
}

// What is wrong is marked where it was typed, which stays.
func TestWrongSearchKeepsTheForm(t *testing.T) {
	h := viewer.New(searched(t, 3), nil)
	for _, c := range []struct{ target, field, term, reason string }{
		{"/?q=kind:user+level:warm+x", "kind:user level:warm x", "level:warm", "no such level; one of debug, info, warn, error"},
		{"/?kind=user&level=loud&q=orders", "orders kind:user level:loud", "level:loud", "no such level"},
		{"/?since=soon&kind=user", "kind:user since:soon", "since:soon", "not a time; a time is -3h"},
		{"/object?key=user_1&q=sicne:-1h", "sicne:-1h", "sicne:-1h", "did you mean since:-1h?"},
		{"/object?key=user_1&q=x+kind:job", "x kind:job", "kind:job", "it contradicts user_1: the key is of another kind"},
		{"/?q=%22open", `"open`, `"open`, "the quote has no end"},
		{"/?q=level:%3Cscript%3E%1b", "level:<script>\x1b", `level:<script>\x1b`, "no such level"},
	} {
		page := body(t, get(h, c.target), 400)
		for _, want := range []string{`name="q" value="` + html.EscapeString(c.field) + `"`, `aria-invalid="true" aria-describedby="wrong"`, "<mark>" + html.EscapeString(c.term) + "</mark>", html.EscapeString(c.reason)} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s in\n%s", c.target, want, page)
			}
		}
		if titles(page) != "" || strings.Contains(page, "<script>") {
			t.Errorf("%s: stories, or markup, in\n%s", c.target, page)
		}
	}
	for _, target := range []string{"/tail?q=level:warm", "/events?q=level:warm", "/tail?key=user_1&q=user_2"} {
		body(t, get(h, target), 400)
	}
}

// A page says how far was looked, in the viewer's zone, and its link looks further.
func TestSearchSaysHowFar(t *testing.T) {
	zone := time.FixedZone("XST", 3600)
	h := viewer.New(searched(t, 6000), &viewer.Options{Zone: zone})
	var all []string
	target := "/?q=status%3D500"
	for i, want := range []string{
		"These are of the newest 2,500 stories, back to 2026-11-22 18:40:01 XST.",
		"These are of 2,500 stories, back to 2026-11-22 17:58:21 XST.", "",
	} {
		page := body(t, get(h, target), 200)
		all = append(all, titles(page))
		if !strings.Contains(page, want) || want == "" && strings.Contains(page, "These are of") {
			t.Errorf("page %d: no %q in\n%s", i, want, page)
		}
		next := regexp.MustCompile(`href="(\./[^"]*)" rel="next">look further<`).FindStringSubmatch(page)
		if (next == nil) != (i == 2) {
			t.Fatalf("page %d: next is %q", i, next)
		}
		if next != nil {
			target = html.UnescapeString(strings.TrimPrefix(next[1], "."))
		}
	}
	if got := strings.Join(all, " "); got != "5501 5001 4501 4001 3501 3001 2501 2001 1501 1001 501 1" {
		t.Errorf("got %s", got)
	}
	page := body(t, get(h, "/?q=status%3D404"), 200)
	if want := "None of the newest 2,500 stories, back to 2026-11-22 18:40:01 XST, is such a story."; !strings.Contains(page, want) {
		t.Errorf("no %s in\n%s", want, page)
	}
}

// An id alone leads to its story, whole or short.
func TestStoryByIDAlone(t *testing.T) {
	store := story.NewMemory()
	id := put(t, store, story.NewKey("user", "1"), 0, story.Sealed, story.Line{Message: "Begin"})
	h := viewer.New(store, nil)
	want := "story?" + url.Values{"key": {"user_1"}, "id": {id}, "fold": {"2"}}.Encode()
	for _, name := range []string{id, story.ShortID(id)} {
		if resp := ask(h, "/story?fold=2&id="+url.QueryEscape(name)); resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("%s: got %d to %s, want %s", name, resp.StatusCode, resp.Header.Get("Location"), want)
		}
	}
	put(t, store, story.NewKey("user", "2"), 0, story.Sealed, story.Line{Message: "Begin"})
	if page := body(t, get(h, "/story?id="+story.ShortID(id)), 300); !strings.Contains(page, "user_1 "+id) || !strings.Contains(page, "user_2 "+id) {
		t.Errorf("not both are named:\n%s", page)
	}
	body(t, get(h, "/story?id="+story.ShortID(story.IDPrefix(start)+"-zzzzzz")), 404)
	body(t, get(h, "/story?id=mine"), 400)
}

// Times of the other side of a change of clocks say so.
func TestZoneOfTimes(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	store := story.NewMemory()
	for i, at := range []time.Time{time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC), time.Date(2026, 7, 10, 12, 0, 0, 0, time.UTC)} {
		h := &story.Header{Key: story.NewKey("user", "1"), ID: story.NewID(at), Start: at, Updated: at, State: story.Sealed, Title: fmt.Sprint(i)}
		if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	page := body(t, get(viewer.New(store, &viewer.Options{Zone: zone}), "/"), 200)
	now, _ := time.Now().In(zone).Zone()
	want := map[string]string{"CET": "14:00:00 CEST</time>", "CEST": "13:00:00 CET</time>"}[now]
	if !strings.Contains(page, "at ("+now+")") || strings.Count(page, " C"+want[len("14:00:00 C"):]) != 1 || !strings.Contains(page, want) {
		t.Errorf("in %s there is no %s in\n%s", now, want, page)
	}
}

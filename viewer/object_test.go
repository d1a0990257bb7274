package viewer_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// tell stores a story of user_1 that took so long.
func tell(t *testing.T, store story.Store, at time.Time, route string, took time.Duration, level slog.Level) story.Header {
	t.Helper()
	h := story.Header{Key: story.NewKey("user", "1"), ID: story.NewID(at), Start: at, Updated: at, Duration: took, State: story.Sealed, MaxLevel: level, LineCount: 1, Title: route, Attrs: map[string]string{"route": route}}
	if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: &h, Text: story.Format([]story.Line{{Message: route, Level: level}})}}); err != nil {
		t.Fatal(err)
	}
	return h
}

// The height of a bar is as long as a story took; what is far longer than nearly all is
// marked, and does not make the others flat. A colour is a route.
func TestPicture(t *testing.T) {
	store := story.NewMemory()
	for i, ms := range []int{100, 200, 100, 200, 100, 200, 100, 200, 100, 200, 100, 9000} {
		route, level := "GET /a", slog.LevelInfo
		if ms == 200 {
			route = "GET /b"
		}
		if ms == 9000 {
			level = slog.LevelError
		}
		tell(t, store, start.Add(time.Duration(i)*time.Minute), route, time.Duration(ms)*time.Millisecond, level)
	}
	page := body(t, get(viewer.New(store, &viewer.Options{Zone: time.UTC}), "/object?key=user_1"), 200)
	var heights []string
	for _, m := range regexp.MustCompile(`<rect class="route(\d)" x="\d+" y="\d+" width="10" height="(\d+)"/>(<rect class="beyond")?`).FindAllStringSubmatch(page, -1) {
		heights = append(heights, m[1]+":"+m[2]+strings.TrimPrefix(m[3], `<rect class=`))
	}
	if got, want := strings.Join(heights, " "), strings.Repeat("1:24 2:48 ", 5)+`1:24 1:60"beyond"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	wants(t, page, "half took up to 100ms (the line), the longest 9s; 1 took longer than the picture is high (250ms)",
		`y1="36" y2="36"`, `GET /a <span class="quiet">7</span>`, `GET /b <span class="quiet">5</span>`)
	if got := strings.Count(page, `<rect class="error"`); got != 1 {
		t.Errorf("%d bars are marked as failed, want 1", got)
	}
	for _, to := range linksOf(page, `object\?[^"]*route[^"]*`) {
		if list := body(t, get(viewer.New(store, nil), "/"+to), 200); strings.Contains(list, `>GET /a</a>`) == strings.Contains(list, `>GET /b</a>`) {
			t.Errorf("%s is not the stories of one route", to)
		}
	}
}

// The newest story is compared with the one before that did the same.
func TestPairToCompare(t *testing.T) {
	store := story.NewMemory()
	good := tell(t, store, start, "POST /orders", time.Second, slog.LevelInfo)
	tell(t, store, start.Add(time.Minute), "GET /users/{id}", time.Second, slog.LevelInfo)
	bad := tell(t, store, start.Add(2*time.Minute), "POST /orders", time.Second, slog.LevelError)
	h := viewer.New(store, nil)
	page := body(t, get(h, "/object?key=user_1"), 200)
	for name, id := range map[string]string{"was": good.ID, "is": bad.ID} {
		checked := regexp.MustCompile(`name="`+name+`" value="([^"]*)"[^>]* checked>`).FindAllStringSubmatch(page, -1)
		if len(checked) != 1 || checked[0][1] != id {
			t.Errorf("%s: %q is chosen, want %s", name, checked, id)
		}
	}
	if row := regexp.MustCompile(`<tr class="row.*?(?s:.*?)</tr>`).FindAllString(page, -1); len(row) != 3 || !strings.Contains(row[2], "last without an error") || strings.Contains(row[1], "last without") {
		t.Errorf("not the third alone is marked as good:\n%s", page)
	}
	tell(t, store, start.Add(3*time.Minute), "GET /x", time.Second, slog.LevelWarn)
	if page := body(t, get(h, "/object?key=user_1&q=route%3D%22GET+/x%22"), 200); strings.Contains(page, "last without") || strings.Contains(page, "checked") {
		t.Error("where nothing failed, something is marked")
	}
}

// A day is one thread, oldest first, whose stories unfold in place: those that failed are
// open. Long ones show what went wrong.
func TestThread(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	at(t, now, func(t *testing.T) {
		memory := story.NewMemory()
		key := story.NewKey("user", "1")
		putLines := func(ago time.Duration, lines ...story.Line) {
			begin := now.Add(-ago)
			h := &story.Header{Key: key, ID: story.NewID(begin), Start: begin, Updated: begin, State: story.Sealed, LineCount: len(lines), Title: lines[0].Message}
			for _, line := range lines {
				h.MaxLevel = max(h.MaxLevel, line.Level)
			}
			h.Cause, h.Problem = story.CauseOf(key.Kind, lines)
			if err := memory.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: h, Text: story.Format(lines)}}); err != nil {
				t.Fatal(err)
			}
		}
		putLines(26*time.Hour, story.Line{Message: "first <b>"}, story.Line{Message: "within", Depth: 1, Attrs: "a=1"})
		long := []story.Line{{Message: "second"}}
		for i := range 100 {
			long = append(long, story.Line{Message: "step", Depth: 1}, story.Line{Message: fmt.Sprintf("detail %d.", i), Depth: 2})
		}
		long = append(long, story.Line{Message: "deep", Depth: 3}, story.Line{Message: "broken \x1b", Depth: 4, Level: slog.LevelError})
		putLines(25*time.Hour, long...)
		putLines(time.Hour, story.Line{Message: "today's"})
		store := &countingStore{Store: memory}
		h := viewer.New(store, &viewer.Options{Zone: time.UTC})
		page := body(t, get(h, "/object?key=user_1&q=since:yesterday+until:today"), 200)
		wants(t, page, "<h2>Yesterday, Wednesday 25 November</h2>", "<strong>thread</strong>", `<li class="d1 info"><span class="r">within  a=1</span></li>`, "first &lt;b&gt;", ": the whole story</a>")
		first, second := strings.Index(page, ">first "), strings.Index(page, ">second")
		if first < 0 || second < first || strings.Contains(page, "today&#39;s") {
			t.Errorf("not oldest first, or of another day:\n%.5000s", page)
		}
		if got := strings.Count(page, "<details open>"); got != 1 || strings.Count(page, "<details>")+strings.Count(page, `<details class="searches">`) != 2 {
			t.Errorf("%d stories are open, want the one that failed", got)
		}
		if got := store.reads.Load(); got != 2 {
			t.Errorf("%d stories were read, want 2", got)
		}
		if strings.Contains(page, "detail 1.") || !strings.Contains(page, `ERROR broken \x1b`) {
			t.Errorf("a long story does not show what went wrong, or all else:\n%.5000s", page)
		}
		wants(t, body(t, get(h, "/object?key=user_1&q=since:yesterday+until:today&view=list"), 200), "<strong>list</strong>", `<tr class="row error">`)
		page = body(t, get(h, "/object?key=user_1&view=thread"), 200)
		if strings.Index(page, "today&#39;s") > strings.Index(page, ">second") {
			t.Error("without a beginning the newest is not first")
		}
	})
}

package viewer_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// newsletter is what four goroutines tell.
func newsletter() []story.Line {
	return story.Parse(`+0.000 I Sending the newsletter
+0.001 I&1 batch 1
+0.001 I&2 batch 2
+0.002 D&1   dialling
+0.002 D&2   dialling
+0.004 D&1     connected
+0.005 E&2     refused	err="550 <none>"
+0.006 I&3 flushing
+0.007 I&1 sent
+0.008 I done
`)
}

// putNamed stores a story whose header has attributes.
func putNamed(t *testing.T, store story.Store, attrs map[string]string, lines ...story.Line) {
	t.Helper()
	key, begin := story.NewKey("job", "mail"), start.Add(-3*time.Minute)
	h := &story.Header{
		Key: key, ID: story.IDPrefix(begin) + "-abcdef", Start: begin, Updated: begin, State: story.Sealed, MaxLevel: slog.LevelError,
		LineCount: len(lines), Title: lines[0].Message, Attrs: attrs,
	}
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: h, Text: story.Format(lines)}}); err != nil {
		t.Fatal(err)
	}
}

// lanePages returns the viewer of a story with named lanes.
func lanePages(t *testing.T, attrs map[string]string, lines ...story.Line) func(query string) string {
	t.Helper()
	store := story.NewMemory()
	putNamed(t, store, attrs, lines...)
	h := viewer.New(store, &viewer.Options{Zone: time.UTC})
	return func(query string) string { return body(t, get(h, "/story?key=job_mail"+query), 200) }
}

var (
	lineID    = regexp.MustCompile(`<li id="L(\d+)"`)
	laneLabel = regexp.MustCompile(`<span class="l">([^<]*) </span>`)
	hrefs     = regexp.MustCompile(`href="(story\?[^"#]*)`)
)

func all(pattern *regexp.Regexp, page string) (found []string) {
	for _, match := range pattern.FindAllStringSubmatch(page, -1) {
		found = append(found, match[1])
	}
	return found
}

// By time the lines of all lanes are in one list, each lane named where it begins to
// tell; folds and filters work there, and links that show the story otherwise keep it.
func TestLanesByTime(t *testing.T) {
	page := lanePages(t, map[string]string{"host": "a", "lane_1-2": "mail.(*Sender).run"}, newsletter()...)
	for query, want := range map[string]struct{ ids, labels string }{
		"&lanes=time&fold=none":   {"[1 2 3 4 5 6 7 8 9 10]", "[0|1 mail.(*Sender).run|2 mail.(*Sender).run|1 mail.(*Sender).run|2 mail.(*Sender).run|1 mail.(*Sender).run|2 mail.(*Sender).run|3|1 mail.(*Sender).run|0]"},
		"&lanes=time":             {"[1 2 3 5 7 8 9 10]", "[0|1 mail.(*Sender).run|2 mail.(*Sender).run|3|1 mail.(*Sender).run|0]"},
		"&lanes=time&level=error": {"[3 5 7]", "[2 mail.(*Sender).run]"},
		"&lanes=time&q=connected": {"[2 4 6]", "[1 mail.(*Sender).run]"},
		"&lanes=time&fold=0&at=6": {"[1 2 3 4 6 8 9 10]", "[0|1 mail.(*Sender).run|2 mail.(*Sender).run|1 mail.(*Sender).run|3|1 mail.(*Sender).run|0]"},
		"&fold=none":              {"[1 3 5 7 2 4 6 9 8 10]", "[]"},
	} {
		got := page(query)
		if ids := fmt.Sprint(all(lineID, got)); ids != want.ids {
			t.Errorf("%s: lines %s, want %s", query, ids, want.ids)
		}
		if labels := "[" + strings.Join(all(laneLabel, got), "|") + "]"; labels != want.labels {
			t.Errorf("%s: labels %s, want %s", query, labels, want.labels)
		}
		byTime := strings.Contains(query, "lanes=time")
		for _, href := range all(hrefs, got) {
			values, err := url.ParseQuery(strings.TrimPrefix(strings.ReplaceAll(href, "&amp;", "&"), "story?"))
			if err != nil {
				t.Fatal(err)
			}
			other := len(slices.Collect(maps.Keys(values))) == 2 // another story
			if !other && values.Get("lanes") != "time" && byTime && !strings.Contains(got, `<a href="`+href+`" class="resets">`) {
				t.Errorf("%s: %s does not keep the lanes", query, href)
			}
		}
		if strings.Contains(got, `name="lanes" value="time"`) != byTime {
			t.Errorf("%s: the filter does not keep the lanes", query)
		}
	}
}

// A lane is a row in its place, with its name, how long it took and what it holds; one with
// an error is open and stands before the others. Names are escaped, and not among the facts.
func TestLaneRows(t *testing.T) {
	page := lanePages(t, map[string]string{"host": "a", "lane_0": "cart", "lane_1": "mail.(*Sender).run", "lane_3": "<b>\x1b" + strings.Repeat("x", 500)}, newsletter()...)("")
	for _, want := range []string{
		`aria-label="goroutine"><path d="M1 0v4l4 3 4-3V0M5 7v5"/></svg>batch 2 <small>Lane 2</small> <span class="f">2 lines, 1 error</span>`,
		`<li id="L3" class="d0 info b"><a class="n" href="#L3">3</a><details open>`, `<li id="G2" class="lane-row d0 info"><details><summary`,
		`</svg>batch 1 <small>mail.(*Sender).run, lane 1</small> <span class="f">4 lines</span>`,
		`</svg>flushing <small>&lt;b&gt;\x1bxxx`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s\n%s", want, page)
		}
	}
	if strings.Contains(page, "lane_") || strings.Contains(page, strings.Repeat("x", 300)) || !strings.Contains(page, "<dt>host</dt>") {
		t.Errorf("got %s", page)
	}
}

// Two hundred goroutines of which one fails are two rows: those that went well, and the
// one that did not, open.
func TestManyLanes(t *testing.T) {
	lines := []story.Line{{Message: "Sending to all"}}
	for i := range 200 {
		lines = append(lines, story.Line{Message: fmt.Sprintf("Sending to %d", i), Lane: i + 1, Offset: time.Duration(i) * time.Millisecond},
			story.Line{Message: "dialling", Lane: i + 1, Depth: 1, Offset: time.Duration(i) * time.Millisecond})
		last := story.Line{Message: "accepted", Lane: i + 1, Depth: 1, Offset: time.Duration(i+3) * time.Millisecond}
		if i == 77 {
			last.Message, last.Level = "refused", slog.LevelError
		}
		lines = append(lines, last)
	}
	lines = append(lines, story.Line{Message: "done", Offset: 300 * time.Millisecond})
	page := lanePages(t, nil, lines...)
	got := page("")
	if want := `<li id="L233" class="d0 info b"><a class="n" href="#L233">233</a><details open>`; !strings.Contains(got, want) || strings.Index(got, want) > strings.Index(got, "×199") {
		t.Errorf("the failed one is not first, or not open:\n%.3000s", got)
	}
	if !regexp.MustCompile(`<li id="G2" class="lane-row d0 info"><details><summary class="r">.*×199</span>`).MatchString(got) {
		t.Errorf("those alike are not one row:\n%.3000s", got)
	}
	got = page("&at=301")
	if !regexp.MustCompile(`(?s)<li id="G2" class="lane-row d0 info"><details open>.*<li id="L299" [^>]*><a [^>]*>299</a><details open>.*<li id="L301"`).MatchString(got) {
		t.Errorf("line 301 is not shown in its lane:\n%.3000s", got)
	}
	if got = page("&q=refused"); !strings.Contains(got, `id="L235"`) || strings.Contains(got, `id="L2"`) || !strings.Contains(got, "<mark>refused</mark>") {
		t.Errorf("a filter does not find what a lane tells:\n%.3000s", got)
	}
	if n := len(all(lineID, page("&fold=none&repeats=each"))); n != len(lines) {
		t.Errorf("%d lines are in the page, want %d", n, len(lines))
	}
}

// A story of one lane has nothing to choose, and is shown as ever.
func TestOneLaneByTime(t *testing.T) {
	page := lanePages(t, nil, story.Parse("+0.000 I a\n+0.000 I tick\n+0.000 I tick\n+0.000 I tick\n")...)
	got := page("&lanes=time")
	if strings.Contains(got, `aria-label="lanes"`) || strings.Contains(got, "flat") || !strings.Contains(got, "×3") {
		t.Errorf("got %s", got)
	}
}

// Of a story that is too long for the page, by time too, what is left out is counted.
func TestLongLanesByTime(t *testing.T) {
	var lines []story.Line
	for i := range 6000 {
		lines = append(lines, story.Line{Lane: i % 2, Message: fmt.Sprint("tick ", i), Depth: i / 2 % 2})
	}
	got := lanePages(t, nil, lines...)("&lanes=time&fold=none")
	if n := len(all(lineID, got)); n != 6000 || strings.Count(got, "</ol><ol>") != 59 {
		t.Errorf("%d lines in %d further lists", n, strings.Count(got, "</ol><ol>"))
	}
	got = lanePages(t, nil, lines...)("&lanes=time&fold=0")
	if n := len(all(lineID, got)); n != 3000 || strings.Count(got, `<a class="f"`) != 3000 {
		t.Errorf("%d lines, of which %d unfold", n, strings.Count(got, `<a class="f"`))
	}
}

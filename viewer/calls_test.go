package viewer_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

const (
	aTrace = "0af7651916cd43dd8448eb211c80319c"
	aSpan  = "b7ad6b7169203331"
)

// traced stores a story of a trace, which is listed under it.
func traced(t *testing.T, store story.Store, key story.Key, second int, parent string, lines ...story.Line) string {
	t.Helper()
	begin, trace := start.Add(time.Duration(second)*time.Second), story.NewKey(story.KindTrace, aTrace)
	h := &story.Header{
		Key: key, ID: story.IDPrefix(begin) + "-abcdef", Start: begin, Updated: begin, Duration: time.Duration(1500+10*second) * time.Millisecond, State: story.Sealed, LineCount: len(lines),
		Title: story.TitleOf(lines[0].Message), MaxLevel: lines[0].Level, Attrs: map[string]string{"trace_id": aTrace}, Also: []story.Key{trace},
	}
	if parent != "" {
		h.Attrs["parent_span"] = parent
	}
	alias := h.Alias(trace)
	if err := store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: h, Text: story.Format(lines)}, {Key: trace, ID: h.ID, Header: &alias}}); err != nil {
		t.Fatal(err)
	}
	return h.ID
}

// shopCalls stores the story of an order that has called a payment, and returns its page.
func shopCalls(t *testing.T) (store *story.Memory, page string) {
	store = story.NewMemory()
	id := traced(t, store, story.NewKey("user", "42"), 0, "",
		story.Line{Message: "placing order"},
		story.Line{Depth: 1, Message: "POST pay/charges/{id}", Attrs: "status=200 took=1.6s span_id=" + aSpan, Offset: 1600 * time.Millisecond},
		story.Line{Depth: 2, Message: "paid", Offset: 1700 * time.Millisecond},
		story.Line{Depth: 1, Message: "POST mail/send", Attrs: "span_id=00f067aa0ba902b7", Offset: 1800 * time.Millisecond})
	traced(t, store, story.NewKey("charge", "9<b>"), 1, aSpan, story.Line{Message: "charging <i>", Level: slog.LevelWarn}, story.Line{Depth: 1, Message: "card is charged"})
	traced(t, store, story.NewKey("mail", "1"), 2, "1111111111111111", story.Line{Message: "writing"})
	return store, "/story?key=user_42&id=" + id
}

// The page of a story has those that it has called under the line that called them.
func TestCallsOnPage(t *testing.T) {
	store, target := shopCalls(t)
	page := body(t, get(viewer.New(store, nil), target), 200)
	wants(t, page, `<li class="lane-row call d2 warn"><a class="n"`, `<a class="n" href="story?id=2026-11-22T16%3A41%3A42.000000Z-abcdef&amp;key=charge_9%3Cb%3E" title="the story of charge_9&lt;b&gt;">`, `<b class="m">charge_9&lt;b&gt;</b> charging &lt;i&gt;`,
		"1.51 s of 1.60 s", `<span class="r">card is charged</span>`, "It says that it was called here.", `href="object?key=trace_`+aTrace+`"`)
	if before, after, _ := strings.Cut(page, "charge_9"); !strings.Contains(before, "POST pay/charges") || !strings.Contains(after, `>paid<`) || strings.Contains(page, "mail_1") {
		t.Errorf("it stands elsewhere, or somebody else's story does:\n%s", page)
	}
	wants(t, body(t, get(viewer.New(store, nil), target+"&lanes=time"), 200), "charge_9&lt;b&gt;</b>")
	for _, as := range []string{"html", "text", "json"} {
		if alone := body(t, get(viewer.New(store, nil), strings.Replace(target, "/story", "/download", 1)+"&as="+as), 200); strings.Contains(alone, "charge_9") {
			t.Errorf("what is handed on as %s has another story in it:\n%s", as, alone)
		}
	}
}

// A call whose story is not here leads where the options say; one that is, does not.
func TestCallElsewhere(t *testing.T) {
	store, target := shopCalls(t)
	page := body(t, get(viewer.New(store, &viewer.Options{Links: map[string]string{"trace_id": "https://traces.example/?id={}"}}), target), 200)
	const to = `<a href="https://traces.example/?id=` + aTrace + `">trace elsewhere</a>`
	if before, _, found := strings.Cut(page, to); !found || strings.Count(page, to) != 1 || !strings.Contains(before, "POST mail/send") {
		t.Errorf("the trace stands elsewhere, or not once, in\n%s", page)
	}
	wants(t, page, `<a class="chip" href="object?key=trace_`+aTrace+`" title="trace">its stories here</a>`)
}

// Who may not read the story that says it was called sees nothing of it: it may be anybody
// who says so.
func TestCallsNotForEveryone(t *testing.T) {
	store, target := shopCalls(t)
	counted := &countingStore{Store: store}
	var asked []string
	h := http.StripPrefix("/stories", viewer.New(counted, &viewer.Options{Authorize: func(r *http.Request) bool {
		if asked = append(asked, r.URL.RequestURI()+" "+r.RequestURI+" "+r.Header.Get("Cookie")); r.Header.Get("Cookie") == "" {
			return false
		}
		return r.URL.Path == "/story" && r.URL.Query().Get("key") == "user_42"
	}}))
	page := body(t, get(h, "/stories"+target, func(r *http.Request) { r.Header.Set("Cookie", "session=1") }), 200)
	wants(t, page, `<li class="lane-row call d2 info"><div class="r">`, "a story that you may not read says that it was called here")
	for _, of := range []string{"charge_9", "charging", "card is charged", "1.51 s", "16%3A41%3A42", "lane-row call d2 warn"} {
		if strings.Contains(page, of) {
			t.Errorf("it shows %q:\n%s", of, page)
		}
	}
	const page9 = "/story?id=2026-11-22T16%3A41%3A42.000000Z-abcdef&key=charge_9%3Cb%3E"
	if len(asked) != 2 || asked[1] != page9+" /stories"+page9+" session=1" {
		t.Errorf("asked for %q", asked)
	}
	if reads := counted.reads.Load(); reads != 1 {
		t.Errorf("%d stories were read", reads)
	}
}

// What a page of calls costs is bounded, whoever says that he was called; without calls it
// costs nothing.
func TestCallsAreBounded(t *testing.T) {
	store, target := shopCalls(t)
	for i := range 300 {
		traced(t, store, story.NewKey("forged", fmt.Sprint(i)), 10+i, aSpan, story.Line{Message: "forged"}, story.Line{Message: "told"})
	}
	id := traced(t, store, story.NewKey("user", "43"), 3, aSpan, story.Line{Message: "calm"})
	counted, asked := &countingStore{Store: store}, 0
	h := viewer.New(counted, &viewer.Options{Authorize: func(*http.Request) bool { asked++; return true }})
	body(t, get(h, "/story?key=user_43&id="+id), 200)
	lists := counted.lists.Load()
	if reads := counted.reads.Load(); reads != 1 || asked != 1 {
		t.Errorf("without calls: %d reads, %d times asked", reads, asked)
	}
	page := body(t, get(h, target), 200)
	t.Logf("%d lists without calls, %d with", lists, counted.lists.Load()-lists)
	if more, reads := counted.lists.Load()-2*lists, counted.reads.Load()-1; more != 1 || reads != 1+8 || asked != 2+198 {
		t.Errorf("%d lists more, %d reads, %d times asked", more, reads, asked)
	}
	if rows, told := strings.Count(page, `class="lane-row call`), strings.Count(page, ">told<"); rows != 11 || told != 6 {
		t.Errorf("%d rows, %d with lines", rows, told)
	}
	wants(t, page, "188 more in the trace</a>", "</a> has more stories than were looked at", "2 further lines: the whole story")
}

// A story is shown, and says so, where those that it has called cannot be read.
func TestCallsThatCannotBeRead(t *testing.T) {
	store, target := shopCalls(t)
	broken := &countingStore{Store: store}
	broken.fails.Store(true)
	page := body(t, get(viewer.New(broken, nil), target), 200)
	inOrder(t, page, "POST pay/charges", ">paid<", "The stories that were called here cannot be read: out of order")
}

// A trace is a page of all its stories in the order of time.
func TestTrace(t *testing.T) {
	store, _ := shopCalls(t)
	h := viewer.New(store, nil)
	page := body(t, get(h, "/trace?id="+aTrace), 200)
	inOrder(t, page, "stories that say they are of this trace", "placing order", "charging &lt;i&gt;", "writing")
	wants(t, body(t, get(h, "/trace?id=11111111111111111111111111111111"), 404), "There are no stories of trace_1", "dynamoslog.Transport")
	body(t, get(h, "/trace"), 400)
	wants(t, body(t, get(h, "/object?key=trace_"+aTrace+"&view=list"), 200), "<table>")
	for i := range 30 {
		traced(t, store, story.NewKey("mail", fmt.Sprint(i+2)), 10+i, "1111111111111111", story.Line{Message: fmt.Sprintf("mail %02d", i)})
	}
	page = body(t, get(h, "/trace?id="+aTrace), 200)
	inOrder(t, page, "placing order", "mail 00", "mail 16", "later stories")
	page = body(t, get(h, "/"+linksOf(page, `object\?cursor[^"]*`)[0]), 200)
	inOrder(t, page, "mail 17", "mail 29", ">oldest<")
}

// inOrder checks that texts stand in a page one after another.
func inOrder(t *testing.T, page string, texts ...string) {
	t.Helper()
	rest := page
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("%q is not there, or earlier:\n%s", text, page)
		}
		rest = after
	}
}

// A story that says it was called, and began when nobody lives any more, is at the end of the
// axis of time.
func TestCallBeyondTheAxis(t *testing.T) {
	store, target := shopCalls(t)
	trace, key := story.NewKey(story.KindTrace, aTrace), story.NewKey("late", "1")
	for _, years := range []int{1, 100, 250, 5000} {
		begin := start.AddDate(years, 0, 0)
		h := story.Header{
			Key: key, ID: story.IDPrefix(begin) + "-abcdef", Start: begin, Updated: begin, Duration: time.Second, State: story.Sealed, Title: "late",
			Attrs: map[string]string{"trace_id": aTrace, "parent_span": aSpan}, Also: []story.Key{trace},
		}
		alias := h.Alias(trace)
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: &h}, {Key: trace, ID: h.ID, Header: &alias}}); err != nil {
			t.Fatal(err)
		}
	}
	page := body(t, get(viewer.New(store, nil), target), 200)
	rows := strings.Split(page, "late_1</b>")
	if len(rows) != 5 {
		t.Fatalf("it shows %d of 4 calls:\n%s", len(rows)-1, page)
	}
	for _, before := range rows[:4] {
		if _, bar, _ := strings.Cut(before[strings.LastIndex(before, `<svg class="w">`):], " x="); !strings.HasPrefix(bar, `"100%"`) {
			t.Errorf("its bar is at %.20s", bar)
		}
	}
}

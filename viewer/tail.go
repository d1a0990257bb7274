package viewer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// tailPage shows news as they come.
type tailPage struct {
	Form   searchForm
	Key    string
	Events string // empty where the search is wrong
	List   string // link to the same stories as a list
}

func (v *viewer) tail(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	p := tailPage{Form: formOf(r), Key: values.Get("key"), Events: link("events", values), List: link("", values)}
	if _, err := v.tailSearch(r); p.Form.wrong(err) {
		p.Events = ""
	} else if err != nil {
		return err
	}
	if p.Key != "" {
		p.List = link("object", values)
	}
	return v.render(w, p.Form.status(), "tail.html", p)
}

// tailSearch returns what a view shows, whose times are not used.
func (v *viewer) tailSearch(r *http.Request) (s story.Search, err error) {
	var key story.Key
	if text := r.URL.Query().Get("key"); text != "" {
		if key, err = story.ParseKey(text); err != nil {
			return s, err
		}
	}
	form := formOf(r)
	return form.search(key, time.Now().In(v.opts.Zone))
}

// A newsEvent is what the script of the page is sent.
type newsEvent struct {
	reading.Header
	Link       string      `json:"link"`
	Object     string      `json:"object"`
	When       string      `json:"when"` // the time of day; the day before it where it is not today
	Open       bool        `json:"open"` // it is being told
	Took       string      `json:"took"`
	Class      string      `json:"class"`
	State      string      `json:"state_text"`
	Unfinished bool        `json:"unfinished"`
	First      bool        `json:"first"`
	Lines      []eventLine `json:"lines,omitempty"`
}

type eventLine struct {
	Number int    `json:"number"`
	Depth  int    `json:"depth"`
	Level  string `json:"level"`
	Text   string `json:"text"`
}

// events sends news as server-sent events, until the browser goes or the server
// shuts down. A browser asks again by itself.
func (v *viewer) events(w http.ResponseWriter, r *http.Request) {
	search, err := v.tailSearch(r)
	if err != nil {
		v.fail(w, r, err)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // a server's own would end the view; where there is none, none is needed
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep news back until they fill its buffer
	if r.Method == http.MethodHead {
		return
	}
	ending := v.ending.of(r)
	q, rest := search.Query()
	tail := &reading.Tail{Store: v.store, Query: q, Filter: rest, Growth: 5 * v.opts.Every, After: seenUntil(r)}
	look := time.NewTicker(v.opts.Every)
	defer look.Stop()
	for {
		if err := v.sendNews(r.Context(), w, tail); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ending:
			return
		case <-look.C:
		}
	}
}

// seenUntil returns when a view looked last that goes on after a pause, or after
// its connection was lost, or the zero time.
func seenUntil(r *http.Request) time.Time {
	seen, err := time.Parse(time.RFC3339Nano, cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")))
	if err != nil || time.Since(seen) > mostPause {
		return time.Time{}
	}
	return seen
}

// mostPause is how long a view may rest and still be told what came meanwhile.
const mostPause = time.Hour

// sendNews sends what one look finds. Trouble of the store is news too: the view goes on.
func (v *viewer) sendNews(ctx context.Context, w http.ResponseWriter, tail *reading.Tail) error {
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	defer cancel()
	now := time.Now()
	news, err := tail.Look(ctx)
	for _, n := range news {
		if err := send(w, "story", v.eventOf(n)); err != nil {
			return err
		}
	}
	if err != nil {
		return send(w, "trouble", escapeLines(err.Error()))
	}
	seen := now.UTC().Format(time.RFC3339Nano)
	if _, err := fmt.Fprintf(w, "id: %s\n", seen); err != nil { // what the browser names when it connects again
		return err
	}
	return send(w, "looked", lookEvent{At: v.clock(now), Seen: seen, Behind: tail.Behind()})
}

// A lookEvent says that all news up to a time were sent.
type lookEvent struct {
	At     string `json:"at"`
	Seen   string `json:"seen"`
	Behind bool   `json:"behind"` // there were too many
}

func (v *viewer) eventOf(n reading.News) newsEvent {
	e := newsEvent{
		Header: reading.HeaderJSON(n.Header), Link: storyLink(n.Header), Object: objectLink(reading.About(n.Header)), When: v.liveTime(n.Start),
		Took: reading.Took(n.Duration), Class: levelClass(n.MaxLevel), State: reading.StateText(n.State),
		Unfinished: reading.Unfinished(n.State), First: n.First, Open: n.State == story.Open,
	}
	e.Title, e.Cause = story.Escape(n.Title), story.Escape(reading.Cause(n.Header))
	if n.Left > 0 {
		e.Lines = append(e.Lines, eventLine{n.From - n.Left, 0, "debug", "… " + n.LeftText()})
	}
	for i, line := range story.Nest(n.Lines) {
		e.Lines = append(e.Lines, eventLineOf(line, n.From+i))
	}
	return e
}

// liveTime returns a time of day, with the day where that is not today.
func (v *viewer) liveTime(t time.Time) string {
	if now := time.Now().In(v.opts.Zone); t.In(v.opts.Zone).Format(time.DateOnly) == now.Format(time.DateOnly) {
		return v.clock(t)
	}
	return v.when(t)
}

// shortened returns so much of a text that it does not push away what else comes, as the
// stack of a panic would.
func shortened(text string) string {
	const most = 4 // lines
	text, cutOff := cut(text, longMessage)
	lines := strings.Split(text, "\n")
	if left := len(lines) - most; left > 1 {
		return strings.Join(lines[:most], "\n") + fmt.Sprintf("\n… %s are in the story", reading.Plural(left, "further line"))
	}
	if cutOff {
		text += "…"
	}
	return text
}

func send(w http.ResponseWriter, event string, data any) error {
	encoded, err := json.Marshal(data) // one line, whatever it holds
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, encoded)
	return err
}

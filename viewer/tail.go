package viewer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// tailPage shows news as they come.
type tailPage struct {
	Key    string
	Form   listForm
	Events string
	List   string // link to the same stories as a list
}

func (v *viewer) tail(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	if _, err := tailQuery(r); err != nil {
		return err
	}
	p := tailPage{Key: values.Get("key"), Events: link("events", values), List: link("", values)}
	if p.Key != "" {
		p.List = link("object", values)
	}
	return v.render(w, http.StatusOK, "tail.html", p)
}

func tailQuery(r *http.Request) (story.Query, error) {
	values := r.URL.Query()
	q, err := listForm{Kind: values.Get("kind"), Level: values.Get("level"), Text: values.Get("q")}.query(time.Now())
	if err == nil && values.Get("key") != "" {
		q.Key, err = story.ParseKey(values.Get("key"))
	}
	return q, err
}

// A newsEvent is what the script of the page is sent.
type newsEvent struct {
	reading.Header
	Link  string      `json:"link"`
	State string      `json:"state_text"`
	Open  bool        `json:"open"`
	First bool        `json:"first"`
	Lines []eventLine `json:"lines,omitempty"`
}

type eventLine struct {
	Number int    `json:"number"`
	Depth  int    `json:"depth"`
	Level  string `json:"level"`
	Text   string `json:"text"`
}

// events sends news as server-sent events, until the browser goes.
func (v *viewer) events(w http.ResponseWriter, r *http.Request) {
	q, err := tailQuery(r)
	if err != nil {
		v.fail(w, r, err)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // a server's own would end the view; where there is none, none is needed
	w.Header().Set("Content-Type", "text/event-stream")
	tail := &reading.Tail{Store: v.store, Query: q, Growth: 5 * v.opts.Every}
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
		case <-look.C:
		}
	}
}

// sendNews sends what one look finds. Trouble of the store is news too: the view goes on.
func (v *viewer) sendNews(ctx context.Context, w http.ResponseWriter, tail *reading.Tail) error {
	ctx, cancel := context.WithTimeout(ctx, v.opts.Timeout)
	defer cancel()
	news, err := tail.Look(ctx)
	for _, n := range news {
		if err := send(w, "story", eventOf(n)); err != nil {
			return err
		}
	}
	if err != nil {
		return send(w, "trouble", escapeLines(err.Error()))
	}
	return send(w, "looked", time.Now().In(v.opts.Zone).Format("15:04:05"))
}

func eventOf(n reading.News) newsEvent {
	e := newsEvent{
		Header: reading.HeaderJSON(n.Header), Link: storyLink(n.Header), State: reading.StateText(n.State),
		Open: n.State == story.Open, First: n.First,
	}
	e.Title = story.Escape(e.Title)
	for i, line := range n.Lines {
		text := line.Message
		if line.Attrs != "" {
			text += "  " + line.Attrs
		}
		e.Lines = append(e.Lines, eventLine{n.From + i, min(line.Depth, deepest), levelClass(line.Level), escapeLines(text)})
	}
	return e
}

func send(w http.ResponseWriter, event string, data any) error {
	encoded, err := json.Marshal(data) // one line, whatever it holds
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, encoded)
	return err
}

package viewer

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// Of how many stories that a story has called the lines are in its page, and how long one
// may be.
const (
	calledStories = 8
	calledLines   = 1000
)

// A called has the lines of a story that a line has called by which one sees what happened.
type called struct {
	Lines []eventLine // as far as they were read
	Left  int         // lines that are not among them
}

// findCalls looks for the stories that a story has called, while its page is made, and
// returns a function that waits for them. A story that has made no call costs no query.
func (v *viewer) findCalls(ctx context.Context, s story.Story) func() (reading.Calls, error) {
	return later(func() (reading.Calls, error) { return reading.FindCalls(ctx, v.store, s) })
}

// setCalls waits for the stories that the lines of a tree have called, leaves nothing of those
// that their reader may not read, and returns lines of the others by their ids.
func (v *viewer) setCalls(r *http.Request, p *storyPage, t *reading.Tree, find func() (reading.Calls, error)) map[string]called {
	calls, err := find()
	if err != nil { // the story is there all the same
		p.NoCalls = troubleText(err)
		return nil
	}
	if calls.Short {
		p.Trace = traceLink(p.Header)
	}
	calls.Hide(func(h story.Header) bool { return v.mayRead(r, h) })
	t.SetCalls(calls)
	all, read := make(map[string]called), 0
	for i := range t.Nodes {
		stories, _ := calls.Of(i + 1)
		for _, h := range stories {
			c := called{Left: h.LineCount}
			if h.ID != "" && read < calledStories && h.LineCount <= calledLines {
				read++
				if s, err := v.store.Read(r.Context(), reading.About(h), h.ID); err == nil { // else its own page says what is wrong
					c.Lines, c.Left = threadOf(s.Lines)
				}
			}
			all[h.ID] = c
		}
	}
	return all
}

// mayRead reports whether who asks may read another story: Authorize is shown the request
// for its page.
func (v *viewer) mayRead(r *http.Request, h story.Header) bool {
	other := r.Clone(r.Context())
	at := strings.LastIndexByte(r.URL.Path, '/') + 1
	other.URL = &url.URL{Path: r.URL.Path[:at] + "story", RawQuery: storyValues(reading.About(h), h.ID).Encode()}
	page := pathOf(r.RequestURI)
	other.RequestURI = page[:strings.LastIndexByte(page, '/')+1] + "story?" + other.URL.RawQuery
	other.Form, other.PostForm = nil, nil
	return v.opts.Authorize(other)
}

// traceLink returns a link to the stories of a story's trace.
func traceLink(h story.Header) string {
	key, _ := reading.TraceKey(h)
	return objectLink(key)
}

// trace leads to the stories of a trace, in the order of time.
func (v *viewer) trace(w http.ResponseWriter, r *http.Request) error {
	key, ok := reading.TraceKeyOf(r.URL.Query().Get("id"))
	if !ok {
		return fmt.Errorf("%w: the address of a trace has its id, as in trace?id=0af7651916cd43dd8448eb211c80319c", reading.ErrBadView)
	}
	return seeOther(w, objectLink(key))
}

// callMark stands before a story that a line has called.
const callMark = `<svg class="fork" viewBox="0 0 10 12" role="img" aria-label="called"><path d="M0 6h9M5 2l4 4-4 4"/></svg>`

// calls writes a row for each story that a line has called, in which its lines are folded.
func (w *lineWriter) calls(n *reading.Node) {
	stories, beyond := w.tree.Calls.Of(n.Number)
	for _, h := range stories {
		switch {
		case w.done():
			return
		case h.ID == "":
			w.callNote(n, "<small>a story that you may not read says that it was called here</small>")
		default:
			w.call(n, h)
		}
	}
	if beyond > 0 {
		w.callNote(n, `<a href="`+html.EscapeString(traceLink(w.tree.Story.Header))+`">`+strconv.Itoa(beyond)+" more in the trace</a>")
	}
}

// callNote writes a row of the stories that a line has called in which there is none.
func (w *lineWriter) callNote(n *reading.Node, text string) {
	w.beginCall(n, "info")
	w.WriteString(`<div class="r">` + callMark + text + "</div></li>\n")
}

func (w *lineWriter) beginCall(n *reading.Node, class string) {
	w.WriteString(`<li class="lane-row call d`)
	w.int(min(w.depth(n)+1, deepest))
	w.WriteString(` ` + class + `">`)
}

// call writes a story that a line has called.
func (w *lineWriter) call(n *reading.Node, h story.Header) {
	c, page := w.called[h.ID], html.EscapeString(storyLink(h))
	w.beginCall(n, levelClass(h.MaxLevel))
	key := html.EscapeString(reading.About(h).String())
	w.WriteString(`<a class="n" href="` + page + `" title="the story of ` + key + `">↗</a><details><summary class="r">`)
	w.duration(h.Duration, false)
	w.span(max(h.Start.Sub(w.tree.Story.Start), 0), h.Duration, false)
	w.WriteString(callMark)
	if word := reading.LevelWord(h.MaxLevel); word != "" {
		w.WriteString(`<b class="` + levelClass(h.MaxLevel) + `">` + html.EscapeString(word) + `</b> `)
	}
	head, rest := cut(reading.Headline(h), longValue)
	if rest {
		head += "…"
	}
	w.WriteString(`<b class="m">` + key + `</b> ` + html.EscapeString(head) + ` <small>` + reading.CallTook(h, n.Line) + `</small> <span class="f">` + reading.Plural(h.LineCount, "line") + "</span></summary>\n<ol class=\"grown\">\n")
	line := func(depth int, level, text string) {
		w.WriteString(`<li class="d`)
		w.int(min(w.depth(n)+2+depth, deepest))
		w.WriteString(` ` + level + `"><span class="r">` + text + "</span></li>\n")
	}
	for _, l := range c.Lines {
		line(l.Depth, l.Level, html.EscapeString(l.Text))
	}
	whole := "the whole story"
	if c.Left > 0 {
		whole = reading.Plural(c.Left, "further line") + ": " + whole
	}
	line(0, "info", `<small>It says that it was called here.</small> <a class="whole" href="`+page+`">`+whole+`</a>`)
	w.WriteString("</ol></details></li>\n")
}

// elsewhere writes where the call of a line leads whose story is not among those of the
// store: to the trace, where the options say how.
func (w *lineWriter) elsewhere(n *reading.Node) {
	if w.trace == "" || reading.SpanOf(n.Line) == "" {
		return
	}
	if stories, _ := w.tree.Calls.Of(n.Number); len(stories) == 0 {
		w.WriteString(` <a href="` + html.EscapeString(w.trace) + `">trace elsewhere</a>`)
	}
}

package reading

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/story"
)

// Names of the attributes by which a call and the story of who was called know each other.
const (
	attrTrace  = "trace_id"    // of a header
	attrSpan   = "span_id"     // of a line
	attrParent = "parent_span" // of the header of who was called
)

// Limits of what is looked for and shown of the stories that lines have called.
const (
	lookCalls = 200 // headers of a trace
	mostCalls = 10  // of one line
)

// NoTrace says when a trace has stories, for who finds none.
const NoTrace = "A story is listed under its trace where another service has called it, or where it has made a call itself, by dynamoslog.Transport, Inject or an adapter."

// callsBefore is how much earlier than its caller, by another machine's clock, a story may
// have begun.
const callsBefore = time.Minute

// Calls are the stories that say of a line, by its span, that it has called them. Nobody
// vouches for it: a client may send any span. The zero value has none.
type Calls struct {
	of    map[int][]story.Header // by the number of the line, in the order of time
	Short bool                   // whether the trace has further stories, which were not looked at
}

// FindCalls looks among the first 200 stories that are listed under a story's trace, by one
// query. It makes none where the story's lines have no span, or where it has ended and is not
// listed there itself, as one is that has made a call. Of several lines with one span the
// first has called.
func FindCalls(ctx context.Context, store story.Store, s story.Story) (Calls, error) {
	key, ok := TraceKey(s.Header)
	if ended := s.State != story.Open && s.State != story.Interrupted; !ok || ended && !IsTraced(s.Header) {
		return Calls{}, nil
	}
	lines := make(map[string]int) // their numbers, by their spans
	for i, line := range s.Lines {
		if span := SpanOf(line); span != "" && lines[span] == 0 {
			lines[span] = i + 1
		}
	}
	if len(lines) == 0 {
		return Calls{}, nil
	}
	page, err := store.List(ctx, story.Query{Key: key, Since: s.Start.Add(-callsBefore), OldestFirst: true, Limit: lookCalls})
	if err != nil {
		return Calls{}, err
	}
	calls := Calls{of: make(map[int][]story.Header), Short: page.Next != ""}
	for _, h := range page.Headers {
		if number := lines[h.Attrs[attrParent]]; number > 0 && !(h.ID == s.ID && About(h) == s.Key) {
			calls.of[number] = append(calls.of[number], h)
		}
	}
	return calls, nil
}

// Hide leaves nothing of the stories that somebody may not read, but that they are there: a
// zero Header.
func (c Calls) Hide(mayRead func(story.Header) bool) {
	for _, stories := range c.of {
		for i, h := range stories {
			if !mayRead(h) {
				stories[i] = story.Header{}
			}
		}
	}
}

// Of returns the stories that the line of a number has called, at most ten, and how many
// there are beyond.
func (c Calls) Of(number int) (stories []story.Header, beyond int) {
	stories = c.of[number]
	if beyond = len(stories) - mostCalls; beyond > 0 {
		return stories[:mostCalls], beyond
	}
	return stories, 0
}

// SetCalls gives the tree the stories that its lines have called. What leads to one that
// went wrong is not folded where errors are seen first.
func (t *Tree) SetCalls(c Calls) {
	t.Calls = c
	for number, stories := range c.of {
		if slices.ContainsFunc(stories, func(h story.Header) bool { return h.MaxLevel >= slog.LevelWarn }) {
			t.setBad(number)
		}
	}
}

// IsTraced reports whether a story is listed under its trace.
func IsTraced(h story.Header) bool {
	key, ok := TraceKey(h)
	return ok && slices.Contains(h.Also, key)
}

// TraceKey returns the key under which the stories that a story's calls have begun are
// listed: that of its trace, as a traceparent has it.
func TraceKey(h story.Header) (story.Key, bool) { return TraceKeyOf(h.Attrs[attrTrace]) }

// TraceKeyOf returns the key under which the stories of a trace are listed that have its id.
func TraceKeyOf(id string) (story.Key, bool) {
	if id == "" {
		return story.Key{}, false
	}
	return story.NewKey(story.KindTrace, ids.TraceName(id)), true
}

// SpanOf returns the span of a line, as one has that has made a call, or "".
func SpanOf(line story.Line) string {
	if !strings.Contains(line.Attrs, attrSpan+"=") {
		return ""
	}
	span, _ := line.Attr(attrSpan)
	return span
}

// CallTook says how long a story took, and where that was within the time that its caller's
// line tells, of what: "6 ms of 7 ms". A queue's story may take longer than to put it there.
func CallTook(h story.Header, line story.Line) string {
	text := Brief(h.Duration)
	if took, told := toldTook(line); told && h.Duration <= took {
		text += " of " + Brief(took)
	}
	if Unfinished(h.State) {
		text += ", " + string(h.State)
	}
	return text
}

// calls writes a row for each story that a line has called: its object, what it was, how
// long it took, and by what it is shown.
func (p *linePrinter) calls(n *Node) {
	stories, beyond := p.tree.Calls.Of(n.Number)
	p.called = p.called || len(stories) > 0
	at := p.start(n) + 2
	row := func(pieces ...piece) {
		p.pad(at)
		p.flow(at, at+2, pieces...)
		p.end()
	}
	for _, h := range stories {
		head := "→ "
		if word := LevelWord(h.MaxLevel); word != "" {
			head += word + " "
		}
		row(piece{levelStyle(h.MaxLevel), head}, piece{Plain, About(h).String() + "  " + Headline(h)},
			piece{Dim, fmt.Sprintf("  %s, %s: show %s", CallTook(h, n.Line), Plural(h.LineCount, "line"), story.Escape(story.ShortID(h.ID)))})
	}
	if beyond > 0 {
		row(piece{Dim, fmt.Sprintf("→ %d more", beyond)})
	}
}

// claim says below the lines what the rows of calls are, and where the others of the trace are.
func (p *linePrinter) claim() {
	key, _ := TraceKey(p.tree.Story.Header)
	all := "all of the trace: ls " + key.String()
	switch {
	case p.tree.Calls.Short:
		all = "the trace has more stories than were looked at: ls " + key.String()
	case !p.called:
		return
	}
	if p.called {
		all = "→ is a story that says the line above has called it; " + all
	}
	p.out.WriteByte('\n')
	p.flow(0, 2, piece{Dim, all})
	p.end()
}

// A Call is a story that a line has called, as JSON.
type Call struct {
	Key        string      `json:"key"`
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Cause      string      `json:"cause,omitempty"`
	Level      string      `json:"level"`
	State      story.State `json:"state"`
	DurationMS int64       `json:"duration_ms"`
	LineCount  int         `json:"line_count"`
}

// json returns all stories that the line of a number has called, as JSON has them.
func (c Calls) json(number int) (calls []Call) {
	for _, h := range c.of[number] {
		calls = append(calls, Call{
			Key: About(h).String(), ID: h.ID, Title: h.Title, Cause: h.Cause, Level: h.MaxLevel.String(), State: h.State,
			DurationMS: h.Duration.Milliseconds(), LineCount: h.LineCount,
		})
	}
	return calls
}

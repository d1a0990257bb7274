package viewer

import (
	"context"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// whyBad says why a story is bad.
type whyBad struct {
	reading.Why
	Class, Word string
	Message     string // the first line of it
	Text        string // what went wrong, where the message does not say it
	Path        []pathStep
	Line        string // link to the line
	At          string // time since the story's start
	Often       string // how many stories have the problem
	All         string // link to them
}

// A pathStep is a caller of the line that is bad.
type pathStep struct{ Text, Link string }

// Bounds of what is shown, and looked at, for the card.
const (
	mostSteps   = 12
	lookOften   = 500  // headers
	mostOften   = 200  // of which so many may be of the problem
	longWhyText = 2000 // bytes
)

// whyBad returns why a story is bad, or nil.
func (v *viewer) whyBad(ctx context.Context, p *storyPage, t *reading.Tree) (*whyBad, error) {
	why, bad := t.Why()
	if !bad {
		return nil, nil
	}
	w := &whyBad{Why: why, Class: levelClass(why.Level), Word: reading.LevelWord(why.Level), Line: p.lineLink(why.Node), At: reading.Brief(why.Offset)}
	w.Message, _ = why.First()
	if text, rest := cut(why.Error, longWhyText); rest {
		w.Text = escapeLines(text) + "…"
	} else if !strings.Contains(why.Message, why.Error) {
		w.Text = escapeLines(text)
	}
	callers := why.Callers
	if more := len(callers) - mostSteps; more > 0 {
		w.Path = append(w.Path, pathStep{Text: "…"})
		callers = callers[more:]
	}
	for _, n := range callers {
		w.Path = append(w.Path, pathStep{Text: n.Begin(), Link: p.lineLink(n)})
	}
	if p.Problem == "" {
		return w, nil
	}
	return w, v.often(ctx, p, w)
}

// often looks how many stories have the same problem, among the newest ones.
func (v *viewer) often(ctx context.Context, p *storyPage, w *whyBad) error {
	text := story.SearchTerm("problem", p.Problem)
	search, err := story.ParseSearch(text+" "+story.SearchTerm("kind", p.Key.Kind)+" level:warn", p.Now)
	if err != nil {
		return nil // the problem is somebody else's text
	}
	found, err := story.Lookup{Search: search, Limit: mostOften, Look: lookOften}.Find(ctx, v.store)
	if err != nil {
		return err
	}
	w.All = problemLink(p.Problem, "")
	n := len(found.Headers)
	if n == 0 {
		w.Often = "none of " + reading.Looked(found, true, p.Now) + ", has this problem"
		return nil
	}
	count := plural(n, "story", "stories")
	if n == mostOften {
		count = "at least " + count
	}
	w.Often = count + " with this problem"
	if n > 1 {
		w.Often += ", the first " + reading.When(found.Headers[n-1].Start, p.Now) + ", the last " + reading.When(found.Headers[0].Start, p.Now)
	}
	if found.Next != "" && n < mostOften {
		w.Often += ", in " + reading.Looked(found, true, p.Now)
	}
	return nil
}

// plural writes a number with its noun, which has a plural of its own.
func plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return strings.TrimSuffix(reading.Plural(n, several), "s")
}

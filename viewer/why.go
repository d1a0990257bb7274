package viewer

import (
	"context"
	"strings"
	"time"

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

// often tells how many stories have the same problem: those that are listed under its key
// or, where none are, as of what only warns, those among the newest headers.
func (v *viewer) often(ctx context.Context, p *storyPage, w *whyBad) error {
	search, err := story.ParseSearch(join(story.SearchTerm("problem", p.Problem), story.SearchTerm("kind", p.Key.Kind)+" level:warn"), p.Now)
	if err != nil {
		return nil // the problem is somebody else's text
	}
	w.All = problemLink(p.Problem, "")
	found, err := v.listedProblem(ctx, p.Problem, period{}, mostOften)
	if err != nil {
		return err
	}
	if len(found.Headers) > 0 {
		w.Often = oftenText(found, found.Next != "", p.Now)
		return nil
	}
	found, err = story.Lookup{Search: search, Limit: mostOften, Look: lookOften}.Find(ctx, v.store)
	switch {
	case err != nil:
		return err
	case len(found.Headers) == 0:
		w.Often = "none of " + reading.Looked(found, true, p.Now) + ", has this problem"
	default:
		more := len(found.Headers) == mostOften
		w.Often = oftenText(found, more, p.Now)
		if found.Next != "" && !more {
			w.Often += ", in " + reading.Looked(found, true, p.Now)
		}
	}
	return nil
}

// oftenText tells how many stories were found, newest first, of which there may be more.
func oftenText(found story.Found, more bool, now time.Time) string {
	n := 0
	for _, h := range found.Headers {
		n += h.Stories()
	}
	count := plural(n, "story", "stories") + " with this problem"
	if more {
		count = "at least " + count
	}
	if n > 1 {
		first, last := found.Headers[len(found.Headers)-1], found.Headers[0]
		count += ", the first " + reading.When(first.Start, now) + ", the last " + reading.When(last.Start, now)
	}
	return count
}

// plural writes a number with its noun, which has a plural of its own.
func plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return strings.TrimSuffix(reading.Plural(n, several), "s")
}

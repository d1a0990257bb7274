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
	All         string // link to the stories that have the problem

	often func() string // tells how many they are, when that is known; nil where there is no problem
}

// Often tells how many stories have the problem. The page's beginning need not wait for it.
func (w *whyBad) Often() string {
	if w.often == nil {
		return ""
	}
	return w.often()
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
func (v *viewer) whyBad(ctx context.Context, p *storyPage, t *reading.Tree) *whyBad {
	why, bad := t.Why()
	if !bad {
		return nil
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
	if p.Problem != "" {
		w.All, w.often = problemLink(p.Problem, ""), v.often(ctx, p.Header, p.Now)
	}
	return w
}

// often looks how many stories have the same problem, and returns a function that waits
// for what there is to tell.
func (v *viewer) often(ctx context.Context, h story.Header, now time.Time) func() string {
	count := later(func() (string, error) { return v.howOften(ctx, h, now) })
	return func() string {
		text, err := count()
		if err != nil { // the story is there all the same
			return "how many stories have this problem cannot be read: " + troubleText(err)
		}
		return escapeLines(text)
	}
}

// howOften counts the stories that have a problem: those that are listed under its key or,
// where none are, as of what only warns, those among the newest headers.
func (v *viewer) howOften(ctx context.Context, h story.Header, now time.Time) (string, error) {
	search, err := story.ParseSearch(join(story.SearchTerm("problem", h.Problem), story.SearchTerm("kind", h.Key.Kind)+" level:warn"), now)
	if err != nil {
		return "", nil // the problem is somebody else's text
	}
	found, err := v.listedProblem(ctx, h.Problem, period{}, mostOften)
	if err != nil {
		return "", err
	}
	if len(found.Headers) > 0 {
		return oftenText(found, found.Next != "", now), nil
	}
	found, err = story.Lookup{Search: search, Limit: mostOften, Look: lookOften}.Find(ctx, v.store)
	if err != nil {
		return "", err
	}
	if len(found.Headers) == 0 {
		return "none of " + reading.Looked(found, true, now) + ", has this problem", nil
	}
	more := len(found.Headers) == mostOften
	text := oftenText(found, more, now)
	if found.Next != "" && !more {
		text += ", in " + reading.Looked(found, true, now)
	}
	return text, nil
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

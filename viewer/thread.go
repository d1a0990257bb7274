package viewer

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A thread tells what an object did: its stories, which unfold in place.
type thread struct {
	Days []threadDay
}

type threadDay struct {
	Name    string
	Stories []threadStory
}

// A threadStory is a story with the lines by which one sees what happened.
type threadStory struct {
	row
	Lines []eventLine
	Left  int  // lines that are not shown
	Gone  bool // whether it was deleted meanwhile
}

const (
	threadStories = 20 // each of which is read
	threadLines   = 40 // of a story
)

// thread reads the stories of headers.
func (v *viewer) thread(ctx context.Context, headers []story.Header, now time.Time) (*thread, error) {
	t := &thread{}
	for _, d := range v.days(headers, now) {
		told := threadDay{Name: d.Name}
		for _, r := range d.Rows {
			s := threadStory{row: r, Left: r.LineCount}
			if r.LineCount > longStory {
				told.Stories = append(told.Stories, s)
				continue
			}
			switch got, err := v.store.Read(ctx, r.Key, r.ID); {
			case errors.Is(err, story.ErrNotFound):
				s.Gone = true
			case err != nil:
				return nil, err
			default:
				s.Lines, s.Left = threadOf(got.Lines)
			}
			told.Stories = append(told.Stories, s)
		}
		t.Days = append(t.Days, told)
	}
	return t, nil
}

// threadOf returns the lines of a story that a thread shows, and how many it leaves out: of
// a long story those that went wrong, with their callers, and then what stands outermost.
func threadOf(lines []story.Line) (shown []eventLine, left int) {
	nested := story.Nest(lines)
	keep, kept := make([]bool, len(lines)), 0
	parents := story.Parents(lines)
	keepAll := func(wanted func(i int) bool) {
		for i := range lines {
			for at := i; wanted(i) && at >= 0 && !keep[at] && kept < threadLines; at = parents[at] {
				keep[at] = true
				kept++
			}
		}
	}
	keepAll(func(i int) bool { return lines[i].Level >= slog.LevelError })
	keepAll(func(i int) bool { return lines[i].Level >= slog.LevelWarn })
	for depth := 0; kept < min(threadLines, len(lines)); depth++ {
		keepAll(func(i int) bool { return nested[i].Depth == depth })
	}
	for i, line := range nested {
		if keep[i] {
			shown = append(shown, eventLineOf(line, i+1))
		} else {
			left++
		}
	}
	return shown, left
}

// eventLineOf returns a line as lists of few lines show it.
func eventLineOf(line story.Line, number int) eventLine {
	text := line.Message
	if line.Attrs != "" {
		text += "  " + line.Attrs
	}
	text = shortened(text)
	if word := reading.LevelWord(line.Level); word != "" {
		text = word + " " + text
	}
	return eventLine{number, min(line.Depth, deepest), levelClass(line.Level), escapeLines(text)}
}

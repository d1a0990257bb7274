package reading_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

var (
	userKey = story.NewKey("user", "42")
	noon    = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// newStory makes a story of lines, with the header that a handler would give it.
func newStory(lines ...story.Line) story.Story {
	s := story.Story{Header: story.Header{Key: userKey, ID: story.IDPrefix(noon) + "-000000", Start: noon, State: story.Sealed}, Lines: lines}
	s.LineCount = len(lines)
	for i, line := range lines {
		if i == 0 {
			s.Title, s.MaxLevel = story.TitleOf(line.Message), line.Level
		}
		s.MaxLevel = max(s.MaxLevel, line.Level)
		s.Duration = max(s.Duration, line.Offset)
	}
	s.Updated = s.Start.Add(s.Duration)
	s.Cause, s.Problem = story.CauseOf(userKey.Kind, lines)
	return s
}

// parse makes a story of the text that is stored.
func parse(text string) story.Story { return newStory(story.Parse(text)...) }

func parseTree(text string) *reading.Tree { return reading.NewTree(parse(text)) }

// diffOf compares two trees, with as much time as it takes.
func diffOf(was, is *reading.Tree) *reading.Diff {
	d, err := reading.NewDiff(context.Background(), was, is)
	if err != nil {
		panic(err) // the context has no end
	}
	return d
}

// randomCalls makes the lines of random calls in some lanes, and their parents.
// A call has some frames more than its caller, and logs or does not; the lines'
// depth and Up say what a handler stores of such stacks.
func randomCalls(rng *rand.Rand, count, lanes int) (lines []story.Line, parents []int) {
	open := make([]calls, lanes)
	var offset time.Duration
	for len(lines) < count {
		lane := rng.IntN(lanes)
		offset += time.Duration(rng.IntN(3)) * time.Millisecond
		parent, depth, up := open[lane].next(rng, len(lines))
		levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
		lines = append(lines, story.Line{
			Offset: offset, Level: levels[rng.IntN(len(levels))], Lane: lane, Depth: depth, Up: up,
			Message: fmt.Sprintf("message %c", 'a'+rng.IntN(26)),
		})
		parents = append(parents, parent)
	}
	return lines, parents
}

// calls is the state of one lane: the calls on its stack that logged, and the
// lines that the indent alone would name as parents.
type calls struct{ stack, shown []call }

type call struct{ line, depth int }

func top(stack []call) call {
	if len(stack) == 0 {
		return call{-1, -1}
	}
	return stack[len(stack)-1]
}

func (c *calls) next(rng *rand.Rand, line int) (parent, depth, up int) {
	for len(c.stack) > 0 && rng.IntN(2) == 0 { // calls that return
		c.stack = c.stack[:len(c.stack)-1]
	}
	caller := top(c.stack)
	depth = caller.depth + 1 + rng.IntN(4)
	c.stack = append(c.stack, call{line, depth})

	for top(c.shown).depth >= depth {
		c.shown = c.shown[:len(c.shown)-1]
	}
	if top(c.shown).depth != caller.depth {
		up = depth - caller.depth
	}
	for top(c.shown).depth > caller.depth {
		c.shown = c.shown[:len(c.shown)-1]
	}
	c.shown = append(c.shown, call{line, depth})
	return caller.line, depth, up
}

package viewer

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A picture shows stories as bars, oldest first: as high as they took long, in
// the colour of their level.
type picture struct {
	Width, Height int
	Bars          []bar
	Text          string // the same in words
}

type bar struct {
	X, Y, Width, Height int
	Link, Class, Text   string
}

const (
	pictureHeight = 60
	barWidth      = 10
	barGap        = 2
	leastHeight   = 4
)

// picture returns the picture of headers that are listed newest first.
func (v *viewer) picture(headers []story.Header) *picture {
	longest := slices.MaxFunc(headers, func(a, b story.Header) int { return cmp.Compare(a.Duration, b.Duration) }).Duration
	p := &picture{Width: len(headers) * (barWidth + barGap), Height: pictureHeight}
	var counts reading.Counts
	for i, h := range headers {
		// By the logarithm, since one slow story would leave the others without height.
		share := math.Log1p(float64(h.Duration.Milliseconds())) / math.Log1p(math.Max(float64(longest.Milliseconds()), 1))
		height := leastHeight + int(share*(pictureHeight-leastHeight))
		p.Bars = append(p.Bars, bar{
			X: (len(headers) - 1 - i) * (barWidth + barGap), Y: pictureHeight - height, Width: barWidth, Height: height,
			Link: storyLink(h), Class: levelClass(h.MaxLevel),
			Text: fmt.Sprintf("%s, took %s, %s, %s", v.when(h.Start), reading.Took(h.Duration), h.MaxLevel, reading.Plural(h.LineCount, "line")),
		})
		counts.Lines++
		switch {
		case h.MaxLevel >= slog.LevelError:
			counts.Errors++
		case h.MaxLevel >= slog.LevelWarn:
			counts.Warnings++
		}
	}
	slices.Reverse(p.Bars)
	stories := "1 story"
	if len(headers) > 1 {
		stories = fmt.Sprintf("%d stories", len(headers))
	}
	p.Text = fmt.Sprintf("%s, oldest first: %d with an error, %d with a warning; the longest took %s",
		stories, counts.Errors, counts.Warnings, reading.Took(longest))
	return p
}

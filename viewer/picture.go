package viewer

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A picture shows stories as bars, oldest first: as high as they took long, in the colour
// of their route, with a mark below where they went wrong.
type picture struct {
	Width, Height int
	Bars          []pictureBar
	Median        int // where its line is
	Marks         int // where the marks are
	Routes        []pictureRoute
	Text          string // the same in words
}

type pictureBar struct {
	X, Y, Width, Height int
	Route               int    // number of its colour
	Level               string // class of the mark, empty where it is ordinary
	Beyond              bool   // whether it took longer than the picture is high
	Link, Text          string
}

// A pictureRoute says what a colour means.
type pictureRoute struct {
	Number int
	Name   string
	Count  int
	Link   string // to its stories alone; empty where there are no others
}

const (
	pictureHeight = 60
	barWidth      = 10
	barGap        = 2
	leastHeight   = 2
	markHeight    = 4 // of the mark below a bar, with the gap above it
	mostRoutes    = 6 // that have a colour of their own
)

// picture returns the picture of headers that are listed newest first.
func (v *viewer) picture(headers []story.Header, key story.Key) *picture {
	scale := fullScale(headers)
	p := &picture{Marks: pictureHeight + 1, Width: len(headers) * (barWidth + barGap), Height: pictureHeight + markHeight}
	number := p.routes(headers, key)
	took := make([]time.Duration, len(headers))
	for i, h := range headers {
		took[i] = h.Duration
		height, beyond := scaled(h.Duration, scale, pictureHeight)
		height = max(height, leastHeight)
		b := pictureBar{
			X: (len(headers) - 1 - i) * (barWidth + barGap), Y: pictureHeight - height, Width: barWidth, Height: height,
			Link: storyLink(h), Route: number[reading.Route(h)], Beyond: beyond, Text: v.pictureText(h),
		}
		if h.MaxLevel >= slog.LevelWarn {
			b.Level = levelClass(h.MaxLevel)
		}
		p.Bars = append(p.Bars, b)
	}
	slices.Reverse(p.Bars)
	slices.Sort(took)
	median := took[(len(took)-1)/2]
	height, _ := scaled(median, scale, pictureHeight)
	p.Median = pictureHeight - height
	p.Text = pictureSummary(headers, median, took[len(took)-1], scale)
	return p
}

// routes gives the most frequent routes a number each, from 1 on, and all others 0.
func (p *picture) routes(headers []story.Header, key story.Key) map[string]int {
	count, newest := make(map[string]int), make(map[string]story.Header)
	for _, h := range headers {
		route := reading.Route(h)
		if count[route]++; count[route] == 1 {
			newest[route] = h
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	number := make(map[string]int)
	for i, name := range names[:min(len(names), mostRoutes)] {
		number[name] = i + 1
		r := pictureRoute{Number: i + 1, Name: name, Count: count[name]}
		if len(names) > 1 {
			r.Link = link("object", url.Values{"key": {key.String()}, "q": {routeTerm(name, newest[name])}})
		}
		p.Routes = append(p.Routes, r)
	}
	if others := names[min(len(names), mostRoutes):]; len(others) > 0 {
		r := pictureRoute{Name: "others"}
		for _, name := range others {
			r.Count += count[name]
		}
		p.Routes = append(p.Routes, r)
	}
	return number
}

func (v *viewer) pictureText(h story.Header) string {
	text := fmt.Sprintf("%s, %s, took %s", v.when(h.Start), story.Escape(h.Title), reading.Took(h.Duration))
	if h.MaxLevel >= slog.LevelWarn {
		text += ", " + h.MaxLevel.String()
		if cause := reading.Cause(h); cause != "" {
			text += ": " + story.Escape(cause)
		}
	}
	return text
}

// pictureSummary says in words what a picture shows.
func pictureSummary(headers []story.Header, median, longest, scale time.Duration) string {
	failed, warned, beyond := 0, 0, 0
	for _, h := range headers {
		switch {
		case h.MaxLevel >= slog.LevelError:
			failed++
		case h.MaxLevel >= slog.LevelWarn:
			warned++
		}
		if h.Duration > scale {
			beyond++
		}
	}
	text := fmt.Sprintf("%s, oldest first: %d with an error, %d with a warning; half took up to %s (the line), the longest %s",
		stories(len(headers)), failed, warned, reading.Took(median), reading.Took(longest))
	if beyond > 0 {
		text += fmt.Sprintf("; %d took longer than the picture is high (%s)", beyond, reading.Took(scale))
	}
	return text
}

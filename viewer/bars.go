package viewer

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A histogram shows how many stories began when, by level.
type histogram struct {
	Width, Height int
	Bars          []histogramBar
	Axis          []string
	Text          string
}

// A histogramBar is one time, which leads to its stories.
type histogramBar struct {
	X, Width   int
	Rects      []rect
	Link, Text string
}

type rect struct {
	X, Y, Width, Height int
	Class               string
}

const (
	histogramStep   = 10 // of a bar with the gap after it
	histogramBarGap = 2
	histogramHeight = 60
	axisLabels      = 5
)

// histogram returns the bars of an overview, or nil where they are all empty.
func (v *viewer) histogram(o *reading.Overview, p period, to func(from, until time.Time) string) *histogram {
	most := 0
	for _, m := range o.Minutes {
		most = max(most, m.Stories)
	}
	if most == 0 {
		return nil
	}
	g := &histogram{Width: len(o.Minutes) * histogramStep, Height: histogramHeight, Text: "stories " + p.In + ", by when they began; at most " + fmt.Sprint(most) + " in a bar"}
	for i, m := range o.Minutes {
		if m.Stories == 0 {
			continue
		}
		bar := histogramBar{X: i * histogramStep, Width: histogramStep, Link: to(m.Start, m.End), Text: v.barText(m, p)}
		y := histogramHeight
		for _, part := range []struct {
			class string
			n     int
		}{{"info", m.Stories - m.Failed - m.Warned}, {"warn", m.Warned}, {"error", m.Failed}} {
			if part.n == 0 {
				continue
			}
			height := max(part.n*(histogramHeight-6)/most, 2)
			y -= height
			bar.Rects = append(bar.Rects, rect{i*histogramStep + histogramBarGap/2, max(y, 0), histogramStep - histogramBarGap, height, part.class})
		}
		g.Bars = append(g.Bars, bar)
	}
	for i := range axisLabels {
		g.Axis = append(g.Axis, v.axisLabel(p.From.Add(p.To.Sub(p.From)*time.Duration(i)/(axisLabels-1)), p))
	}
	return g
}

func (v *viewer) axisLabel(t time.Time, p period) string {
	layout := "15:04"
	switch length := p.To.Sub(p.From); {
	case length > 60*24*time.Hour:
		layout = "2 Jan 2006"
	case length > 36*time.Hour:
		layout = "Mon 2 Jan 15:04"
	}
	return t.In(v.opts.Zone).Format(layout)
}

func (v *viewer) barText(m reading.Minute, p period) string {
	layout := "15:04"
	if p.To.Sub(p.From) > 24*time.Hour {
		layout = "Mon 2 Jan 15:04"
	}
	text := m.Start.In(v.opts.Zone).Format(layout) + ": " + stories(m.Stories)
	if m.Failed > 0 {
		text += fmt.Sprintf(", %d failed", m.Failed)
	}
	if m.Warned > 0 {
		text += fmt.Sprintf(", %d with a warning", m.Warned)
	}
	return text
}

func stories(n int) string {
	if n == 1 {
		return "1 story"
	}
	return fmt.Sprintf("%d stories", n)
}

// A sparkline shows how often something happened over a time.
type sparkline struct {
	Width, Height int
	Rects         []rect
}

const (
	sparkBars   = 30
	sparkStep   = 4
	sparkHeight = 20
)

// sparklineOf returns the sparkline of counts of equal times, some of them together where
// they are many.
func sparklineOf(counts []int) sparkline {
	per := max((len(counts)+sparkBars-1)/sparkBars, 1)
	var sums []int
	for some := range slices.Chunk(counts, per) {
		sum := 0
		for _, n := range some {
			sum += n
		}
		sums = append(sums, sum)
	}
	s := sparkline{Width: max(len(sums), 1) * sparkStep, Height: sparkHeight}
	if len(sums) == 0 {
		return s
	}
	most := slices.Max(sums)
	for i, n := range sums {
		if n > 0 {
			height := max(n*sparkHeight/most, 2)
			s.Rects = append(s.Rects, rect{X: i * sparkStep, Y: sparkHeight - height, Width: sparkStep - 1, Height: height})
		}
	}
	return s
}

// fullScale returns the duration that a bar of the whole height or width stands for: the
// longest, or where a few took far longer than nearly all others, what these took. The
// few then do not fit, and are marked.
func fullScale(headers []story.Header) time.Duration {
	if len(headers) == 0 {
		return 0
	}
	took := make([]time.Duration, len(headers))
	for i := range headers {
		took[i] = headers[i].Duration
	}
	slices.Sort(took)
	longest, most := took[len(took)-1], took[(len(took)-1)*9/10]
	if len(took) >= 5 && longest > 2*most && most > 0 {
		return most * 5 / 4
	}
	return longest
}

// scaled returns how long a bar is, of so much for the whole scale, and whether it goes
// beyond.
func scaled(d, scale time.Duration, whole int) (length int, beyond bool) {
	if scale <= 0 {
		return 0, false
	}
	return int(min(float64(d)/float64(scale), 1) * float64(whole)), d > scale
}

// routeSearch returns the search for the stories of a kind and route, of which one is given.
func routeSearch(kind, route string, one story.Header) string {
	return join(story.SearchTerm("kind", kind), routeTerm(route, one))
}

func routeTerm(route string, one story.Header) string {
	if one.Attrs["route"] == route && route != "" {
		return attrSearch("route", route)
	}
	// It is a title without its numbers: what stands before the first is looked for.
	common := 0
	for common < min(len(route), len(one.Title)) && route[common] == one.Title[common] {
		common++
	}
	if begin := strings.TrimSpace(strings.ToValidUTF8(one.Title[:common], "")); begin != "" {
		return story.SearchTerm("title", begin)
	}
	return ""
}

// attrSearch returns the search for an attribute, whose name is quoted where it could be
// taken for something else.
func attrSearch(name, value string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" || name == "" || name == "before" || slices.Contains(story.SearchFields(), name) {
		name = story.SearchTerm("", name)
	}
	return name + "=" + strings.TrimPrefix(story.SearchTerm("x", value), "x:")
}

func searchLink(search string) string {
	if search == "" {
		return link("", nil)
	}
	return link("", url.Values{"q": {search}})
}

func problemLink(id string, more string) string {
	values := url.Values{"id": {id}}
	if more != "" {
		values.Set("q", more)
	}
	return link("problem", values)
}

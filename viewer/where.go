package viewer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// where says where the time of a story went.
type where struct {
	Bars   []timeBar
	Shares []timeShare
	Text   string // the bars in words
}

// A timeBar is a piece of the bar, in shares of its width.
type timeBar struct{ X, Width, Class, Text string }

// A timeShare is what branches that look alike took.
type timeShare struct{ Text, Link, Took, Share, Class string }

const (
	mostShares = 4
	mostPieces = 200
)

// whereTimeWent returns nil where there is nothing to tell.
func (p *storyPage) whereTimeWent(t *reading.Tree) *where {
	spans, shares := t.Shares()
	if len(shares) == 0 || len(t.Nodes) < 3 {
		return nil
	}
	w := &where{}
	total := t.Total()
	for _, s := range spans[:min(len(spans), mostPieces)] {
		w.Bars = append(w.Bars, timeBar{
			X: percent(s.From, total), Width: percent(s.To-s.From, total), Class: shareClass(s.Share),
			Text: shares[s.Share].Label() + ", " + reading.Brief(s.To-s.From),
		})
	}
	for i, s := range shares[:min(len(shares), mostShares)] {
		text, took := s.Label(), reading.Brief(s.Took)
		if s.Count > 1 {
			text += " ×" + strconv.Itoa(s.Count)
		}
		w.Shares = append(w.Shares, timeShare{Text: text, Link: p.lineLink(s.Node), Took: took, Share: shareText(s.Thousand), Class: shareClass(i)})
	}
	return w
}

func percent(d, total time.Duration) string {
	return strconv.FormatFloat(float64(d)*100/float64(total), 'f', 1, 64) + "%"
}

func shareText(thousand int) string {
	if thousand < 10 {
		return "<1 %"
	}
	return fmt.Sprintf("%d %%", (thousand+5)/10)
}

// shareClass is the class of the colour of a share; those beyond the named ones have one.
func shareClass(i int) string { return "s" + strconv.Itoa(min(i, mostShares)) }

// A tick is a time at a place of the axis.
type tick struct{ X, Text string }

// axis returns the ticks of the axis of time.
func axis(t *reading.Tree) (ticks []tick) {
	total := t.Total()
	if total < 4*time.Millisecond {
		return nil
	}
	ticks = []tick{{"0%", "0"}}
	for quarter := range 3 {
		ticks = append(ticks, tick{strconv.Itoa(25*(quarter+1)) + "%", reading.Brief(total * time.Duration(quarter+1) / 4)})
	}
	return ticks
}

package viewer

import (
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
)

// Shares of the axis, in thousandths of its width.
const (
	leastBar     = 2 // a shorter branch, or silence, has no bar in a long story
	leastSilence = 5
)

// took writes how long a branch took, and where it is on the axis of time; of a line with
// nothing below it what it says it took itself, as of a call or a query. Another one is a point
// there. Both have the silence before them.
func (w *lineWriter) took(n *reading.Node) {
	if len(n.Children) > 0 {
		hot := n.Parent != nil && w.isHot(n.Took)
		w.duration(n.Took, hot)
		w.span(n.Offset, n.Took, hot)
		return
	}
	if w.long && !n.Slow && n.Level < slog.LevelWarn {
		return
	}
	told := w.tree.ToldTook(n)
	hot := w.isHot(told)
	switch {
	case told >= time.Millisecond:
		w.duration(told, hot)
	case n.Slow:
		w.WriteString(`<span class="d slow">after `)
		w.brief(n.Step)
		w.WriteString(` </span>`)
	}
	w.WriteString(`<svg class="w">`)
	if silence := n.Step - told; silence >= w.total/1000*leastSilence {
		w.rect("g", n.Offset-n.Step, silence)
	}
	if told >= w.total/1000*leastBar {
		w.bar(n.Offset-told, told, hot)
	} else {
		w.WriteString(`<rect class="k" x="`)
		w.percent(n.Offset)
		w.WriteString(`"/>`)
	}
	w.WriteString(`</svg>`)
}

// isHot reports whether a branch took so much of the story's time that the eye is drawn
// to it.
func (w *lineWriter) isHot(took time.Duration) bool {
	return took >= w.total/5 && took >= 100*time.Millisecond
}

// duration writes how long something took, unless that is too short to tell.
func (w *lineWriter) duration(took time.Duration, hot bool) {
	if took <= 0 {
		return
	}
	w.WriteString(`<span class="d`)
	if hot {
		w.WriteString(` hot`)
	}
	w.WriteString(`">`)
	w.brief(took)
	w.WriteString(` </span>`)
}

func (w *lineWriter) brief(d time.Duration) { w.page = reading.AppendBrief(w.page, d) }

// span writes a bar from a time on.
func (w *lineWriter) span(from, took time.Duration, hot bool) {
	if w.long && took < w.total/1000*leastBar {
		return
	}
	w.WriteString(`<svg class="w">`)
	w.bar(from, took, hot)
	w.WriteString(`</svg>`)
}

func (w *lineWriter) bar(from, took time.Duration, hot bool) {
	class := ""
	if hot {
		class = "hot"
	}
	w.rect(class, from, took)
}

func (w *lineWriter) rect(class string, from, length time.Duration) {
	w.WriteString(`<rect`)
	if class != "" {
		w.WriteString(` class="` + class + `"`)
	}
	w.WriteString(` x="`)
	w.percent(from)
	w.WriteString(`" width="`)
	w.percent(max(length, w.total/1000*leastBar))
	w.WriteString(`"/>`)
}

// percent writes a time as a share of the axis.
func (w *lineWriter) percent(d time.Duration) {
	thousandth := int(float64(min(max(d, 0), w.total)) * 1000 / float64(w.total))
	w.int(thousandth / 10)
	if tenth := thousandth % 10; tenth > 0 {
		w.page = append(w.page, '.', byte('0'+tenth))
	}
	w.WriteString("%")
}

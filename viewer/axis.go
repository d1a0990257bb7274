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

// took writes how long a branch took, and where it is on the axis of time. A line with
// nothing below it is a point there, with the silence before it.
func (w *lineWriter) took(n *reading.Node) {
	if len(n.Children) > 0 {
		hot := n.Parent != nil && w.isHot(n.Took)
		w.duration(n.Took, hot)
		w.span(n.Offset, n.Took, hot)
		return
	}
	if n.Slow {
		w.WriteString(`<span class="d slow">after `)
		w.brief(n.Step)
		w.WriteString(` </span>`)
	}
	if w.long && !n.Slow && n.Level < slog.LevelWarn {
		return
	}
	w.WriteString(`<svg class="w">`)
	if n.Step*1000 >= w.total*leastSilence {
		w.rect("g", n.Offset-n.Step, n.Step)
	}
	w.WriteString(`<rect class="k" x="`)
	w.percent(n.Offset)
	w.WriteString(`"/></svg>`)
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
	if w.long && took*1000 < w.total*leastBar {
		return
	}
	class := ""
	if hot {
		class = "hot"
	}
	w.WriteString(`<svg class="w">`)
	w.rect(class, from, took)
	w.WriteString(`</svg>`)
}

func (w *lineWriter) rect(class string, from, length time.Duration) {
	w.WriteString(`<rect`)
	if class != "" {
		w.WriteString(` class="` + class + `"`)
	}
	w.WriteString(` x="`)
	w.percent(from)
	w.WriteString(`" width="`)
	w.percent(max(length, w.total*leastBar/1000))
	w.WriteString(`"/>`)
}

// percent writes a time as a share of the axis.
func (w *lineWriter) percent(d time.Duration) {
	thousandth := min(max(d, 0)*1000/w.total, 1000)
	w.int(int(thousandth / 10))
	if tenth := thousandth % 10; tenth > 0 {
		w.page = append(w.page, '.', byte('0'+tenth))
	}
	w.WriteString("%")
}

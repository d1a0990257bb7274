package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// Hits writes what a filter finds in stories, each in a row: the key, when, the callers, the
// line, and where it stands as ID:LINE.
type hits struct {
	*rows
	text    string // that is looked for
	context int    // lines of the story that are shown before and after each
}

// A hit is a row of them.
type hit struct {
	at    time.Time
	place string   // ID:LINE
	path  []string // escaped
	text  string
	word  string // of the level
	code  string // its colour
}

// inHeader returns the attributes of a story's header that hold a text in lower case.
func inHeader(h story.Header, text string) (found []reading.Attr) {
	attrs := reading.OwnAttrs(h)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if text != "" && strings.Contains(strings.ToLower(name+"="+attrs[name]), text) {
			found = append(found, reading.Attr{Name: name, Value: attrs[name]})
		}
	}
	return found
}

// story writes what was found in a story, at most so many rows but for those around them.
func (w *hits) story(t *reading.Tree, header []reading.Attr, most int) (found int, err error) {
	h := t.Story.Header
	w.fit(h)
	id := story.Escape(story.ShortID(h.ID))
	for _, a := range header {
		if found == most {
			return found, nil
		}
		found++
		if err := w.hit(h, hit{at: h.Start, place: id, path: []string{story.Escape(h.Title)}, text: oneRow(a.Name + "=" + a.Value), code: plain}); err != nil {
			return found, err
		}
	}
	shown := 0 // number of the last line that was
	for i := range t.Nodes {
		n := &t.Nodes[i]
		if !n.Match {
			continue
		}
		if found == most {
			break
		}
		found++
		if _, err = w.near(t, shown, n.Number-w.context, n.Number-1); err != nil {
			return found, err
		}
		if err := w.line(t, n, id); err != nil {
			return found, err
		}
		shown = n.Number
		for behind := n.Number + 1; behind <= n.Number+w.context && behind <= len(t.Nodes) && !t.Nodes[behind-1].Match; behind++ {
			if shown, err = w.near(t, shown, behind, behind); err != nil {
				return found, err
			}
		}
	}
	if w.context > 0 && found > 0 {
		err = w.print(w.colours.dim("--"))
	}
	return found, err
}

// near writes lines that are no hits, and returns the number of the last that is shown.
func (w *hits) near(t *reading.Tree, shown, first, last int) (int, error) {
	for number := max(first, shown+1); number <= last; number++ {
		n := t.Line(number)
		text := strings.Repeat(" ", w.keys+columnGap+timeColumns+columnGap) + strings.Repeat("  ", min(n.Depth, 10)) + lineText(n)
		if w.width > 0 {
			text = reading.CutWidth(text, w.width)
		}
		if err := w.print(w.colours.dim(text)); err != nil {
			return shown, err
		}
		shown = number
	}
	return shown, nil
}

func (w *hits) line(t *reading.Tree, n *reading.Node, id string) error {
	hit := hit{at: t.Time(n), place: fmt.Sprintf("%s:%d", id, n.Number), text: lineText(n), word: reading.LevelWord(n.Level), code: codeOf(n.Level)}
	above := t.Path(n.Number)[1:]
	if len(above) > mostCallers {
		above = above[:mostCallers]
		hit.path = []string{"…"}
	}
	for _, caller := range slices.Backward(above) {
		hit.path = append(hit.path, caller.Begin())
	}
	hit.text = strings.TrimPrefix(hit.text, hit.word+" ")
	return w.hit(t.Story.Header, hit)
}

// mostCallers is how many of a line's callers are told in its row.
const mostCallers = 20

// lineText returns a line in one row, escaped.
func lineText(n *reading.Node) string {
	text := strings.TrimSpace(reading.LevelWord(n.Level) + " " + oneRow(n.Message))
	if n.Attrs != "" {
		text += "  " + oneRow(reading.AttrsText(n.Attrs))
	}
	return text
}

// oneRow escapes a text that may have several lines.
func oneRow(text string) string {
	return story.Escape(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(text))
}

// hit writes a row: of the callers what there is room for, and of the line, where it is too
// long, what is around the text that is looked for.
func (w *hits) hit(h story.Header, hit hit) error {
	at := hit.at.In(w.now.Location())
	when := at.Format(time.TimeOnly)
	if w.dated {
		when = at.Format(time.DateTime)
	} else if day := at.Format(time.DateOnly); day != w.day {
		w.day = day
		if err := w.print(w.colours.dim(dayHeading(at, w.now))); err != nil {
			return err
		}
	}
	key := h.Key.String()
	if w.width > 0 {
		key = reading.CutWidth(key, w.keys)
	}
	if hit.word != "" {
		hit.word += " "
	}
	var path strings.Builder
	for _, above := range hit.path {
		path.WriteString(above + pathGap)
	}
	before := reading.PadWidth(key, w.keys) + "  " + when + reading.OtherZone(at, w.now) + "  "
	text, callers := hit.text, path.String()
	if w.width > 0 {
		room := max(w.width-reading.Width(before)-reading.Width(hit.word)-columnGap-len(hit.place), 1)
		text = w.around(text, room)
		callers = cutPath(callers, room-reading.Width(text))
		text = reading.PadWidth(text, room-reading.Width(callers))
	}
	return w.print(before + w.colours.dim(callers) + w.colours.paint(hit.code, hit.word) + w.found(text) + "  " + w.colours.dim(hit.place))
}

const pathGap = " › "

// cutPath cuts callers in front, so that the nearest are left.
func cutPath(path string, most int) string {
	for reading.Width(path) > most {
		_, rest, found := strings.Cut(strings.TrimPrefix(path, "…"+pathGap), pathGap)
		if !found || rest == "" {
			return ""
		}
		path = "…" + pathGap + rest
	}
	return path
}

// around cuts a text to so many columns, so that what is looked for is seen.
func (w *hits) around(text string, most int) string {
	at, end := w.index(text)
	if reading.Width(text[:end]) >= most {
		for at > 0 && reading.Width(text[at:end]) < most*2/3 {
			_, size := utf8.DecodeLastRuneInString(text[:at])
			at -= size
		}
		text = "…" + text[at:]
	}
	return reading.CutWidth(text, most)
}

// index returns where in a text stands what is looked for, or 0, 0.
func (w *hits) index(text string) (at, end int) {
	lower := strings.ToLower(text)
	if at = strings.Index(lower, w.text); at < 0 || len(lower) != len(text) {
		return 0, 0
	}
	return at, at + len(w.text)
}

// found paints what was looked for.
func (w *hits) found(text string) string {
	at, end := w.index(text)
	return text[:at] + w.colours.style(reading.Found, text[at:end]) + text[end:]
}

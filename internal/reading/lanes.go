package reading

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/story"
)

// mostNamed is of how many lanes the names are looked up: a handler makes hardly more
// than 1,024 lanes.
const mostNamed = 2 << 10

// laneNames looks up the names of a story's lanes, each once.
type laneNames struct {
	header story.Header
	known  map[int]string
}

func (l *laneNames) of(lane int) string {
	if len(l.header.Attrs) == 0 {
		return ""
	}
	name, known := l.known[lane]
	if !known && len(l.known) < mostNamed {
		if l.known == nil {
			l.known = make(map[int]string)
		}
		name = l.header.LaneName(lane)
		l.known[lane] = name
	}
	return name
}

// OwnAttrs returns a header's attributes without those that name lanes.
func OwnAttrs(h story.Header) map[string]string {
	own := make(map[string]string, len(h.Attrs))
	for name, value := range h.Attrs {
		if !story.IsLaneAttr(name) {
			own[name] = value
		}
	}
	return own
}

// Title returns the lane's name and number for the heading of its lines: "main.send,
// lane 2", or "lane 2" where it has no name.
func (l Lane) Title() string {
	title := "lane " + strconv.Itoa(l.Number)
	if l.Name != "" {
		title = story.Escape(l.Name) + ", " + title
	}
	return title
}

// Lane returns the lane that a line is in.
func (t *Tree) Lane(n *Node) *Lane { return &t.Lanes[t.lanes[n.Line.Lane]] }

// Began returns the line after which the first one of a lane came, in any lane, or nil.
func (t *Tree) Began(l Lane) *Node { return t.Line(l.After) }

// mostBegin is how much of a message a heading quotes, in bytes.
const mostBegin = 60

// Begin returns the beginning of a line's message, for where the line is referred to.
func (n *Node) Begin() string {
	first, _, _ := strings.Cut(n.Message, "\n")
	if len(first) > mostBegin {
		end := mostBegin
		for end > 0 && !utf8.RuneStart(first[end]) {
			end--
		}
		first = first[:end] + "…"
	}
	return story.Escape(first)
}

// Label returns the lane's number and short name, at most [MostLabel] characters.
func (l Lane) Label() string {
	label := strconv.Itoa(l.Number)
	room := MostLabel - len(label) - 1
	if l.Name == "" || room < 2 {
		return label
	}
	name := story.Escape(l.Name)
	if runes := []rune(name); len(runes) > room { // the end tells functions apart
		name = "…" + string(runes[len(runes)-room+1:])
	}
	return label + " " + name
}

// MostLabel bounds the labels of lanes, in characters.
const MostLabel = 26

// LabelWidth returns how long the longest label of a story's lanes is, in characters.
func (t *Tree) LabelWidth() int {
	width := 0
	for _, lane := range t.Lanes {
		width = max(width, utf8.RuneCountInString(lane.Label()))
	}
	return width
}

// A FlatLine is a line among those of all lanes.
type FlatLine struct {
	*Node
	Folded bool   // whether what is under it is left out
	Label  string // of its lane, where that is not the lane of the line before
}

// ByTime reports whether a view shows the lines of a story as [Tree.Flat] returns them.
func (v View) ByTime(t *Tree) bool { return v.Flat && len(t.Lanes) > 1 }

// Flat returns the lines of all lanes in the order in which they were logged, without
// those that the view folds or filters. Repeats are not merged.
func (t *Tree) Flat(v View) iter.Seq[FlatLine] {
	return func(yield func(FlatLine) bool) {
		hides := make([]bool, len(t.Nodes)) // by line: whether those under it are left out
		lane := -1
		for i := range t.Nodes {
			n := &t.Nodes[i]
			if n.Parent != nil && hides[n.Parent.Number-1] {
				hides[i] = true
				continue
			}
			hides[i] = len(n.Children) > 0 && v.Folded(t, n)
			if !n.Keep {
				continue
			}
			line := FlatLine{Node: n, Folded: hides[i]}
			if n.Line.Lane != lane {
				lane = n.Line.Lane
				line.Label = t.Lane(n).Label()
			}
			if !yield(line) {
				return
			}
		}
	}
}

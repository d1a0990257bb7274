package lanenames

import (
	"iter"
	"math/bits"
	"strconv"

	"github.com/dynamoslog/dynamoslog/story"
)

// MaxFunctions is how many bytes of a header the names of lanes may take for those of
// functions to be among them: a header should stay in one write unit.
const MaxFunctions = story.MaxAttrs / 2

// A Lane is what is known of a lane, by its number.
type Lane struct {
	Name  string // "" where there is none
	Given bool   // whether the program named it, and not the function it began with
}

// Attrs returns the attributes of a header that name lanes, at most room bytes of them:
// the names that the program gave, then those of functions, each once with all lanes
// that have it. Lanes for which there is no room go without, the last first.
func Attrs(lanes iter.Seq2[int, Lane], room int) iter.Seq2[string, string] {
	given, functions := &names{room: room}, &names{}
	for number, lane := range lanes {
		if lane.Given {
			given.add(number, lane.Name)
		}
	}
	functions.room = min(given.room, MaxFunctions-(room-given.room))
	for number, lane := range lanes {
		if !lane.Given {
			functions.add(number, lane.Name)
		}
	}
	return func(yield func(string, string) bool) {
		for _, list := range [][]*named{given.all, functions.all} {
			for _, n := range list {
				if !yield(story.AttrLane+string(n.lanes), n.name) {
					return
				}
			}
		}
	}
}

// names gathers lanes by name, as long as there is room.
type names struct {
	all    []*named // in the order of their first lanes
	byName map[string]*named
	room   int // bytes left
}

// A named is the lanes of one name.
type named struct {
	name  string
	lanes []byte // "1,3-7"
	last  int    // the last number in lanes
	alone int    // how long lanes is up to the number that its last range begins with
}

func (l *names) add(lane int, name string) {
	if name == "" {
		return
	}
	n := l.byName[name]
	if n == nil {
		number := strconv.Itoa(lane)
		if l.take(len(story.AttrLane) + len(number) + len(name)) {
			n = &named{name: name, lanes: []byte(number), last: lane, alone: len(number)}
			l.all = append(l.all, n)
			if l.byName == nil {
				l.byName = make(map[string]*named)
			}
			l.byName[name] = n
		}
		return
	}
	keep, further := len(n.lanes), ","+strconv.Itoa(lane)
	if lane == n.last+1 {
		keep, further = n.alone, "-"+further[1:]
	}
	if l.take(keep + len(further) - len(n.lanes)) {
		n.lanes, n.last = append(n.lanes[:keep], further...), lane
		if further[0] == ',' {
			n.alone = len(n.lanes)
		}
	}
}

// take takes room, and reports whether there is so much.
func (l *names) take(size int) bool {
	if size > l.room {
		return false
	}
	l.room -= size
	return true
}

// Version changes with the number of a story's lanes: with each of the first, and then
// whenever there are twice as many, so that the names of new ones are soon written down,
// and not over and over.
func Version(lanes int) int64 {
	const each = 64
	if lanes > each {
		return each + int64(bits.Len(uint(lanes)))
	}
	return int64(lanes)
}

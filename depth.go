package dynamoslog

import (
	"iter"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/lanenames"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
)

// An Indent says how the depth of a line is stored. Readers show either by the
// nearest caller that logged, as the stored depths tell the call tree exactly.
type Indent int

const (
	// ByDepth indents a line by one step for every frame between its call site
	// and the shallowest line of its lane so far.
	ByDepth Indent = iota
	// ByCaller indents a line by one step for every caller that logged before
	// it and is still running.
	ByCaller
)

// loggers are the packages in which log.Print, after slog.SetDefault, makes records
// that tell no place.
func loggers() []string {
	return []string{"log", "log/slog", packagePath, packagePath + ".(*Handler)"}
}

const packagePath = "github.com/dynamoslog/dynamoslog"

// A callSite is where a line was made.
type callSite struct {
	stack     *callstack.Stack // from the call site on
	goroutine uint64           // 0 if unknown
	lane      *namedLane       // that Lane put into the context
	made      int64            // time of the record, in nanoseconds
}

// A laneID tells the lanes of a story apart: by the goroutine and the function that
// it was started with, or by the value that Lane put into the context.
type laneID struct {
	goroutine uint64  // 0 if unknown
	root      uintptr // entry of the function
	named     *namedLane
}

// maxLanes is how many lanes a story has before its goroutines are told apart by
// their functions only: a story may outlive any number of goroutines.
const maxLanes = 1 << 10

type namedLane struct{ name string }

// A laneTrail is what a buffer remembers of a lane.
type laneTrail struct {
	id    laneID
	trail callstack.Trail
	gap   *linebuf.Gap // the lines dropped since the last one; nil if there are none
	trace *ids.Last    // nil before a line that has a trace
	name  string       // once a header was made with it
}

// lanes numbers the lanes of a story in the order of their first lines.
type lanes struct {
	byID map[laneID]int // nil where they are few
	all  []laneTrail
	room [1]laneTrail // for the first one, which most stories have only
	last int          // lane of the last line
}

// place finds a line's lane and its place among the lines of that. A place without
// frames is unknown, and the lane is then that of the last line.
func (l *lanes) place(stacks *callstack.Stacks, at callSite) (lane int, p linebuf.Place) {
	lane, p = l.follow(stacks, at)
	if p.Frames > 0 {
		if gap := l.all[lane].gap; gap != nil {
			p, l.all[lane].gap = gap.Before(p), nil
		}
	}
	return lane, p
}

func (l *lanes) follow(stacks *callstack.Stacks, at callSite) (lane int, p linebuf.Place) {
	p.Frames = len(at.stack.PCs)
	if p.Frames == 0 && at.lane == nil {
		if len(l.all) == 0 {
			l.add(laneID{})
		}
		return l.last, p
	}
	lane = l.find(at)
	l.last = lane
	if p.Frames > 0 {
		p.Shared, p.Turned = stacks.Follow(&l.all[lane].trail, at.stack, at.made)
	}
	return lane, p
}

// pass takes note of a line that is dropped.
func (l *lanes) pass(stacks *callstack.Stacks, at callSite) {
	lane, p := l.follow(stacks, at)
	if p.Frames > 0 {
		last := &l.all[lane]
		if last.gap == nil {
			last.gap = new(linebuf.Gap)
		}
		last.gap.Add(p)
	}
}

// skip takes note of lines that are dropped after they were placed, the last of their lanes.
func (l *lanes) skip(gaps map[int32]linebuf.Gap) {
	for lane, gap := range gaps {
		last := &l.all[lane]
		if last.gap != nil {
			gap.Join(*last.gap)
		}
		last.gap = &gap
	}
}

func (l *lanes) find(at callSite) int {
	id := laneID{named: at.lane}
	if at.lane == nil {
		id.goroutine, id.root = at.goroutine, at.stack.Root
	}
	if len(l.all) > 0 && l.all[l.last].id == id {
		return l.last
	}
	lane := l.index(id)
	if lane < 0 && len(l.all) >= maxLanes {
		id.goroutine, id.named = 0, nil
		lane = l.index(id)
	}
	if lane < 0 {
		lane = l.add(id)
	}
	return lane
}

// index returns the lane of an id, or -1. Most stories have so few lanes that they
// do without the map, which takes more memory than some lines.
func (l *lanes) index(id laneID) int {
	if l.byID != nil {
		if lane, ok := l.byID[id]; ok {
			return lane
		}
		return -1
	}
	return slices.IndexFunc(l.all, func(s laneTrail) bool { return s.id == id })
}

func (l *lanes) add(id laneID) int {
	const few = 8
	lane := len(l.all)
	if l.all == nil {
		l.all = l.room[:0]
	}
	l.all = append(l.all, laneTrail{id: id})
	switch {
	case l.byID != nil:
		l.byID[id] = lane
	case len(l.all) > few:
		l.byID = make(map[laneID]int, 2*few)
		for i := range l.all {
			l.byID[l.all[i].id] = i
		}
	}
	return lane
}

// haveNames reports whether any lane may have a name. Those of most stories have none.
func (l *lanes) haveNames() bool {
	return len(l.all) > 1 || len(l.all) == 1 && l.all[0].id.named != nil
}

// named returns the lanes by number, with their names. Lane 0 is where the story began,
// which its first line tells: it has a name only if Lane gave it one.
func (l *lanes) named(funcs *callstack.Funcs) iter.Seq2[int, lanenames.Lane] {
	return func(yield func(int, lanenames.Lane) bool) {
		for i := range l.all {
			lane := &l.all[i]
			given := lane.id.named != nil
			switch {
			case lane.name != "" || !given && i == 0:
			case given:
				lane.name = validText(lane.id.named.name)
			default:
				lane.name = validText(lanenames.Of(funcs, lane.trail.Last(), lane.id.goroutine != 0))
			}
			if !yield(i, lanenames.Lane{Name: lane.name, Given: given}) {
				return
			}
		}
	}
}

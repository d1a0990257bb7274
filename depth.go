package dynamoslog

import (
	"iter"

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
	goroutine uint64 // as in its id
	trail     callstack.Trail
	more      *moreOfLane
}

// moreOfLane is what only some lanes have; nil where the lane has nothing of it.
type moreOfLane struct {
	named *namedLane  // as in its id
	gap   linebuf.Gap // the lines dropped since the last one
	trace *ids.Last   // nil before a line that has a trace
	name  string      // once a header was made with it
}

// id tells the lane apart. The function that it was started with is that of its last line.
func (l *laneTrail) id() laneID {
	if named := l.named(); named != nil {
		return laneID{named: named}
	}
	return laneID{goroutine: l.goroutine, root: l.trail.Root()}
}

func (l *laneTrail) named() *namedLane {
	if l.more == nil {
		return nil
	}
	return l.more.named
}

// further returns what only some lanes have, for writing.
func (l *laneTrail) further() *moreOfLane {
	if l.more == nil {
		l.more = new(moreOfLane)
	}
	return l.more
}

// lanes numbers the lanes of a story in the order of their first lines.
type lanes struct {
	first  laneTrail   // which most stories have only
	others *otherLanes // nil if there are none
	count  int32
	last   int32 // lane of the last line
}

type otherLanes struct {
	all  []laneTrail
	byID map[laneID]int // also of the first one; nil where they are few
}

// at returns a lane by its number.
func (l *lanes) at(lane int) *laneTrail {
	if lane == 0 {
		return &l.first
	}
	return &l.others.all[lane-1]
}

// place finds a line's lane and its place among the lines of that. A place without
// frames is unknown, and the lane is then that of the last line.
func (l *lanes) place(stacks *callstack.Stacks, at callSite) (lane int, p linebuf.Place) {
	lane, p = l.follow(stacks, at)
	if more := l.at(lane).more; more != nil && p.Frames > 0 {
		p, more.gap = more.gap.Before(p), linebuf.Gap{}
	}
	return lane, p
}

func (l *lanes) follow(stacks *callstack.Stacks, at callSite) (lane int, p linebuf.Place) {
	p.Frames = len(at.stack.PCs)
	if p.Frames == 0 && at.lane == nil {
		l.count = max(l.count, 1)
		return int(l.last), p
	}
	lane = l.find(at)
	l.last = int32(lane)
	if p.Frames > 0 {
		p.Shared, p.Turned = stacks.Follow(&l.at(lane).trail, at.stack, at.made)
	}
	return lane, p
}

// pass takes note of a line that is dropped.
func (l *lanes) pass(stacks *callstack.Stacks, at callSite) {
	lane, p := l.follow(stacks, at)
	if p.Frames > 0 {
		l.at(lane).further().gap.Add(p)
	}
}

// skip takes note of lines that are dropped after they were placed, the last of their lanes.
func (l *lanes) skip(gaps map[int32]linebuf.Gap) {
	for lane, gap := range gaps {
		last := l.at(int(lane)).further()
		gap.Join(last.gap)
		last.gap = gap
	}
}

func (l *lanes) find(at callSite) int {
	id := laneID{named: at.lane}
	if at.lane == nil {
		id.goroutine, id.root = at.goroutine, at.stack.Root
	}
	if l.count > 0 && l.at(int(l.last)).id() == id {
		return int(l.last)
	}
	lane := l.index(id)
	if lane < 0 && l.count >= maxLanes {
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
	if l.others != nil && l.others.byID != nil {
		if lane, ok := l.others.byID[id]; ok {
			return lane
		}
		return -1
	}
	for lane := range int(l.count) {
		if l.at(lane).id() == id {
			return lane
		}
	}
	return -1
}

func (l *lanes) add(id laneID) int {
	const few = 8
	added := laneTrail{goroutine: id.goroutine}
	if id.named != nil {
		added.further().named = id.named
	}
	lane := int(l.count)
	l.count++
	if lane == 0 {
		l.first = added
		return lane
	}
	if l.others == nil {
		l.others = new(otherLanes)
	}
	others := l.others
	others.all = append(others.all, added)
	switch {
	case others.byID != nil:
		others.byID[id] = lane
	case l.count > few:
		others.byID = make(map[laneID]int, 2*few)
		for i := range lane {
			others.byID[l.at(i).id()] = i
		}
		others.byID[id] = lane // whose line is not followed yet
	}
	return lane
}

// haveNames reports whether any lane may have a name. Those of most stories have none.
func (l *lanes) haveNames() bool {
	return l.count > 1 || l.first.named() != nil
}

// named returns the lanes by number, with their names. Lane 0 is where the story began,
// which its first line tells: it has a name only if Lane gave it one.
func (l *lanes) named(funcs *callstack.Funcs) iter.Seq2[int, lanenames.Lane] {
	return func(yield func(int, lanenames.Lane) bool) {
		for i := range int(l.count) {
			lane := l.at(i)
			given := lane.named() != nil
			if !given && i == 0 {
				if !yield(0, lanenames.Lane{}) {
					return
				}
				continue
			}
			more := lane.further()
			switch {
			case more.name != "":
			case given:
				more.name = validText(more.named.name)
			default:
				more.name = validText(lanenames.Of(funcs, lane.trail.Last(), lane.goroutine != 0))
			}
			if !yield(i, lanenames.Lane{Name: more.name, Given: given}) {
				return
			}
		}
	}
}

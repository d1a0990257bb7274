package dynamoslog

import (
	"iter"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/lanenames"
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

// A laneStack is what a buffer remembers of a lane: where its last line was made.
type laneStack struct {
	id    laneID
	stack []uintptr // from the call site on
	own   []uintptr // memory for stacks that are not kept
	trace *ids.Last // nil before a line that has a trace
	name  string    // once a header was made with it
}

// remember takes note of where the lane's last line was made.
func (l *laneStack) remember(stack *callstack.Stack) {
	if l.stack = stack.PCs; !stack.Kept() {
		l.own = append(l.own[:0], stack.PCs...)
		l.stack = l.own
	}
}

// lanes numbers the lanes of a story in the order of their first lines.
type lanes struct {
	byID map[laneID]int // nil where they are few
	all  []laneStack
	last int // lane of the last line
}

// place finds a line's lane, how many frames its stack has, and how many of them
// it shares with the line before it in its lane. No frames means that the place
// is unknown, and the lane is then that of the last line.
func (l *lanes) place(stacks *callstack.Stacks, at callSite) (lane, frames, shared int) {
	pcs := at.stack.PCs
	if len(pcs) == 0 && at.lane == nil {
		if len(l.all) == 0 {
			l.add(laneID{})
		}
		return l.last, 0, 0
	}
	lane = l.find(at)
	l.last = lane
	if len(pcs) == 0 {
		return lane, 0, 0
	}
	last := &l.all[lane]
	if len(last.stack) == len(pcs) && &last.stack[0] == &pcs[0] {
		return lane, len(pcs), len(pcs) // from where the line before came
	}
	shared = stacks.Shared(last.stack, pcs)
	last.remember(at.stack)
	return lane, len(pcs), shared
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
	return slices.IndexFunc(l.all, func(s laneStack) bool { return s.id == id })
}

func (l *lanes) add(id laneID) int {
	const few = 8
	lane := len(l.all)
	l.all = append(l.all, laneStack{id: id})
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
				lane.name = validText(lanenames.Of(funcs, lane.stack, lane.id.goroutine != 0))
			}
			if !yield(i, lanenames.Lane{Name: lane.name, Given: given}) {
				return
			}
		}
	}
}

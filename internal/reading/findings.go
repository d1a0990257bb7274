package reading

import (
	"cmp"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"
)

// A Finding is one difference, however many lines have it.
type Finding struct {
	Rank   Rank
	Change Change
	Lines  []*DiffNode // that have it, in their order
	Under  int         // lines under these that are new or gone with them
	Level  slog.Level  // the highest of its lines
	// Values are how it changed: in every line in the same way where it is one, and else
	// some of the ways. Of what is new or gone there are none.
	Values []Value
	// Several says that the lines are of several kinds, and have nothing but the change
	// in common.
	Several bool

	was, is time.Duration // what slower lines took in all
}

// A Rank says how much a finding matters: the lowest matters most.
type Rank int

// The ranks.
const (
	RankError  Rank = iota // an error came or went, or another one
	RankShape              // lines of a kind that the other story has not, and warnings
	RankSlower             // what took longer
	RankRest               // other values, and more or fewer of the same lines
)

const (
	toldFrom   = 3 // lines from which on one stands for the others
	mostValues = 3 // values of one finding
)

// Line returns the first line of a finding.
func (f *Finding) Line() *DiffNode { return f.Lines[0] }

// Slowdown returns how long its lines took in all, where the finding is that they took
// longer.
func (f *Finding) Slowdown() (was, is time.Duration) { return f.was, f.is }

// Findings say the same change once, and the most important first. Where they would say
// no more than a few lines in their places, Ranked returns none.
func (d *Diff) Ranked() []*Finding {
	if len(d.Findings) <= toldFrom && !slices.ContainsFunc(d.Findings, func(f *Finding) bool { return len(f.Lines) > 1 }) {
		return nil
	}
	return d.Findings
}

// find sets the findings of a difference, and which lines they tell.
func (d *Diff) find() {
	f := &finder{alone: make(map[uint64]Change), byKey: make(map[findingKey]*Finding), times: make(map[uint64]int), seed: maphash.MakeSeed()}
	for _, lane := range d.Lanes {
		f.noteAlone(lane)
	}
	if len(f.alone) > 0 {
		for _, lane := range d.Lanes {
			f.noteBoth(lane)
		}
	}
	for _, lane := range d.Lanes {
		f.collect(lane, nil)
	}
	f.addValues()
	for _, found := range f.findings {
		if len(found.Lines) >= toldFrom {
			for _, line := range found.Lines[1:] {
				line.told++
			}
		}
	}
	for _, lane := range d.Lanes {
		setTold(lane, false)
	}
	slices.SortStableFunc(f.findings, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Line().place, b.Line().place))
	})
	d.Findings = f.findings
}

// weight orders findings of one rank: by how much longer it took, else by level from
// Warn on.
func weight(f *Finding) int64 {
	if f.Rank == RankSlower {
		return int64(f.is - f.was)
	}
	return int64(max(f.Level, slog.LevelInfo))
}

// A finder gathers the findings of a difference.
type finder struct {
	// alone has the shapes of lines that are new or gone: Same where both stories have
	// such lines.
	alone    map[uint64]Change
	values   []foundValue
	times    map[uint64]int // how often a value changed in that way
	seed     maphash.Seed
	place    int32
	byKey    map[findingKey]*Finding
	findings []*Finding
}

// A findingKey is what lines of one finding have in common.
type findingKey struct {
	change        Change
	level         slog.Level
	shape         uint64 // 0 for a value that changed in the same way in whatever lines
	name, was, is string
}

// A foundValue is a value that changed in a line, by its index there.
type foundValue struct {
	line  *DiffNode
	index int
	same  uint64 // of values that changed in the same way
}

// noteAlone notes the shapes of new and gone lines.
func (f *finder) noteAlone(nodes []*DiffNode) {
	for _, n := range nodes {
		if n.Change == New || n.Change == Gone {
			if other, noted := f.alone[n.shape]; noted && other != n.Change {
				f.alone[n.shape] = Same
			} else {
				f.alone[n.shape] = n.Change
			}
		}
		if n.Under.New+n.Under.Gone > 0 {
			f.noteAlone(n.Children)
		}
	}
}

// noteBoth notes of these the shapes that lines in one place have.
func (f *finder) noteBoth(nodes []*DiffNode) {
	for _, n := range nodes {
		if n.Was != nil && n.Is != nil {
			if _, noted := f.alone[n.shape]; noted {
				f.alone[n.shape] = Same
			}
		}
		f.noteBoth(n.Children)
	}
}

// collect adds what is found in lines, and in those under them.
func (f *finder) collect(nodes []*DiffNode, parent *DiffNode) {
	for _, n := range nodes {
		if n.Change != Same {
			f.place++
			n.place = f.place
		}
		switch n.Change {
		case New, Gone:
			f.addAlone(n, parent)
		case Changed, Slower:
			for i, value := range n.Values {
				if n.Slow(i) {
					f.addSlower(n, value)
					continue
				}
				v := foundValue{n, i, maphash.Comparable(f.seed, value)}
				f.values = append(f.values, v)
				f.times[v.same]++
			}
		}
		if !n.Under.Equal() {
			f.collect(n.Children, n)
		}
	}
}

// addAlone adds a line that only one story has, unless its caller tells of it.
func (f *finder) addAlone(n, parent *DiffNode) {
	level, own := n.Node().Level, f.alone[n.shape] != Same
	if parent != nil && parent.Change == n.Change && level < slog.LevelWarn && (!own || f.alone[parent.shape] != Same) {
		return
	}
	rank := RankRest
	switch {
	case level >= slog.LevelError:
		rank = RankError
	case own || level >= slog.LevelWarn:
		rank = RankShape
	}
	found := f.at(findingKey{change: n.Change, level: level, shape: n.shape}, rank)
	found.add(n)
	found.Under += len(n.Children)
	for _, child := range n.Children {
		found.Under += child.Under.New + child.Under.Gone
	}
}

// addSlower adds a line that took longer.
func (f *finder) addSlower(n *DiffNode, took Value) {
	found := f.at(findingKey{change: Slower, shape: n.shape}, RankSlower)
	found.add(n)
	found.was, found.is = found.was+n.Was.Took, found.is+n.Is.Took
	found.Values = []Value{{took.Name, found.was.String(), found.is.String()}}
}

// addValues adds how values changed: those that changed in the same way in several lines,
// and the others by the shape of the line and the name, as the counter of a loop.
func (f *finder) addValues() {
	for _, v := range f.values {
		n, value := v.line, v.line.Values[v.index]
		rank := RankRest
		switch {
		case n.Level() >= slog.LevelError:
			rank = RankError
		case n.Was.Level != n.Is.Level && n.Level() >= slog.LevelWarn:
			rank = RankShape
		}
		key := findingKey{change: Changed, name: value.Name, level: n.Level(), shape: n.shape}
		same := f.times[v.same] > 1
		if same {
			key = findingKey{change: Changed, name: value.Name, was: value.Was, is: value.Is}
		}
		found := f.at(key, rank)
		found.Several = found.Several || len(found.Lines) > 0 && n.shape != found.Line().shape
		if len(found.Values) == 0 || !same && len(found.Values) < mostValues {
			found.Values = append(found.Values, value)
		}
		found.add(n)
	}
}

func (f *finder) at(key findingKey, rank Rank) *Finding {
	found := f.byKey[key]
	if found == nil {
		found = &Finding{Rank: rank, Change: key.change, Level: slog.LevelDebug}
		f.byKey[key] = found
		f.findings = append(f.findings, found)
	}
	found.Rank = min(found.Rank, rank)
	return found
}

func (f *Finding) add(n *DiffNode) {
	f.Lines = append(f.Lines, n)
	f.Level = max(f.Level, n.Level())
	n.found++
}

// setTold sets which lines need not be looked at, and returns whether all of them. A line
// that is new or gone and no finding names is told with the one above it.
func setTold(nodes []*DiffNode, above bool) (all bool) {
	all = true
	for _, n := range nodes {
		own := n.told == n.found
		if n.found == 0 && n.Change != Same {
			own = above
		}
		under := setTold(n.Children, own)
		n.Told = own && under
		all = all && n.Told
	}
	return all
}

package reading

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

// A Stretch is a piece of a story's time: what a branch took, what a line says it took that
// was logged when that was over, as of a call or a query, or else the silence before a line, so
// that none is blamed for another's waiting.
type Stretch struct {
	*Node
	Silence  bool          // before the line, or
	After    bool          // behind it, until its caller went on
	Others   bool          // whether other lanes told meanwhile
	From, To time.Duration // since the story's start
	Share    int           // index of what it is counted in, in the shares
}

// A Share is what spans of one shape took together.
type Share struct {
	Stretch      // the longest
	Count    int // of spans
	Took     time.Duration
	Thousand int // of the story's time
}

// Total returns how long a story took, to its last line at least.
func (t *Tree) Total() time.Duration {
	total := t.Story.Duration
	for _, lane := range t.Lanes {
		total = max(total, lane.end)
	}
	return total
}

const (
	mostOfAll   = 0.8 // a branch that took as much is looked into
	leastShare  = 5   // of a thousand: what took less is no answer
	mostLeading = 50  // how deep is looked into
)

// Shares says where the time went of the lane in which a story began: the spans at the
// level where it divides, in their order, and what those of one shape took together, the
// longest first. A branch that took nearly all is looked into where it has branches, or
// where no other took any time.
func (t *Tree) Shares() (spans []Stretch, shares []Share) {
	total := t.Total()
	if len(t.Lanes) == 0 || total <= 0 {
		return nil, nil
	}
	from, end, siblings := time.Duration(0), total, t.Lanes[0].Roots
	for range mostLeading {
		n := longest(siblings)
		if n == nil || float64(n.Took) < mostOfAll*float64(total) || !divides(n) && !tookAlone(n, siblings, total) {
			break
		}
		from, end, siblings = n.Offset, n.Offset+n.Took, n.Children
	}
	byShape := make(map[string]int)
	for s := range t.stretches(from, end, siblings) {
		if s.To-s.From < total/1000*leastShare || s.To == s.From {
			continue
		}
		shape := string(normal.AppendShape([]byte(s.kind()), s.Message))
		i, known := byShape[shape]
		if !known {
			i = len(shares)
			byShape[shape] = i
			shares = append(shares, Share{Stretch: s})
		}
		s.Share = i
		spans = append(spans, s)
		shares[i].add(s)
	}
	return spans, ranked(spans, shares, total)
}

// stretches yields the pieces of the time of siblings, in their order.
func (t *Tree) stretches(from, end time.Duration, siblings []*Node) iter.Seq[Stretch] {
	return func(yield func(Stretch) bool) {
		for _, n := range siblings {
			begin := n.Offset - t.tookBefore(n, from)
			silence := Stretch{Node: n, Silence: true, From: min(from, begin), To: begin, Others: t.othersTell(from, begin)}
			from = n.Offset
			if len(n.Children) > 0 {
				from += n.Took
			}
			if !yield(silence) || !yield(Stretch{Node: n, From: begin, To: from}) {
				return
			}
		}
		if last := siblings[len(siblings)-1]; len(last.Children) == 0 && from < end {
			yield(Stretch{Node: last, After: true, From: from, To: end, Others: t.othersTell(from, end)})
		}
	}
}

// kind tells stretches of lines that look alike apart.
func (s *Stretch) kind() string {
	switch {
	case s.Silence:
		return "before "
	case s.After:
		return "after "
	case len(s.Children) > 0:
		return "branch "
	}
	return "line "
}

// ToldTook returns how much of the time since the line before it a line says that took which
// it tells of.
func (t *Tree) ToldTook(n *Node) time.Duration { return t.tookBefore(n, n.Offset-n.Step) }

// tookBefore returns how much of the time from some moment until a line was logged that was
// what it tells of: 0 where it does not say, or says how long the whole story took, as the last
// line of a request.
func (t *Tree) tookBefore(n *Node, from time.Duration) time.Duration {
	took, told := toldTook(n.Line)
	if !told || took > n.Offset-from+time.Millisecond { // which offsets are rounded to
		return 0
	}
	if roots := t.Lanes[0].Roots; n == roots[len(roots)-1] && took+time.Millisecond >= n.Offset {
		return 0
	}
	return min(took, max(n.Offset-from, 0))
}

func (s *Share) add(span Stretch) {
	s.Count++
	s.Took += span.To - span.From
	if span.To-span.From > s.To-s.From {
		s.Stretch = span
	}
}

// ranked sorts shares, and has the spans know them.
func ranked(spans []Stretch, shares []Share, total time.Duration) []Share {
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(shares[b].Took, shares[a].Took) })
	sorted := make([]Share, len(shares))
	place := make([]int, len(shares))
	for to, from := range order {
		sorted[to], place[from] = shares[from], to
		sorted[to].Thousand = int(float64(sorted[to].Took) * 1000 / float64(total))
	}
	for i := range spans {
		spans[i].Share = place[spans[i].Share]
	}
	return sorted
}

// longest returns the branch among siblings that took longest, or nil.
func longest(siblings []*Node) (n *Node) {
	for _, other := range siblings {
		if len(other.Children) > 0 && (n == nil || other.Took > n.Took) {
			n = other
		}
	}
	return n
}

// divides reports whether there are branches under a line.
func divides(n *Node) bool {
	return slices.ContainsFunc(n.Children, func(child *Node) bool { return len(child.Children) > 0 })
}

// othersTell reports whether lanes other than the first took most of some time.
func (t *Tree) othersTell(from, to time.Duration) bool {
	begin, end := to, from
	for i := range t.Lanes[1:] {
		lane := &t.Lanes[1+i]
		if first := lane.Roots[0].Offset; first < to && lane.end > from {
			begin, end = min(begin, max(first, from)), max(end, min(lane.end, to))
		}
	}
	return end > begin && end-begin >= (to-from)/2
}

// tookAlone reports whether no sibling of a line took any time to speak of.
func tookAlone(n *Node, siblings []*Node, total time.Duration) bool {
	return !slices.ContainsFunc(siblings, func(other *Node) bool {
		return other != n && max(other.Took, other.Step) >= total/1000*leastShare && len(other.Children) > 0
	})
}

// Label names a share.
func (s Share) Label() string {
	label, _ := s.First()
	if label == "" {
		label = "(no message)"
	}
	switch {
	case s.Others && s.After:
		return "goroutines, after “" + label + "”"
	case s.Others:
		return "goroutines, until “" + label + "”"
	case s.Silence:
		return "silence before “" + label + "”"
	case s.After:
		return "silence after “" + label + "”"
	}
	return label
}

package story

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// A story is listed under its own key, and by aliases under others: a story of user_42 that
// is about an order too has one under order_93. An alias is a [Part] 0 of its own, under
// that key and with the story's id: it has the facts of the story's header, and none of its
// text. See [Header].Also and Of.

// Limits of aliases.
const (
	MaxAlso     = 16      // keys in a [Header]'s Also
	MaxAlsoText = 1 << 10 // bytes of all of them, as [Key.String] writes them
)

// aliasText bounds the text in an alias, in bytes, so that it is one unit of writing in a
// store that counts units of a kilobyte.
const aliasText = 850

// Kinds of keys under which stories are listed by themselves.
const (
	KindProblem = "problem" // with a [Header]'s Problem as its id, where MaxLevel is Error or above
	KindTrace   = "trace"   // with the id of a trace through several services
)

// IsAlias reports whether the header is that of an alias.
func (h Header) IsAlias() bool { return !h.Of.IsZero() }

// Alias returns the header of the story's alias under a key. It has as many of the story's
// attributes as leave it at one unit of writing: parent_span, by which it is found where it
// was called, and then the shortest first; none that names lanes.
func (h Header) Alias(key Key) Header {
	alias := h
	alias.Key, alias.Of, alias.Also, alias.Count, alias.Attrs = key, h.Key, nil, 0, nil
	room := aliasText - len(key.String()) - len(h.Key.String()) - len(h.ID) - len(h.Title) - len(h.Cause) - len(h.Problem)
	size := func(name string) int { return len(name) + len(h.Attrs[name]) + 1 }
	rank := func(name string) int {
		if name == "parent_span" {
			return 0
		}
		return size(name)
	}
	names := slices.SortedFunc(maps.Keys(h.Attrs), func(a, b string) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b))
	})
	for _, name := range names {
		if IsLaneAttr(name) || size(name) > room {
			continue
		}
		room -= size(name)
		if alias.Attrs == nil {
			alias.Attrs = make(map[string]string)
		}
		alias.Attrs[name] = h.Attrs[name]
	}
	return alias
}

// Stories returns how many stories the header stands for: as a rule one.
func (h Header) Stories() int { return max(h.Count, 1) }

// boundedAlso returns keys of which there are no more than readers bear.
func boundedAlso(also []Key) []Key {
	const wider = 16 // than what a store is handed
	size := 0
	for i, key := range also {
		if size += len(key.Kind) + len(key.ID); i == wider*MaxAlso || size > wider*MaxAlsoText {
			return also[:i:i]
		}
	}
	return also
}

func (h *Header) boundAlias() {
	h.Also = boundedAlso(h.Also)
	h.Count = inRange(h.Count, 0, math.MaxInt32)
}

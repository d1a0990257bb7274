package story

import (
	"strconv"
	"strings"
)

// AttrLane is how the names of those header attributes begin that name lanes: "lane_3"
// has the name of lane 3, "lane_1,4-200" that of lane 1 and of lanes 4 to 200.
// [Header.LaneName] reads them.
const AttrLane = "lane_"

// LaneName returns the name of a lane: the one that the program gave it, or else the
// function that its goroutine began with, as in "mail.(*Sender).run". It is empty where
// the header has none: as a rule for lane 0, where the story began, and for those that
// did not fit.
func (h Header) LaneName(lane int) string {
	if lane < 0 {
		return ""
	}
	if name, ok := h.Attrs[AttrLane+strconv.Itoa(lane)]; ok {
		return name
	}
	attr := ""
	for name := range h.Attrs {
		if lanes, ok := strings.CutPrefix(name, AttrLane); ok && (attr == "" || name < attr) {
			if of, valid := inLanes(lanes, lane); of && valid {
				attr = name
			}
		}
	}
	return h.Attrs[attr]
}

// IsLaneAttr reports whether a header attribute of that name names lanes, so that
// readers can tell it from those that are about the story.
func IsLaneAttr(name string) bool {
	lanes, ok := strings.CutPrefix(name, AttrLane)
	if !ok {
		return false
	}
	_, valid := inLanes(lanes, 0)
	return valid
}

// inLanes reports whether a list of lanes, as in "1,4-200", is one, and has a lane.
func inLanes(list string, lane int) (of, valid bool) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := parseNumber(first)
		to := from
		if ok && isRange {
			to, ok = parseNumber(last)
		}
		if !ok || to < from {
			return false, false
		}
		of = of || from <= lane && lane <= to
	}
	return of, true
}

package reading

import "log/slog"

// Difference is the difference of two stories as JSON: the lines that differ.
type Difference struct {
	Was      Header         `json:"was"`
	Is       Header         `json:"is"`
	Alike    bool           `json:"alike"`            // whether both have the same kind and route, or title
	Better   *Header        `json:"better,omitempty"` // a story that is like the one that is, where Was is not
	Equal    bool           `json:"equal"`
	Values   []ChangedValue `json:"values,omitempty"` // of the headers' attributes
	Findings []FoundChange  `json:"findings"`         // the most important first
	Lines    []ChangedLine  `json:"lines"`
}

// FoundChange is one difference, as JSON, however many lines have it: the first of them,
// with the ways in which it changed.
type FoundChange struct {
	ChangedLine
	Count int `json:"count"`           // of the lines
	Under int `json:"under,omitempty"` // lines that are new or gone with these
}

// ChangedLine is a line that differs, as JSON. A number is 0 where the story has no such line.
type ChangedLine struct {
	Change  Change         `json:"change"`
	Was     int            `json:"was,omitempty"` // number of the line
	Is      int            `json:"is,omitempty"`
	Level   slog.Level     `json:"level"`
	Message string         `json:"message"`
	Values  []ChangedValue `json:"values,omitempty"`
}

// ChangedValue is something in a line that changed, as JSON.
type ChangedValue struct {
	Name string `json:"name"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

// DiffJSON returns what is printed of a difference as JSON; with the equal lines
// too, if all is true.
func DiffJSON(d *Diff, all bool) Difference {
	out := Difference{Was: HeaderJSON(d.Was.Story.Header), Is: HeaderJSON(d.Is.Story.Header), Alike: d.Alike, Equal: d.Equal(), Values: valuesJSON(d.Header), Findings: []FoundChange{}, Lines: []ChangedLine{}}
	if d.Better != nil {
		better := HeaderJSON(*d.Better)
		out.Better = &better
	}
	for _, f := range d.Findings {
		line := changedJSON(f.Line(), f.Change, f.Values)
		line.Level = f.Level
		out.Findings = append(out.Findings, FoundChange{line, len(f.Lines), f.Under})
	}
	for _, nodes := range d.Lanes {
		out.Lines = appendChanged(out.Lines, nodes, all)
	}
	return out
}

func appendChanged(lines []ChangedLine, nodes []*DiffNode, all bool) []ChangedLine {
	for _, n := range nodes {
		if n.Change != Same || all {
			lines = append(lines, changedJSON(n, n.Change, n.Values))
		}
		lines = appendChanged(lines, n.Children, all)
	}
	return lines
}

func changedJSON(n *DiffNode, change Change, values []Value) ChangedLine {
	line := ChangedLine{Change: change, Level: n.Node().Level, Message: n.Node().Message, Values: valuesJSON(values)}
	if n.Was != nil {
		line.Was = n.Was.Number
	}
	if n.Is != nil {
		line.Is = n.Is.Number
	}
	return line
}

func valuesJSON(values []Value) (all []ChangedValue) {
	for _, v := range values {
		all = append(all, ChangedValue(v))
	}
	return all
}

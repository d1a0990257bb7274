package reading

import (
	"fmt"
	"slices"
)

// story writes the lines of all lanes.
func (p *linePrinter) story() {
	if p.view.ByTime(p.tree) {
		p.flat()
		return
	}
	for _, lane := range p.tree.Lanes {
		if Failed(p.out) {
			return
		}
		p.lane(lane)
	}
}

func (p *linePrinter) lane(lane Lane) {
	if p.view.Active() && !slices.ContainsFunc(lane.Roots, func(n *Node) bool { return n.Keep }) {
		return
	}
	if lane.Number > 0 || lane.Name != "" {
		heading := "── " + lane.Title() + ": " + Summary(lane.Counts)
		if before := p.tree.Began(lane); before != nil {
			heading += fmt.Sprintf(", begins after line %d: %s", before.Number, before.Begin())
		}
		if lane.After > 0 {
			p.out.WriteByte('\n')
		}
		p.flow(0, 3, piece{Dim, heading})
		p.end()
	}
	p.siblings(lane.Roots)
}

// flat writes the lines of all lanes in the order of time.
func (p *linePrinter) flat() {
	p.labelWidth = p.tree.LabelWidth() + 2
	for line := range p.tree.Flat(p.view) {
		if Failed(p.out) {
			return
		}
		p.label = line.Label
		pieces := p.pieces(line.Node)
		if line.Folded {
			pieces = append(pieces, piece{Dim, "  … " + Summary(line.Under)})
		}
		p.line(line.Node, pieces)
		p.calls(line.Node)
	}
}

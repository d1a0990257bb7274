package dynamo

import "github.com/dynamoslog/dynamoslog/story"

// itemOverhead is what DynamoDB adds to each item, also of an index, when it bills
// storage, in bytes: see "DynamoDB item sizes and formats" in its guide.
const itemOverhead = 100

// A Cost is what a story takes in a table, its row in the index included.
type Cost struct {
	Bytes      int // of storage, as it is billed
	WriteUnits int // to write it once
}

// A Meter tells what stories take, without a table.
type Meter struct{ store Store }

// NewMeter returns a meter for tables that are configured so.
func NewMeter(config Config) (*Meter, error) {
	encoder, err := newEncoder()
	if err != nil {
		return nil, err
	}
	config.Shards = max(config.Shards, 1)
	return &Meter{Store{Config: config, encoder: encoder}}, nil
}

// Of returns what a story takes, as a handler writes one that is not stored before
// it has ended: with its aliases, but for that of a problem, which not every one has.
func (m *Meter) Of(told story.Story) (Cost, error) {
	var cost Cost
	for _, part := range partsToWrite(told) {
		it, err := m.store.encode(part)
		if err != nil {
			return Cost{}, err
		}
		cost.add(itemSize(it))
		if _, listed := it[attrRecent]; listed {
			row := item{}
			for _, name := range append([]string{attrObject, attrStory, attrRecent}, headerAttrs...) {
				if value, ok := it[name]; ok {
					row[name] = value
				}
			}
			cost.add(itemSize(row))
		}
	}
	return cost, nil
}

func (c *Cost) add(size int) {
	c.Bytes += size + itemOverhead
	c.WriteUnits += writeUnits(size)
}

// partsToWrite returns the parts that a story is written as.
func partsToWrite(told story.Story) []story.Part {
	header := told.Header
	end := story.Part{Key: header.Key, ID: header.ID, Header: &header}
	text := story.Format(told.Lines)
	if story.FitsHeader(len(text)) {
		end.Text = text
		return append([]story.Part{end}, aliasesToWrite(header)...)
	}
	var parts []story.Part
	for piece := range story.Pieces(text) {
		parts = append(parts, story.Part{Key: header.Key, ID: header.ID, Number: len(parts) + 1, Text: piece})
	}
	header.Parts = len(parts)
	return append(append(parts, end), aliasesToWrite(header)...)
}

func aliasesToWrite(h story.Header) (parts []story.Part) {
	for _, key := range h.Also {
		if key.Kind != story.KindProblem {
			alias := h.Alias(key)
			parts = append(parts, story.Part{Key: key, ID: h.ID, Header: &alias})
		}
	}
	return parts
}

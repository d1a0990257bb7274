package dynamo

import (
	"slices"
	"strconv"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

// A prepared part is the item that it becomes in one store. It is one piece of memory
// with what every item holds, so that preparing takes no more of them than encoding.
type prepared struct {
	store  *Store
	part   story.Part   // what the item was made of, its Header being the one below
	header story.Header // its Attrs are left out: the item has them
	item   item
	size   int // of the item, as DynamoDB counts it

	texts   [9]types.AttributeValueMemberS // room for values
	numbers [6]types.AttributeValueMemberN
	texted  int // how much of it is taken
	counted int
}

// mostAttrs is how many attributes an item has, about.
const mostAttrs = 16

// add gives the item an attribute.
func (p *prepared) add(name string, value types.AttributeValue) {
	p.item[name] = value
	p.size += len(name) + valueSize(value)
}

func (p *prepared) text(name, value string) {
	if p.texted == len(p.texts) {
		p.add(name, str(value))
		return
	}
	v := &p.texts[p.texted]
	p.texted++
	v.Value = value
	p.add(name, v)
}

func (p *prepared) number(name string, n int64) {
	if p.counted == len(p.numbers) {
		p.add(name, num(n))
		return
	}
	v := &p.numbers[p.counted]
	p.counted++
	v.Value = strconv.FormatInt(n, 10)
	p.add(name, v)
}

// Prepare implements [story.Preparer].
func (s *Store) Prepare(part story.Part) (made any, size int) {
	if part.Raise {
		return nil, 0
	}
	p, err := s.prepare(part)
	if err != nil { // Put says so
		return nil, 0
	}
	const perAttr = 64 // its place in the map, and its value beside what DynamoDB counts
	return p, p.size + perAttr*len(p.item) + int(unsafe.Sizeof(*p))
}

// itemOf returns the item of a part: the one that was prepared, if it was made of the
// same part by this store.
func (s *Store) itemOf(part story.Part) (*prepared, error) {
	if p, ok := part.Prepared.(*prepared); ok && p != nil && p.store == s && p.isOf(part) {
		return p, nil
	}
	return s.prepare(part)
}

// isOf compares a part with the one that the item was made of. It takes next to no time
// where they share their text.
func (p *prepared) isOf(part story.Part) bool {
	made := &p.part
	if made.Key != part.Key || made.ID != part.ID || made.Number != part.Number || part.Raise || made.Text != part.Text {
		return false
	}
	if made.Header == nil || part.Header == nil {
		return made.Header == part.Header
	}
	return sameFacts(made.Header, part.Header) && p.hasAttrs(part.Header.Attrs)
}

// sameFacts reports whether two headers are equal but for their attributes.
func sameFacts(a, b *story.Header) bool {
	return a.Key == b.Key && a.ID == b.ID && a.Start.Equal(b.Start) && a.Updated.Equal(b.Updated) && a.Duration == b.Duration &&
		a.State == b.State && a.MaxLevel == b.MaxLevel && a.LineCount == b.LineCount && a.Parts == b.Parts && a.Title == b.Title &&
		a.Cause == b.Cause && a.Problem == b.Problem && a.Of == b.Of && a.Count == b.Count && slices.Equal(a.Also, b.Also)
}

// hasAttrs reports whether these are the header's attributes in the item.
func (p *prepared) hasAttrs(attrs map[string]string) bool {
	held, _ := p.item[attrAttrs].(*types.AttributeValueMemberM)
	if held == nil || len(attrs) != len(held.Value) {
		return held == nil && len(attrs) == 0
	}
	for name, value := range attrs {
		if v, ok := held.Value[attrName(name)].(*types.AttributeValueMemberS); !ok || v.Value != value {
			return false
		}
	}
	return true
}

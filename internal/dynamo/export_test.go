package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

var (
	Classify     = classify
	ItemSize     = itemSize
	WriteUnits   = writeUnits
	ObjectOf     = objectOf
	DecodeCursor = decodeCursor
	EncodeCursor = encodeCursor
	KeyOf        = keyOf
	Expired      = expired
	DecodeHeader = decodeHeader
)

func (s *Store) ItemOf(part story.Part) (map[string]types.AttributeValue, error) {
	return s.encode(part)
}

// NothingPrepared is what is prepared of nothing.
var NothingPrepared any = (*prepared)(nil)

// IsPrepared reports whether Put takes the item that was prepared of a part.
func (s *Store) IsPrepared(part story.Part) bool {
	p, ok := part.Prepared.(*prepared)
	it, err := s.itemOf(part)
	return ok && p != nil && err == nil && it == p
}

func (s *Store) DecodeParts(key story.Key, id string, items []map[string]types.AttributeValue) []story.Part {
	r := s.newPartReader(key, id)
	for _, it := range items {
		r.add(it)
	}
	return r.gathered.Parts
}

// PartsToWrite returns the parts that a story is written as.
func PartsToWrite(told story.Story) []story.Part { return partsToWrite(told) }

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

func (s *Store) DecodeParts(key story.Key, id string, items []map[string]types.AttributeValue) []story.Part {
	r := s.newPartReader(key, id)
	for _, it := range items {
		r.add(it)
	}
	return r.gathered.Parts
}

// PartsToWrite returns the parts that a story is written as.
func PartsToWrite(told story.Story) []story.Part { return partsToWrite(told) }

package dynamo

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/story"
)

// alsoValue returns keys as a set: DynamoDB takes none that is empty or has one twice.
func alsoValue(keys []story.Key) types.AttributeValue {
	var set types.AttributeValueMemberSS
	for _, key := range keys {
		set.Value = append(set.Value, key.String())
	}
	slices.Sort(set.Value)
	set.Value = slices.Compact(set.Value)
	return &set
}

// decodeAliases reads what a header says of aliases, or of the story that it is one of. What is
// no key is left out.
func decodeAliases(it item, h *story.Header) {
	if set, ok := it[attrAlso].(*types.AttributeValueMemberSS); ok {
		h.Also = keysIn(set.Value)
	}
	h.Of, _ = story.ParseKey(getString(it, attrOf))
	h.Count = getCount(it, attrCount)
}

func keysIn(texts []string) (keys []story.Key) {
	for _, text := range texts {
		if key, err := story.ParseKey(text); err == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, story.Key.Compare)
	return keys
}

// aliasesOf returns the primary keys of the aliases of the story that a header's item is of.
func aliasesOf(it item) (keys []item) {
	set, ok := it[attrAlso].(*types.AttributeValueMemberSS)
	if !ok || isForeign(it) {
		return nil
	}
	for _, key := range keysIn(set.Value) {
		keys = append(keys, item{attrObject: str(objectOf(key)), attrStory: it[attrStory]})
	}
	return keys
}

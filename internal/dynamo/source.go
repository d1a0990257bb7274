package dynamo

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A source is a range of sort keys in one partition of the table or of its
// index, that is read downwards or upwards, some items at a time.
type source struct {
	input   *dynamodb.QueryInput
	items   []item // asked for and not yet taken
	last    bool   // nothing is behind items
	foreign bool   // the text is asked for too
}

// newSource returns a source of the sort keys from low up to high; an empty bound
// is none.
func (s *Store) newSource(partition, value, low, high string) *source {
	condition := "#p = :p"
	names := map[string]string{"#p": partition}
	values := item{":p": str(value)}
	switch {
	case low != "" && high != "":
		condition += " AND #s BETWEEN :low AND :high"
	case low != "":
		condition += " AND #s >= :low"
	case high != "":
		condition += " AND #s < :high"
	}
	if low != "" {
		values[":low"] = str(low)
	}
	if high != "" {
		values[":high"] = str(high)
	}
	if len(values) > 1 {
		names["#s"] = attrStory
	}
	in := &dynamodb.QueryInput{
		TableName:                 &s.Name,
		KeyConditionExpression:    &condition,
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if partition == attrRecent {
		in.IndexName = aws.String(indexRecent)
	}
	return &source{input: in}
}

// project restricts what is sent of an item to its keys and attrs.
func (src *source) project(attrs ...string) {
	attrs = append([]string{attrObject, attrStory}, attrs...)
	src.input.ProjectionExpression = aws.String("#" + strings.Join(attrs, ", #"))
	for _, name := range attrs {
		src.input.ExpressionAttributeNames["#"+name] = name
	}
}

func (src *source) empty() bool { return len(src.items) == 0 }

// next returns the sort key of the next item.
func (src *source) next() string { return getString(src.items[0], attrStory) }

// fill asks for the next items of a source. Those of others have their title in
// their text: where there are any, the text is sent too, here and from now on.
func (s *Store) fill(ctx context.Context, src *source) error {
	out, err := call(ctx, s.client.Query, src.input)
	if err != nil {
		return s.explain(ctx, err)
	}
	s.read(out.ConsumedCapacity)
	if src.input.IndexName == nil && !src.foreign && slices.ContainsFunc(out.Items, isForeign) {
		src.foreign = true
		src.project(append([]string{attrMessage}, keyAttrs...)...)
		return s.fill(ctx, src)
	}
	src.items = out.Items
	src.last = len(out.LastEvaluatedKey) == 0
	src.input.ExclusiveStartKey = out.LastEvaluatedKey
	return nil
}

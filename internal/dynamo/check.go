package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Check compares the table with what Create makes. It returns an error that
// joins all that is wrong, a sentence each.
func (s *Store) Check(ctx context.Context) error {
	described, err := call(ctx, s.client.DescribeTable, &dynamodb.DescribeTableInput{TableName: &s.Name})
	if err != nil {
		return s.explain(ctx, err)
	}
	ttl, err := call(ctx, s.client.DescribeTimeToLive, &dynamodb.DescribeTimeToLiveInput{TableName: &s.Name})
	if err != nil {
		return s.explain(ctx, err)
	}
	table := described.Table
	var f findings
	if table.TableStatus != types.TableStatusActive && table.TableStatus != types.TableStatusUpdating {
		f.add("its status is %s: wait until it is ACTIVE", table.TableStatus)
	}
	f.keys("the table", table.KeySchema, table.AttributeDefinitions, attrObject, "this cannot be changed, create another table")
	f.index(table)
	f.timeToLive(ttl.TimeToLiveDescription)
	f.billing(table, s.OnDemand)
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("dynamoslog: %s:\n%w", s.place(), errors.Join(f...))
}

// findings are sentences of what is wrong and what to do about it.
type findings []error

func (f *findings) add(format string, args ...any) {
	*f = append(*f, fmt.Errorf(format, args...))
}

// keys checks the keys of the table or the index.
func (f *findings) keys(what string, schema []types.KeySchemaElement, definitions []types.AttributeDefinition, partition, remedy string) {
	got := describeKeys(schema, definitions)
	want := fmt.Sprintf("%s (HASH, S), %s (RANGE, S)", partition, attrStory)
	if got != want {
		f.add("%s has the keys %s instead of %s: %s", what, got, want, remedy)
	}
}

func describeKeys(schema []types.KeySchemaElement, definitions []types.AttributeDefinition) string {
	typeOf := make(map[string]types.ScalarAttributeType)
	for _, d := range definitions {
		typeOf[aws.ToString(d.AttributeName)] = d.AttributeType
	}
	var keys []string
	for _, element := range schema {
		name := aws.ToString(element.AttributeName)
		keys = append(keys, fmt.Sprintf("%s (%s, %s)", name, element.KeyType, typeOf[name]))
	}
	return strings.Join(keys, ", ")
}

const remakeIndex = "delete it and create it again, as Table.Create does"

func (f *findings) index(table *types.TableDescription) {
	i := slices.IndexFunc(table.GlobalSecondaryIndexes, func(index types.GlobalSecondaryIndexDescription) bool {
		return aws.ToString(index.IndexName) == indexRecent
	})
	if i < 0 {
		f.add("it has no index %s, without which lists over all keys fail: add it, with the keys %s (HASH, S) and %s (RANGE, S) and the attributes %s",
			indexRecent, attrRecent, attrStory, strings.Join(headerAttrs, ", "))
		return
	}
	index := table.GlobalSecondaryIndexes[i]
	if index.IndexStatus != types.IndexStatusActive && index.IndexStatus != types.IndexStatusUpdating {
		f.add("the index %s has the status %s: wait until it is ACTIVE", indexRecent, index.IndexStatus)
	}
	f.keys("the index "+indexRecent, index.KeySchema, table.AttributeDefinitions, attrRecent, remakeIndex)
	f.projection(index.Projection)
	f.indexUnits(table.ProvisionedThroughput, index.ProvisionedThroughput)
}

func (f *findings) projection(projection *types.Projection) {
	if projection == nil {
		return
	}
	switch projection.ProjectionType {
	case types.ProjectionTypeAll:
		f.add("the index %s projects all attributes, so that every text is written twice: %s", indexRecent, remakeIndex)
		return
	case types.ProjectionTypeKeysOnly:
		f.add("the index %s projects keys only, so that lists over all keys show nothing of a story: %s", indexRecent, remakeIndex)
		return
	}
	var missing, causes []string
	for _, name := range headerAttrs {
		switch {
		case slices.Contains(projection.NonKeyAttributes, name):
		case slices.Contains(causeAttrs, name):
			causes = append(causes, name)
		default:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		f.add("the index %s does not project %s: %s", indexRecent, strings.Join(missing, ", "), remakeIndex)
	}
	if len(causes) > 0 {
		f.add("the index %s does not project %s, as tables that were made before did not, so that lists over all keys do not say why a story went wrong; all else works: to have it, %s",
			indexRecent, strings.Join(causes, ", "), remakeIndex)
	}
	for _, name := range []string{attrMessage, attrZstd} {
		if slices.Contains(projection.NonKeyAttributes, name) {
			f.add("the index %s projects %s, so that the text is written twice: %s", indexRecent, name, remakeIndex)
		}
	}
}

// indexUnits checks that the index can follow the table. A story writes at most
// one header to the index for two units or so in the table.
func (f *findings) indexUnits(table, index *types.ProvisionedThroughputDescription) {
	if table == nil || index == nil {
		return
	}
	has, all := aws.ToInt64(index.WriteCapacityUnits), aws.ToInt64(table.WriteCapacityUnits)
	if has*2 < all {
		f.add("the index %s throttles the table: of write units it has %d, and the table %d; give it at least %d",
			indexRecent, has, all, (all+1)/2)
	}
}

func (f *findings) timeToLive(ttl *types.TimeToLiveDescription) {
	if ttl == nil || ttl.TimeToLiveStatus == types.TimeToLiveStatusDisabled || ttl.TimeToLiveStatus == types.TimeToLiveStatusDisabling {
		f.add("its time to live is off, so that expired stories stay and are paid for: enable it on the attribute %s", attrExpires)
		return
	}
	if name := aws.ToString(ttl.AttributeName); name != attrExpires {
		f.add("its time to live is on the attribute %q: disable it there and enable it on %s", name, attrExpires)
	}
}

func (f *findings) billing(table *types.TableDescription, onDemand bool) {
	is := table.BillingModeSummary != nil && table.BillingModeSummary.BillingMode == types.BillingModePayPerRequest
	switch {
	case is && !onDemand:
		f.add("it is billed on demand, which the free tier does not cover: change it to provisioned capacity, or set Table.OnDemand if it is meant so")
	case !is && onDemand:
		f.add("it has provisioned capacity, but Table.OnDemand is set: change it to on demand, or do not set Table.OnDemand")
	}
}

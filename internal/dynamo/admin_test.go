package dynamo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

func offlineClient() *dynamodb.Client { return dynamodb.New(dynamodb.Options{Region: "us-east-1"}) }

func TestNew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		client *dynamodb.Client
		name   string
		want   string
	}{
		{offlineClient(), "", "Table.Name"},
		{dynamodb.New(dynamodb.Options{}), "t", "AWS_REGION"},
	} {
		_, err := dynamo.New(test.client, dynamo.Config{Name: test.name})
		if !errors.Is(err, dynamo.ErrConfig) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want ErrConfig that names %s", err, test.want)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, onDemand := range []bool{false, true} {
		b := newBench(t, dynamo.Config{OnDemand: onDemand})
		if err := b.Check(t.Context()); err != nil {
			t.Errorf("Check of what Create made, on demand %v: %v", onDemand, err)
		}
		err := b.Create(t.Context())
		if !errors.Is(err, dynamo.ErrTableExists) || !strings.Contains(err.Error(), "Check") {
			t.Errorf("a second Create: got %v, want ErrTableExists", err)
		}
		out, err := b.client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &b.name})
		if err != nil {
			t.Fatal(err)
		}
		table, index := out.Table.ProvisionedThroughput, out.Table.GlobalSecondaryIndexes[0].ProvisionedThroughput
		if got := *table.WriteCapacityUnits + *index.WriteCapacityUnits; !onDemand && got != 25 {
			t.Errorf("got %d write units, want the 25 of the free tier", got)
		}
		if got := *table.ReadCapacityUnits + *index.ReadCapacityUnits; !onDemand && got != 25 {
			t.Errorf("got %d read units, want the 25 of the free tier", got)
		}
		other := newStore(t, b.client, dynamo.Config{Name: b.name, OnDemand: !onDemand})
		if err := other.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "OnDemand") {
			t.Errorf("Check with OnDemand %v of a table with %v: got %v", !onDemand, onDemand, err)
		}
	}
}

func TestCreateCancelled(t *testing.T) {
	t.Parallel()
	s := newStore(t, dynamotest.Start(t), dynamo.Config{Name: dynamotest.TableName(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Create(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an error that wraps context.Canceled", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, dynamo.ErrNoTable) {
		t.Errorf("Check without a table: got %v, want ErrNoTable", err)
	}
}

// TestCheck changes one thing at a time of a table that is right.
func TestCheck(t *testing.T) {
	t.Parallel()
	client := dynamotest.Start(t)
	def := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	keys := func(names ...string) []types.KeySchemaElement {
		schema := []types.KeySchemaElement{{AttributeName: &names[0], KeyType: types.KeyTypeHash}}
		if len(names) > 1 {
			schema = append(schema, types.KeySchemaElement{AttributeName: &names[1], KeyType: types.KeyTypeRange})
		}
		return schema
	}
	units := func(n int64) *types.ProvisionedThroughput {
		return &types.ProvisionedThroughput{ReadCapacityUnits: &n, WriteCapacityUnits: &n}
	}
	projected := []string{"title", "level", "lines", "updated", "duration_ms", "state", "parts", "attrs", "expires_at", "key", "v", "cause", "problem"}
	for _, test := range []struct {
		reason string
		change func(*dynamodb.CreateTableInput)
		ttl    string
		want   []string // in the lines of the error
	}{
		{"as it should be", func(*dynamodb.CreateTableInput) {}, "expires_at", nil},
		{"no time to live", func(*dynamodb.CreateTableInput) {}, "", []string{"its time to live is off"}},
		{"another attribute", func(*dynamodb.CreateTableInput) {}, "ttl", []string{`its time to live is on the attribute "ttl"`}},
		{"another partition key", func(in *dynamodb.CreateTableInput) {
			in.AttributeDefinitions[0] = def("pk", "S")
			in.KeySchema = keys("pk", "story")
		}, "expires_at", []string{"the table has the keys pk (HASH, S), story (RANGE, S) instead of object (HASH, S), story (RANGE, S)"}},
		{"a number as key", func(in *dynamodb.CreateTableInput) { in.AttributeDefinitions[1] = def("story", "N") }, "expires_at",
			[]string{"the table has the keys object (HASH, S), story (RANGE, N)", "the index recent has the keys recent (HASH, S), story (RANGE, N)"}},
		{"no index, no time to live", func(in *dynamodb.CreateTableInput) {
			in.AttributeDefinitions = in.AttributeDefinitions[:2]
			in.GlobalSecondaryIndexes = nil
		}, "", []string{"it has no index recent", "its time to live is off"}},
		{"an index without sort key", func(in *dynamodb.CreateTableInput) { in.GlobalSecondaryIndexes[0].KeySchema = keys("recent") }, "expires_at",
			[]string{"the index recent has the keys recent (HASH, S) instead of"}},
		{"keys only", func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].Projection = &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		}, "expires_at", []string{"projects keys only"}},
		{"all", func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].Projection = &types.Projection{ProjectionType: types.ProjectionTypeAll}
		}, "expires_at", []string{"projects all attributes"}},
		{"other attributes", func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].Projection.NonKeyAttributes = append([]string{"message"}, projected[2:]...)
		}, "expires_at", []string{"does not project title, level", "projects message"}},
		{"one that was made before", func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].Projection.NonKeyAttributes = projected[:11]
		}, "expires_at", []string{"the index recent does not project cause, problem, as tables that were made before did not"}},
		{"an index short of units", func(in *dynamodb.CreateTableInput) {
			in.GlobalSecondaryIndexes[0].ProvisionedThroughput = units(7)
		}, "expires_at", []string{"the index recent throttles the table: of write units it has 7, and the table 16; give it at least 8"}},
	} {
		name := dynamotest.TableName(t)
		in := &dynamodb.CreateTableInput{
			TableName:             &name,
			AttributeDefinitions:  []types.AttributeDefinition{def("object", "S"), def("story", "S"), def("recent", "S")},
			KeySchema:             keys("object", "story"),
			ProvisionedThroughput: units(16),
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
				IndexName: aws.String("recent"), KeySchema: keys("recent", "story"), ProvisionedThroughput: units(9),
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: projected},
			}},
		}
		test.change(in)
		if _, err := client.CreateTable(t.Context(), in); err != nil {
			t.Fatalf("%s: %v", test.reason, err)
		}
		if test.ttl != "" {
			_, err := client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{TableName: &name,
				TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &test.ttl, Enabled: aws.Bool(true)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		err := newStore(t, client, dynamo.Config{Name: name}).Check(t.Context())
		if test.want == nil {
			if err != nil {
				t.Errorf("%s: got %v", test.reason, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: got no error, want %v", test.reason, test.want)
			continue
		}
		lines := strings.Split(err.Error(), "\n")[1:]
		if len(lines) != len(test.want) {
			t.Errorf("%s: got the findings %q, want %d", test.reason, lines, len(test.want))
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got\n%v\nwant %q", test.reason, err, want)
			}
		}
	}
}

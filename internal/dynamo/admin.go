package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Capacity of a provisioned table: all of the free tier's 25 units each. A story
// of some lines costs two to four units in the table and one in the index, which
// throttles the table when it runs short.
const (
	tableUnits = 16
	indexUnits = 9
)

const (
	createTime    = 10 * time.Minute // unless the context ends earlier
	createDelay   = 500 * time.Millisecond
	createLongest = 5 * time.Second
)

// Create makes the table, and returns when it can be used.
func (s *Store) Create(ctx context.Context) error {
	_, err := call(ctx, s.client.CreateTable, s.TableInput())
	var exists *types.ResourceInUseException
	switch {
	case errors.As(err, &exists):
		return fmt.Errorf("%w: %s: %w", ErrTableExists, s.place(), err)
	case err != nil:
		return s.explain(ctx, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(s.client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = createDelay, createLongest
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &s.Name}, createTime); err != nil {
		return fmt.Errorf("the table is being created, see later with Table.Check: %w", s.explain(ctx, err))
	}
	if _, err = call(ctx, s.client.UpdateTimeToLive, s.TimeToLiveInput()); err != nil {
		return fmt.Errorf("the table is created, but stories would not expire: enable its time to live on %s: %w", attrExpires, s.explain(ctx, err))
	}
	return nil
}

// TableInput is the call that makes the table with its index.
func (c Config) TableInput() *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: &c.Name,
		KeySchema: keySchema(attrObject),
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrObject), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrStory), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrRecent), AttributeType: types.ScalarAttributeTypeS},
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(indexRecent),
			KeySchema: keySchema(attrRecent),
			Projection: &types.Projection{
				ProjectionType:   types.ProjectionTypeInclude,
				NonKeyAttributes: headerAttrs,
			},
		}},
		BillingMode: types.BillingModePayPerRequest,
	}
	if !c.OnDemand {
		in.BillingMode = types.BillingModeProvisioned
		in.ProvisionedThroughput = throughput(tableUnits)
		in.GlobalSecondaryIndexes[0].ProvisionedThroughput = throughput(indexUnits)
	}
	return in
}

// TimeToLiveInput is the call that lets items of the table expire.
func (c Config) TimeToLiveInput() *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName: &c.Name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(attrExpires),
			Enabled:       aws.Bool(true),
		},
	}
}

// keySchema is of a table or index with its stories sorted by their key.
func keySchema(partition string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(attrStory), KeyType: types.KeyTypeRange},
	}
}

func throughput(units int64) *types.ProvisionedThroughput {
	return &types.ProvisionedThroughput{ReadCapacityUnits: &units, WriteCapacityUnits: &units}
}

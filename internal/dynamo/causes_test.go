package dynamo_test

import (
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// olderTable makes a table as it was made before headers had a cause.
func olderTable(t *testing.T) *dynamo.Store {
	t.Helper()
	client, name := dynamotest.Start(t), dynamotest.TableName(t)
	keys := func(partition string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &partition, KeyType: "HASH"}, {AttributeName: aws.String("story"), KeyType: "RANGE"}}
	}
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: "S"}
	}
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, KeySchema: keys("object"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text("object"), text("story"), text("recent")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("recent"), KeySchema: keys("recent"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{
				"title", "level", "lines", "updated", "duration_ms", "state", "parts", "attrs", "expires_at", "key", "v"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return newStore(t, client, dynamo.Config{Name: name, TTL: -1, OnDemand: true})
}

// A table that was made before takes what has a cause, and shows it where it can.
func TestOlderTableGoesOn(t *testing.T) {
	t.Parallel()
	store := olderTable(t)
	h := headerOf(user42, idAt(at(10, 0), "a"))
	raised := h
	raised.MaxLevel, raised.LineCount, raised.Cause, raised.Problem = slog.LevelError, 2, "gone", "abcdefgh22"
	for _, part := range []story.Part{headPart(h, "+0.000 I one\n"), {Key: h.Key, ID: h.ID, Header: &raised, Raise: true}} {
		if err := store.Put(t.Context(), []story.Part{part}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		query story.Query
		cause string
	}{{story.Query{Key: user42}, "gone"}, {story.Query{}, ""}} {
		page, err := store.List(t.Context(), test.query)
		if err != nil || len(page.Headers) != 1 {
			t.Fatalf("got %+v, %v", page, err)
		}
		if got := page.Headers[0]; got.Cause != test.cause || got.MaxLevel != slog.LevelError || got.LineCount != 2 || got.Title != h.Title {
			t.Errorf("%+v: got %+v, want the cause %q", test.query, got, test.cause)
		}
	}
	if s, err := store.Read(t.Context(), h.Key, h.ID); err != nil || s.Cause != "gone" {
		t.Errorf("got %+v, %v", s.Header, err)
	}
}

package dynamotest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

// proxied is a table behind a proxy.
type proxied struct {
	*dynamotest.Proxy
	client *dynamodb.Client // through the proxy, without retries
	direct *dynamodb.Client
	table  string
}

func newProxied(t *testing.T) *proxied {
	t.Helper()
	p := &proxied{Proxy: dynamotest.NewProxy(t), direct: dynamotest.Start(t), table: dynamotest.TableName(t)}
	p.client = p.Client(func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	_, err := p.direct.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &p.table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("object"), AttributeType: "S"}, {AttributeName: aws.String("story"), AttributeType: "S"}},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("object"), KeyType: "HASH"}, {AttributeName: aws.String("story"), KeyType: "RANGE"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// batch writes n items of one partition key.
func (p *proxied) batch(t *testing.T, object string, n int) (*dynamodb.BatchWriteItemOutput, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var requests []types.WriteRequest
	for i := range n {
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
			"object": &types.AttributeValueMemberS{Value: object},
			"story":  &types.AttributeValueMemberS{Value: fmt.Sprint(i)},
		}}})
	}
	return p.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{p.table: requests}})
}

func (p *proxied) stored(t *testing.T) int {
	t.Helper()
	out, err := p.direct.Scan(t.Context(), &dynamodb.ScanInput{TableName: &p.table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return int(out.Count)
}

// TestFaults checks what a client sees of each fault, and whether DynamoDB
// stored what the client sent.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  dynamotest.Fault
		want   string // in the error; none if empty
		stored int    // of 4
		left   int    // unprocessed
	}{
		{"none", nil, "", 4, 0},
		{"passed", dynamotest.Any(dynamotest.Pass, dynamotest.Throttled), "", 4, 0},
		{"throttled", dynamotest.Throttled, "ProvisionedThroughputExceededException", 0, 0},
		{"server error", dynamotest.ServerError, "StatusCode: 500", 0, 0},
		{"too large", dynamotest.LargerThan(100, dynamotest.TooLarge), "StatusCode: 413", 0, 0},
		{"not too large", dynamotest.LargerThan(10000, dynamotest.TooLarge), "", 4, 0},
		{"empty", dynamotest.Empty, "", 0, 0},
		{"HTML", dynamotest.HTML, "deserialization failed", 0, 0},
		{"reset", dynamotest.Reset, "connection reset", 0, 0},
		{"reset after the commit", dynamotest.AfterCommit(dynamotest.Reset), "connection reset", 4, 0},
		{"hang", dynamotest.Hang, "deadline exceeded", 0, 0},
		{"truncated", dynamotest.Truncated, "unexpected EOF", 4, 0},
		{"cut short", dynamotest.CutShort, "deserialization failed", 4, 0},
		{"drip", dynamotest.Drip(200 * time.Millisecond), "", 4, 0},
		{"slow drip", dynamotest.Drip(time.Minute), "deadline exceeded", 4, 0},
		{"half unprocessed", dynamotest.Unprocessed(dynamotest.Half()), "", 2, 2},
		{"all unprocessed", dynamotest.Unprocessed(dynamotest.Of("a")), "ProvisionedThroughputExceededException", 0, 0},
		{"others unprocessed", dynamotest.Unprocessed(dynamotest.Of("b")), "", 4, 0},
		{"beyond a rate", dynamotest.Unprocessed(dynamotest.Beyond("a", 0.01)), "", 1, 3},
		{"poison", dynamotest.Where(func(put dynamotest.Put) bool { return put.Story == "3" }, dynamotest.Invalid), "ValidationException", 0, 0},
		{"reads only", dynamotest.Action("GetItem", dynamotest.Reset), "", 4, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			p.Set(test.fault)
			out, err := p.batch(t, "a", 4)
			if got := fmt.Sprint(err); (err != nil) != (test.want != "") || !strings.Contains(got, test.want) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
			if got := p.stored(t); got != test.stored {
				t.Errorf("got %d items in the table, want %d", got, test.stored)
			}
			if err == nil && len(out.UnprocessedItems[p.table]) != test.left {
				t.Errorf("got %d unprocessed items, want %d", len(out.UnprocessedItems[p.table]), test.left)
			}
			met := 0
			if test.want != "" || test.left > 0 || test.fault != nil && out.UnprocessedItems == nil {
				met = 1
			}
			if seen := p.Seen(); seen.Batch != 4 || seen.Calls["BatchWriteItem"] != 1 || seen.Faults < met {
				t.Errorf("got %+v", seen)
			}
		})
	}
}

func TestFaultsCounted(t *testing.T) {
	p := newProxied(t)
	for _, test := range []struct {
		fault dynamotest.Fault
		want  string
	}{
		{dynamotest.First(2, dynamotest.Throttled), "xx.."},
		{dynamotest.First(1, dynamotest.Action("GetItem", dynamotest.Throttled)), "...."},
		{dynamotest.Every(3, dynamotest.Writes(dynamotest.Throttled)), "x..x"},
	} {
		p.Set(test.fault)
		got := ""
		for range 4 {
			if _, err := p.batch(t, "a", 1); err != nil {
				got += "x"
			} else {
				got += "."
			}
		}
		if got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if got := p.Versions(); len(got) != 1 || got[dynamotest.Slot{Object: "a", Story: "0"}] != 1 {
		t.Errorf("got the versions %v, want one of one item", got)
	}
}

func TestLate(t *testing.T) {
	p := newProxied(t)
	p.Set(dynamotest.First(1, dynamotest.Late(100*time.Millisecond)))
	if _, err := p.batch(t, "a", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want no answer", err)
	}
	for deadline := time.Now().Add(5 * time.Second); p.stored(t) != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the item is not stored afterwards")
		}
	}
}

func TestRefuse(t *testing.T) {
	p := newProxied(t)
	for _, refused := range []bool{false, true, false} {
		if refused {
			p.Refuse()
			if _, err := p.batch(t, "a", 1); err == nil { // ends with the connection that was kept, if that is still there
				t.Error("a call came through")
			}
		} else {
			p.Listen()
		}
		if _, err := p.batch(t, "a", 1); errors.Is(err, syscall.ECONNREFUSED) != refused || (err != nil) != refused {
			t.Errorf("refused %v: got %v", refused, err)
		}
	}
}

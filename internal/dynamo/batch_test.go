package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/story"
)

// texts returns n parts of one story, from part 1 on.
func texts(id string, n int) []story.Part {
	var parts []story.Part
	for i := range n {
		parts = append(parts, textPart(user42, id, i+1, "+0.000 I x\n"))
	}
	return parts
}

func TestPutOpenHeader(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "a")
	open, sealed := headerOf(user42, id), headerOf(user42, id)
	open.State, open.Title = story.Open, "open"
	other := open
	other.Title = "open, but different"
	state := func() string {
		return b.get(t, "user_42", id)["title"].(*types.AttributeValueMemberS).Value
	}
	b.put(t, headPart(open, "+0.000 I x\n"))
	b.put(t, headPart(other, ""))
	if got := state(); got != "open" {
		t.Errorf("after a second open header: got %q, want the first to stay", got)
	}
	b.put(t, headPart(sealed, ""))
	b.put(t, headPart(open, "+0.000 I x\n"))
	if got := state(); got != "POST /order" {
		t.Errorf("after an open header that is late: got %q, want the final one to stay", got)
	}
}

func TestPutTwiceInOneCall(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := func(suffix string) string { return idAt(at(10, 0), suffix) }
	head := func(suffix, title string, state story.State) story.Part {
		h := headerOf(user42, id(suffix))
		h.Title, h.State = title, state
		return headPart(h, "")
	}
	b.put(t,
		head("a", "open", story.Open), head("a", "final", story.Sealed),
		head("b", "final", story.Sealed), head("b", "open", story.Open),
		head("c", "first", story.Sealed), head("c", "second", story.Sealed),
		head("d", "first open", story.Open), head("d", "second open", story.Open),
		textPart(user42, id("d"), 1, "first"), textPart(user42, id("d"), 1, "second"),
	)
	page, err := b.List(t.Context(), story.Query{Key: user42})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := titles(page), "first open,second,final,final"; got != want {
		t.Errorf("got the headers %s, want %s", got, want)
	}
	it := b.get(t, "user_42", "part#"+id("d")+"#000001")
	if got := it["message"]; !reflect.DeepEqual(got, str("second")) {
		t.Errorf("got the text %v, want the later one", got)
	}
}

// TestPutFaults puts three parts against answers that a table, a proxy or a
// network may give, and looks at what is said of each part.
func TestPutFaults(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	id := idAt(at(10, 0), "faults")
	parts := texts(id, 3)
	always := func(status int, body string) func(string, *http.Request, http.RoundTripper) (*http.Response, error) {
		return func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return reply(req, status, body), nil
		}
	}
	fails := func(status int, code string) func(string, *http.Request, http.RoundTripper) (*http.Response, error) {
		return func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return apiError(req, status, code, "as told"), nil
		}
	}
	for _, test := range []struct {
		name   string
		answer func(string, *http.Request, http.RoundTripper) (*http.Response, error)
		want   story.Outcome
		is     error
		calls  int
	}{
		{"throttled", fails(400, "ProvisionedThroughputExceededException"), story.Busy, dynamo.ErrThrottled, 1},
		{"500", fails(500, "InternalServerError"), story.Retry, nil, 1},
		{"503 of a balancer", always(503, "<html>busy</html>"), story.Retry, nil, 1},
		{"HTML with 200", always(200, "<html>log in</html>"), story.Retry, nil, 1},
		{"truncated body", always(200, `{"UnprocessedItems": {"`), story.Retry, nil, 1},
		{"reset", func(string, *http.Request, http.RoundTripper) (*http.Response, error) {
			return nil, &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
		}, story.Retry, nil, 1},
		{"no table", fails(400, "ResourceNotFoundException"), story.Wait, dynamo.ErrNoTable, 1},
		{"no access", fails(400, "AccessDeniedException"), story.Wait, dynamo.ErrNoAccess, 1},
		{"expired token", fails(400, "ExpiredTokenException"), story.Wait, dynamo.ErrNoCredentials, 1},
		{"unknown identity", fails(400, "UnrecognizedClientException"), story.Wait, dynamo.ErrNoCredentials, 1},
		{"too large whatever is sent", always(413, "<html>413</html>"), story.Reject, nil, 5},
	} {
		b.faults.set(test.answer)
		failed := failuresOf(t, b.Put(t.Context(), parts))
		for i := range parts {
			if f, ok := failed[i]; !ok || f.Outcome != test.want || test.is != nil && !errors.Is(f.Err, test.is) {
				t.Errorf("%s: part %d: got %v %v, want %v of %v", test.name, i, f.Outcome, f.Err, test.want, test.is)
			}
		}
		if calls := len(strings.Fields(b.faults.actions())); calls != test.calls {
			t.Errorf("%s: got the calls %s, want %d", test.name, b.faults.actions(), test.calls)
		}
	}
	if got := b.count(t, nil); got != 0 {
		t.Errorf("got %d items in the table, want none", got)
	}
	b.faults.set(nil)
	b.put(t, parts...)
}

// TestPutStopsEarly checks that a lack of network or table is met once and not
// once a part, and that a throttled header does not hold up the others.
func TestPutStopsEarly(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	var parts []story.Part
	for _, suffix := range []string{"a", "b", "c"} {
		h := headerOf(user42, idAt(at(10, 0), suffix))
		h.State = story.Open
		parts = append(parts, headPart(h, ""))
	}
	parts = append(parts, texts(idAt(at(10, 0), "d"), 30)...)
	for _, test := range []struct {
		code string
		want string
	}{
		{"AccessDeniedException", "PutItem"},
		{"ThrottlingException", "PutItem PutItem PutItem BatchWriteItem BatchWriteItem"},
	} {
		b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return apiError(req, 400, test.code, "as told"), nil
		})
		failed := failuresOf(t, b.Put(t.Context(), parts))
		if len(failed) != len(parts) {
			t.Errorf("%s: got %d failures, want all %d", test.code, len(failed), len(parts))
		}
		if got := b.faults.actions(); got != test.want {
			t.Errorf("%s: got the calls %s, want %s", test.code, got, test.want)
		}
	}
}

// TestPutIsolates puts parts that DynamoDB itself rejects among good ones.
func TestPutIsolates(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	parts := texts(idAt(at(10, 0), "a"), 40)
	const poison = "POISON"
	bad := map[int]bool{3: true, 4: true, 31: true}
	for i := range bad {
		parts[i].Text = poison
	}
	b.faults.set(func(_ string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(body), poison) {
			return apiError(req, 400, "ValidationException", "One or more parameter values were invalid: poison"), nil
		}
		clone := req.Clone(req.Context())
		clone.Body = io.NopCloser(strings.NewReader(string(body)))
		return next.RoundTrip(clone)
	})
	failed := failuresOf(t, b.Put(t.Context(), parts))
	for i := range parts {
		f, got := failed[i]
		if got != bad[i] || got && f.Outcome != story.Reject {
			t.Errorf("part %d: got failed %v (%v), want %v", i, got, f, bad[i])
		}
	}
	if got, want := b.count(t, nil), len(parts)-len(bad); got != want {
		t.Errorf("got %d items, want %d", got, want)
	}
}

// TestPutRejects hands in what can't be an item, with one part that can.
func TestPutRejects(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	good := idAt(at(10, 0), "a")
	h := headerOf(user42, good)
	for _, test := range []struct {
		part   story.Part
		reason string
	}{
		{textPart(user42, "", 1, "x"), "no id"},
		{textPart(user42, "\xff", 1, "x"), "an id of invalid UTF-8 would become another"},
		{textPart(user42, "part#x", 1, "x"), "an id that looks like a part"},
		{textPart(user42, strings.Repeat("x", 1020), 1, "x"), "an id too long for a sort key"},
		{textPart(user42, good, 0, "x"), "part 0 without a header"},
		{textPart(user42, good, -1, "x"), "a negative number"},
		{story.Part{Key: user42, ID: good, Number: 1, Header: &h}, "a header in another part"},
	} {
		failed := failuresOf(t, b.Put(t.Context(), []story.Part{test.part, textPart(user42, good, 7, "x")}))
		if len(failed) != 1 || failed[0].Outcome != story.Reject {
			t.Errorf("%s: got %v, want it rejected and the other stored", test.reason, failed)
		}
	}
}

// TestPutWire puts text that JSON makes six times as long: no call may pass 16 MB.
func TestPutWire(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{PlainText: true})
	id := idAt(at(10, 0), "a")
	var parts []story.Part
	for i := range 26 {
		parts = append(parts, textPart(user42, id, i+1, strings.Repeat("\x01", 200<<10)))
	}
	var largest int64
	b.faults.set(func(_ string, req *http.Request, next http.RoundTripper) (*http.Response, error) {
		largest = max(largest, req.ContentLength)
		return next.RoundTrip(req)
	})
	b.put(t, parts...)
	if largest > 16<<20 || largest < 6*200<<10 {
		t.Errorf("the largest call had %d bytes, want at most 16 MB", largest)
	}
	b.faults.set(nil)
	b.put(t, texts(id, 25)...)
	if got := b.faults.actions(); got != "BatchWriteItem" {
		t.Errorf("25 small parts: got the calls %s, want one", got)
	}
}

func TestPutCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Put(ctx, texts(idAt(at(10, 0), "a"), 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("before the call: got %v, want an error that wraps context.Canceled", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	b.faults.set(func(_ string, req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		cancel()
		<-req.Context().Done() // a black hole
		return nil, req.Context().Err()
	})
	err := b.Put(ctx, texts(idAt(at(10, 0), "a"), 30))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("in a call: got %v, want an error that wraps context.Canceled", err)
	}
	failed := failuresOf(t, err)
	if len(failed) != 30 || failed[29].Outcome != story.Retry {
		t.Errorf("in a call: got %d failures, want 30 to be tried again", len(failed))
	}
	if got := b.faults.actions(); got != "BatchWriteItem" {
		t.Errorf("in a call: got the calls %s, want none after it", got)
	}
}

// TestPutWrongTable puts into tables with other keys. DynamoDB has no code for
// this: the parts must wait, not be thrown away.
func TestPutWrongTable(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{})
	for _, test := range []struct {
		reason, partition, sort  string
		partitionType, indexType types.ScalarAttributeType
	}{
		{"partition key of another name", "pk", "story", "S", "S"},
		{"sort key of another name", "object", "sk", "S", "S"},
		{"partition key of another type", "object", "story", "N", "S"},
		{"index key of another type", "object", "story", "S", "N"},
	} {
		name := b.name + "-" + strings.ReplaceAll(test.reason, " ", "-")
		def := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
			return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
		}
		_, err := b.client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{def(test.partition, test.partitionType), def(test.sort, "S"), def("recent", test.indexType)},
			KeySchema:            []types.KeySchemaElement{{AttributeName: &test.partition, KeyType: "HASH"}, {AttributeName: &test.sort, KeyType: "RANGE"}},
			GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
				IndexName:  aws.String("recent"),
				KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("recent"), KeyType: "HASH"}},
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(t, b.client, dynamo.Config{Name: name})
		open := headerOf(user42, idAt(at(10, 0), "a"))
		open.State = story.Open
		sealed := headerOf(user42, idAt(at(10, 0), "b"))
		failed := failuresOf(t, s.Put(t.Context(), []story.Part{headPart(sealed, ""), headPart(open, "")}))
		for i := range 2 {
			if failed[i].Outcome != story.Wait || !errors.Is(failed[i].Err, dynamo.ErrWrongTable) {
				t.Errorf("%s: part %d: got %v %v, want to wait for ErrWrongTable", test.reason, i, failed[i].Outcome, failed[i].Err)
			}
		}
	}
}

// TestConsumed compares the count with the sizes that were written: the index is
// charged too.
func TestConsumed(t *testing.T) {
	t.Parallel()
	b := newBench(t, dynamo.Config{PlainText: true})
	id := idAt(at(10, 0), "a")
	b.put(t, headPart(headerOf(user42, id), ""), textPart(user42, id, 1, strings.Repeat("x", 2000)))
	if writes, reads := b.Consumed(); writes != 1+1+3 || reads != 0 {
		t.Errorf("got %v write and %v read units, want 1 for the header, 1 for its index row, 3 for the part", writes, reads)
	}
	if _, err := b.Read(t.Context(), user42, id); err != nil {
		t.Fatal(err)
	}
	if _, reads := b.Consumed(); reads != 2 {
		t.Errorf("got %v read units, want 1 for the header and 1 for the part", reads)
	}
}

// TestRetryers checks that writes are tried once, and reads as the client does.
func TestRetryers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	f := &faults{next: &http.Transport{}}
	defer f.CloseIdleConnections()
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: &http.Client{Transport: f},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
		RetryMaxAttempts: 2,
	})
	s := newStore(t, client, dynamo.Config{Name: "t"})
	if err := s.Put(t.Context(), texts("a", 1)); err == nil {
		t.Error("Put: got no error")
	}
	if got := f.actions(); got != "BatchWriteItem" {
		t.Errorf("Put: got the calls %s, want one", got)
	}
	f.set(nil)
	if _, err := s.Read(t.Context(), user42, "a"); err == nil {
		t.Error("Read: got no error")
	}
	if got := f.actions(); got != "GetItem GetItem" {
		t.Errorf("Read: got the calls %s, want the two that the client's options say", got)
	}
}

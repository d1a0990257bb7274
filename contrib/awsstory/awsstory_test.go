package awsstory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/awsstory"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// A job is a story of calls to a server of DynamoDB.
type job struct {
	*dynamodb.Client
	t     testing.TB
	cfg   aws.Config
	h     *dynamoslog.Handler
	store *story.Memory
	ctx   context.Context
	scope *dynamoslog.Scope
}

func begin(t testing.TB, endpoint string, with dynamoslog.Options, opts awsstory.Options) *job {
	j := &job{t: t, store: story.NewMemory()}
	with.Level = slog.LevelDebug
	if with.ReplaceAttr == nil {
		with.ReplaceAttr = withoutTimes
	}
	j.h = dynamoslog.New(j.store, &with)
	t.Cleanup(func() {
		if err := j.h.Close(); err != nil {
			t.Error(err)
		}
	})
	opts.Logger = slog.New(j.h)
	j.cfg = config(endpoint)
	awsstory.Add(&j.cfg, &opts)
	j.Client = dynamodb.NewFromConfig(j.cfg)
	j.ctx, j.scope = dynamoslog.Begin(t.Context(), "job", "nightly")
	return j
}

func config(endpoint string) aws.Config {
	return aws.Config{
		BaseEndpoint: &endpoint, Region: dynamotest.Region,
		Credentials: credentials.NewStaticCredentialsProvider(dynamotest.AccessKey, dynamotest.Secret, ""),
	}
}

// withoutTimes leaves out what differs from run to run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	if a.Key == "request_id" && a.Value.String() != "REQ-1" { // the emulator's
		return slog.String("request_id", "…")
	}
	return a
}

func (j *job) told() string {
	j.t.Helper()
	j.scope.End()
	if err := j.h.Flush(context.Background()); err != nil {
		j.t.Fatal(err)
	}
	s, err := j.store.Read(context.Background(), story.NewKey("job", "nightly"), "")
	if err != nil {
		j.t.Fatal(err)
	}
	for i := range s.Lines {
		s.Lines[i].Offset = 0
	}
	return strings.ReplaceAll(story.Format(s.Lines), "+0.000 ", "")
}

func (j *job) check(want string) {
	j.t.Helper()
	if got := j.told(); got != strings.TrimPrefix(want, "\n") {
		j.t.Errorf("got\n%swant%s", got, want)
	}
}

func key(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: id}}
}

//go:noinline
func (j *job) put(id string) error {
	slog.New(j.h).InfoContext(j.ctx, "Putting")
	_, err := j.PutItem(j.ctx, &dynamodb.PutItemInput{
		TableName: aws.String("shop"), Item: key(id), ConditionExpression: aws.String("attribute_not_exists(id)"),
	})
	return err
}

// Calls to Amazon's emulator.
func TestEmulator(t *testing.T) {
	j := begin(t, dynamotest.Endpoint(t), dynamoslog.Options{Indent: dynamoslog.ByCaller}, awsstory.Options{})
	j.cfg.Credentials = credentials.NewStaticCredentialsProvider("awsstory", "awsstory", "") // tables of its own
	j.Client = dynamodb.NewFromConfig(j.cfg)
	if _, err := j.CreateTable(j.ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("shop"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.put("1"); err != nil {
		t.Error(err)
	}
	if err := j.put("1"); err == nil {
		t.Error("no error")
	}
	if _, err := j.DeleteItem(j.ctx, &dynamodb.DeleteItemInput{TableName: aws.String("none"), Key: key("1")}); err == nil {
		t.Error("no error")
	}
	j.check(`
D DynamoDB CreateTable	status=200 request_id=…
I   Putting
D   DynamoDB PutItem	status=200 request_id=…
I   Putting
I   DynamoDB PutItem	status=400 request_id=… error="ConditionalCheckFailedException: The conditional request failed"
W DynamoDB DeleteItem	status=400 request_id=… error="ResourceNotFoundException: Cannot do operations on a non-existent table"
`)
}

// serve answers calls by numbers from 1 on.
func serve(t testing.TB, answer func(call int, w http.ResponseWriter, r *http.Request)) (endpoint string) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that a client that leaves is seen
		w.Header().Set("x-amzn-RequestId", "REQ-1")
		answer(int(calls.Add(1)), w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type": "com.amazonaws.dynamodb.v20120810#%s", "message": "as told"}`, code)
}

// What was tried again is one line, which says how often.
func TestRetries(t *testing.T) {
	endpoint := serve(t, func(call int, w http.ResponseWriter, _ *http.Request) {
		switch {
		case call <= 2:
			fail(w, 400, "ThrottlingException")
		case call == 3:
			fmt.Fprint(w, "{}")
		default:
			fail(w, 500, "InternalServerError")
		}
	})
	j := begin(t, endpoint, dynamoslog.Options{}, awsstory.Options{})
	if err := j.put("1"); err != nil {
		t.Error(err)
	}
	if err := j.put("2"); err == nil {
		t.Error("no error")
	}
	j.check(`
I Putting
D DynamoDB PutItem	status=200 retries=2 request_id=REQ-1
I Putting
W DynamoDB PutItem	status=500 retries=2 request_id=REQ-1 error="InternalServerError: as told"
`)
}

// Where there was no answer, the line says why.
func TestWithoutAnAnswer(t *testing.T) {
	entered := make(chan context.CancelFunc, 1)
	endpoint := serve(t, func(call int, w http.ResponseWriter, r *http.Request) {
		if call == 1 {
			(<-entered)()
			<-r.Context().Done()
			return
		}
		panic(http.ErrAbortHandler)
	})
	j := begin(t, endpoint, dynamoslog.Options{}, awsstory.Options{})
	whole := j.ctx
	var cancel context.CancelFunc
	j.ctx, cancel = context.WithCancel(whole)
	entered <- cancel
	if err := j.put("1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	j.ctx = whole
	if err := j.put("2"); err == nil {
		t.Error("no error")
	}
	lines := strings.Split(j.told(), "\n")
	if want := "I DynamoDB PutItem\terror="; !strings.HasPrefix(lines[1], want) || !strings.Contains(lines[1], "canceled") {
		t.Errorf("cancelled: %q", lines[1])
	}
	if want := "W DynamoDB PutItem\tretries=2 error="; !strings.HasPrefix(lines[3], want) || !strings.Contains(lines[3], "EOF") {
		t.Errorf("aborted: %q", lines[3])
	}
}

func TestOptions(t *testing.T) {
	endpoint := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "DeleteItem") {
			fail(w, 400, "ValidationException")
			return
		}
		fmt.Fprint(w, "{}")
	})
	j := begin(t, endpoint, dynamoslog.Options{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if source, ok := a.Value.Any().(*slog.Source); ok {
			_, function, _ := strings.Cut(source.Function, "_test.")
			return slog.String("source", filepath.Base(source.File)+" "+function)
		}
		return withoutTimes(groups, a)
	}}, awsstory.Options{
		Skip: func(_ context.Context, service, operation string) bool {
			return service == "DynamoDB" && operation == "GetItem"
		},
		Level: func(err error) slog.Level {
			var api smithy.APIError
			if errors.As(err, &api) && api.ErrorCode() == "ValidationException" {
				return slog.LevelError
			}
			return slog.LevelInfo
		},
	})
	_, _ = j.GetItem(j.ctx, &dynamodb.GetItemInput{TableName: aws.String("shop"), Key: key("1")})
	_, _ = j.DeleteItem(j.ctx, &dynamodb.DeleteItemInput{TableName: aws.String("shop"), Key: key("1")})
	_, _ = dynamodb.NewQueryPaginator(j.Client, &dynamodb.QueryInput{TableName: aws.String("shop")}).NextPage(j.ctx)
	j.check(`
E DynamoDB DeleteItem	source="awsstory_test.go TestOptions" status=400 request_id=REQ-1 error="api error ValidationException: as told"
D DynamoDB Query	source="awsstory_test.go TestOptions" status=200 request_id=REQ-1
`)
}

// A table whose client was made of the configuration tells nothing of its own calls, which
// would never end.
func TestTable(t *testing.T) {
	var stored atomic.Int32
	endpoint := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		stored.Add(1)
		fmt.Fprint(w, `{"UnprocessedItems": {}}`)
	})
	var fallback strings.Builder
	j := begin(t, endpoint, dynamoslog.Options{Fallback: &fallback}, awsstory.Options{})
	h := dynamoslog.New(&dynamoslog.Table{Name: "app-logs", Client: j.Client}, nil)
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	slog.New(h).InfoContext(ctx, "Hello")
	scope.End()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if stored.Load() == 0 {
		t.Error("nothing was stored")
	}
	if err := j.h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	for header, err := range story.All(t.Context(), j.store, story.Query{}) {
		t.Errorf("a story of %s, %v", header.Key, err)
	}
	if fallback.Len() > 0 {
		t.Errorf("in the fallback: %s", fallback.String())
	}
}

// A calm story is the same with the calls as without, when they are below QuietLevel.
func TestQuietLevel(t *testing.T) {
	endpoint := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	j := begin(t, endpoint, dynamoslog.Options{QuietLevel: slog.LevelInfo}, awsstory.Options{})
	if err := j.put("1"); err != nil {
		t.Error(err)
	}
	j.check("\nI Putting\n")
}

// A request that is only signed is no call.
func TestPresigned(t *testing.T) {
	j := begin(t, "http://localhost:1", dynamoslog.Options{}, awsstory.Options{})
	slog.New(j.h).InfoContext(j.ctx, "Signing")
	if _, err := sts.NewPresignClient(sts.NewFromConfig(j.cfg)).PresignGetCallerIdentity(j.ctx, nil); err != nil {
		t.Error(err)
	}
	j.check("\nI Signing\n")
}

// A call by HTTP on the loopback that is answered at once: without the middleware, and with it
// where lines are left out of calm stories, and kept.
func BenchmarkCall(b *testing.B) {
	endpoint := serve(b, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	for _, c := range []struct {
		name  string
		with  dynamoslog.Options
		plain bool
	}{
		{name: "without", plain: true},
		{name: "QuietLevel", with: dynamoslog.Options{QuietLevel: slog.LevelInfo}},
		{name: "kept"},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.with.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr { return a }
			j := begin(b, endpoint, c.with, awsstory.Options{})
			client := j.Client
			if c.plain {
				client = dynamodb.NewFromConfig(config(endpoint))
			}
			b.ReportAllocs()
			for b.Loop() {
				ctx, scope := dynamoslog.Begin(context.Background(), "job", "nightly")
				slog.New(j.h).InfoContext(ctx, "Looking for the item")
				if _, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("shop"), Key: key("1")}); err != nil {
					b.Fatal(err)
				}
				scope.End()
			}
			j.scope.End()
		})
	}
}

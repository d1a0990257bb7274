package dynamo_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type item = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

var user42 = story.NewKey("user", "42")

// A bench is a table on the emulator, a store on it, and the raw client.
type bench struct {
	*dynamo.Store
	client *dynamodb.Client
	name   string
	faults *faults
}

// newBench creates a table. Its store's calls go through faults.
func newBench(t *testing.T, config dynamo.Config) *bench {
	t.Helper()
	b := &bench{client: dynamotest.Start(t), name: dynamotest.TableName(t)}
	b.faults = &faults{next: http.DefaultTransport.(*http.Transport).Clone()}
	config.Name = b.name
	if config.TTL == 0 {
		config.TTL = 30 * 24 * time.Hour
	}
	b.Store = newStore(t, dynamotest.NewClient(t, b.faults), config)
	if err := b.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func newStore(t *testing.T, client *dynamodb.Client, config dynamo.Config) *dynamo.Store {
	t.Helper()
	s, err := dynamo.New(client, config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put stores parts, and fails the test if it cannot.
func (b *bench) put(t *testing.T, parts ...story.Part) {
	t.Helper()
	if err := b.Put(t.Context(), parts); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// putRaw stores an item as a foreign program would.
func (b *bench) putRaw(t *testing.T, it item) {
	t.Helper()
	_, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.name, Item: it})
	if err != nil {
		t.Fatal(err)
	}
}

// get returns an item as it is in the table, nil if there is none.
func (b *bench) get(t *testing.T, object, sortKey string) item {
	t.Helper()
	out, err := b.client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &b.name, Key: item{"object": str(object), "story": str(sortKey)}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// count returns how many items the table, or its index, has.
func (b *bench) count(t *testing.T, index *string) int {
	t.Helper()
	out, err := b.client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.name, IndexName: index})
	if err != nil {
		t.Fatal(err)
	}
	return int(out.Count)
}

// faults is a RoundTripper between a store and the emulator.
type faults struct {
	next http.RoundTripper
	mu   sync.Mutex
	f    func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error)
	seen []string // actions, as PutItem
}

// set makes f answer from now on, and forgets what was seen.
func (f *faults) set(answer func(action string, req *http.Request, next http.RoundTripper) (*http.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f, f.seen = answer, nil
}

func (f *faults) actions() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.seen, " ")
}

func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	_, action, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.seen = append(f.seen, action)
	answer := f.f
	f.mu.Unlock()
	if answer == nil {
		return f.next.RoundTrip(req)
	}
	return answer(action, req, f.next)
}

func (f *faults) CloseIdleConnections() { f.next.(*http.Transport).CloseIdleConnections() }

// reply makes an answer, with no checksum, as a proxy would.
func reply(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(bytes.NewReader([]byte(body))),
		ContentLength: int64(len(body)),
	}
}

func apiError(req *http.Request, status int, code, message string) *http.Response {
	return reply(req, status, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"`+message+`"}`)
}

// at returns the time of day on a day of the near past, so that stories are not expired.
func at(day int, clock time.Duration) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, day-10).Add(clock)
}

// idAt returns an id that starts then.
func idAt(start time.Time, suffix string) string { return story.IDPrefix(start) + "-" + suffix }

// headerOf returns a final header with all of its facts.
func headerOf(key story.Key, id string) story.Header {
	start, _ := story.IDTime(id)
	return story.Header{
		Key: key, ID: id, Start: start, Updated: start.Add(1500 * time.Millisecond).Truncate(time.Millisecond),
		Duration: 1500 * time.Millisecond, State: story.Sealed, MaxLevel: slog.LevelWarn,
		LineCount: 1, Title: "POST /order", Attrs: map[string]string{"host": "a1"},
	}
}

func headPart(h story.Header, text string) story.Part {
	return story.Part{Key: h.Key, ID: h.ID, Header: &h, Text: text}
}

func textPart(key story.Key, id string, number int, text string) story.Part {
	return story.Part{Key: key, ID: id, Number: number, Text: text}
}

// failuresOf returns what a Put left unstored, by index.
func failuresOf(t *testing.T, err error) map[int]story.PutFailure {
	t.Helper()
	if err == nil {
		return nil
	}
	var failed *story.PutError
	if !errors.As(err, &failed) {
		t.Fatalf("Put: got the error %v, want a *story.PutError", err)
	}
	if err := storetest.CheckPutError(math.MaxInt, err); err != nil {
		t.Error(err)
	}
	all := make(map[int]story.PutFailure)
	for _, f := range failed.Failures {
		all[f.Index] = f
	}
	return all
}

func titles(page story.Page) string {
	var all []string
	for _, h := range page.Headers {
		all = append(all, h.Title)
	}
	return strings.Join(all, ",")
}

// Package handlertest is what the tests of the handler share, at the module's root and in
// internal/acceptance.
package handlertest

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// Main runs a package's tests, and fails if they leave goroutines behind, but for the SDK's
// own: idle connections, and looking for credentials.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/aws/aws-sdk-go-v2/feature/ec2/imds.(*getIdentityMiddleware).HandleFinalize"),
		goleak.IgnoreAnyFunction("net/http.(*Transport).dialConnFor"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// Open returns a handler on a store in memory that is closed with the test. Its level is
// Debug where opts has none.
func Open(t *testing.T, opts dynamoslog.Options) (*dynamoslog.Handler, *story.Memory) {
	t.Helper()
	store := story.NewMemory()
	if opts.Level == nil {
		opts.Level = slog.LevelDebug
	}
	h := dynamoslog.New(store, &opts)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return h, store
}

// Read flushes the handler and returns a story of the store; the key's latest if id is "".
func Read(t *testing.T, h *dynamoslog.Handler, store story.Store, key, id string) story.Story {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	k, err := story.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), k, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// State returns the state of a story of the store, or "" where it is not there; of the
// key's latest if id is "".
func State(t *testing.T, store story.Store, key, id string) story.State {
	t.Helper()
	k, err := story.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), k, id)
	if errors.Is(err, story.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.State
}

// NoTime is a ReplaceAttr that makes every line stand at +0.000.
func NoTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// NewTable creates a table on DynamoDB's emulator.
func NewTable(t *testing.T, table *dynamoslog.Table) *dynamoslog.Table {
	t.Helper()
	table.Name = dynamotest.TableName(t)
	table.Client = dynamotest.Start(t)
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return table
}

// HeaderPart returns a header with some text, started just now.
func HeaderPart(key story.Key) story.Part {
	start := time.Now().UTC().Truncate(time.Microsecond)
	h := story.Header{Key: key, ID: story.NewID(start), Start: start, Updated: start.Truncate(time.Millisecond), State: story.Sealed, LineCount: 1, Title: "hello"}
	return story.Part{Key: key, ID: h.ID, Header: &h, Text: "+0.000 I hello\n"}
}

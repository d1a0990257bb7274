package dynamoslog_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

// TestTableFromEnvironment uses a table of nothing but a name, as most programs do.
func TestTableFromEnvironment(t *testing.T) {
	dynamotest.Setenv(t)
	name := dynamotest.TableName(t)
	table := &dynamoslog.Table{Name: name}
	if w, r := table.Consumed(); w != 0 || r != 0 {
		t.Errorf("Consumed before the first call: got %v, %v", w, r)
	}
	if err := table.Check(t.Context()); !errors.Is(err, dynamoslog.ErrNoTable) {
		t.Errorf("Check: got %v, want ErrNoTable", err)
	}
	if err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := table.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	part := handlertest.HeaderPart(story.NewKey("user", "42"))
	if err := table.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	got, err := table.Read(t.Context(), part.Key, "")
	if err != nil || len(got.Lines) != 1 || got.Lines[0].Message != "hello" {
		t.Errorf("Read: got %v, %v", got, err)
	}
	page, err := table.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].ID != part.ID {
		t.Errorf("List: got %v, %v", page, err)
	}
	if w, r := table.Consumed(); w < 2 || r <= 0 {
		t.Errorf("Consumed: got %v, %v, want two write units and some of reading", w, r)
	}
	if err := table.Delete(t.Context(), part.Key, ""); err != nil {
		t.Errorf("Delete: %v", err)
	}

	// Thirty days by default.
	if err := table.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	out, err := dynamotest.Start(t).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &name, Key: map[string]types.AttributeValue{
		"object": &types.AttributeValueMemberS{Value: "user_42"}, "story": &types.AttributeValueMemberS{Value: part.ID}}})
	if err != nil {
		t.Fatal(err)
	}
	want := strconv.FormatInt(part.Header.Start.Add(31*24*time.Hour).Unix(), 10)
	if got, ok := out.Item["expires_at"].(*types.AttributeValueMemberN); !ok || got.Value != want {
		t.Errorf("expires_at: got %v, want %s", out.Item["expires_at"], want)
	}
}

// TestTableConfig uses tables that cannot work, and mends one of them: a
// configuration that failed to load is loaded again.
func TestTableConfig(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	key := story.NewKey("user", "42")
	parts := []story.Part{handlertest.HeaderPart(key), handlertest.HeaderPart(key)}
	check := func(table *dynamoslog.Table, want string) {
		t.Helper()
		_, readErr := table.Read(t.Context(), key, "")
		_, listErr := table.List(t.Context(), story.Query{})
		for _, err := range []error{readErr, listErr, table.Delete(t.Context(), key, ""), table.Create(t.Context()), table.Check(t.Context())} {
			if !errors.Is(err, dynamoslog.ErrTableConfig) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want ErrTableConfig that names %s", err, want)
			}
		}
		var failed *story.PutError
		if err := table.Put(t.Context(), parts); !errors.As(err, &failed) || len(failed.Failures) != 2 {
			t.Fatalf("Put: got %v, want a failure for each part", err)
		}
		for i, f := range failed.Failures {
			if f.Index != i || f.Outcome != story.Wait || !errors.Is(f.Err, dynamoslog.ErrTableConfig) {
				t.Errorf("Put: got %v, want part %d to wait", f, i)
			}
		}
		if err := table.Put(t.Context(), nil); err != nil {
			t.Errorf("Put of nothing: %v", err)
		}
	}
	check(&dynamoslog.Table{Client: dynamodb.New(dynamodb.Options{Region: "us-east-1"})}, "Table.Name")
	table := &dynamoslog.Table{Name: "app-logs"}
	check(table, "AWS_REGION")
	t.Setenv("AWS_PROFILE", "of-nobody")
	check(table, "of-nobody")

	dynamotest.Setenv(t)
	if _, err := table.Read(t.Context(), key, ""); !errors.Is(err, dynamoslog.ErrNoTable) {
		t.Errorf("Read with a configuration that loads: got %v, want ErrNoTable", err)
	}
}

// TestTableWithoutCredentials meets an instance metadata service that does not
// answer: the context bounds the wait.
func TestTableWithoutCredentials(t *testing.T) {
	blackHole := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-blackHole:
		case <-req.Context().Done():
		}
	}))
	defer server.Close()
	defer close(blackHole)
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.URL, "AWS_ENDPOINT_URL_DYNAMODB": server.URL,
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	table := &dynamoslog.Table{Name: "app-logs"}
	if err := table.Put(ctx, []story.Part{handlertest.HeaderPart(story.NewKey("user", "42"))}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put: got %v, want an error that wraps the context's", err)
	}
	if _, err := table.Read(ctx, story.NewKey("user", "42"), ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Read: got %v, want an error that wraps the context's", err)
	}
}

// TestTableFirstCalls makes many first calls at once.
func TestTableFirstCalls(t *testing.T) {
	dynamotest.Setenv(t)
	named := handlertest.NewTable(t, &dynamoslog.Table{})
	table := &dynamoslog.Table{Name: named.Name}
	const calls = 8
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if err := table.Put(t.Context(), []story.Part{handlertest.HeaderPart(story.NewKey("user", "42"))}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	out, err := named.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &named.Name, ConsistentRead: aws.Bool(true)})
	if err != nil || out.Count != calls {
		t.Errorf("got %d items, %v, want %d", out.Count, err, calls)
	}
	if w, _ := table.Consumed(); w != 2*calls {
		t.Errorf("Consumed: got %v write units, want %d: one store for all calls", w, 2*calls)
	}
}

func TestTableKeepsContract(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		table *dynamoslog.Table
	}{
		{"default", &dynamoslog.Table{}},
		{"four shards, plain text, without end", &dynamoslog.Table{Shards: 4, PlainText: true, TTL: -1, OnDemand: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			table := handlertest.NewTable(t, test.table)
			storetest.Run(t, func(*testing.T) story.Store { return table })
		})
	}
}

// What the SDK has to say of how it gets on does not come out on standard error, through
// the client that a Table makes by itself.
func TestTableIsQuiet(t *testing.T) {
	for _, variable := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(variable, "")
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut { // as an old service, for which the SDK falls back
			w.WriteHeader(http.StatusForbidden)
			return
		}
		switch r.URL.Path {
		case "/latest/meta-data/iam/security-credentials/":
			_, _ = io.WriteString(w, "role")
		case "/latest/meta-data/iam/security-credentials/role":
			_, _ = io.WriteString(w, `{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2126-01-01T00:00:00Z"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, `{"Count":0,"Items":[],"ScannedCount":0}`)
	}))
	defer service.Close()
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", service.URL)

	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	before := os.Stderr
	os.Stderr = said
	page, err := (&dynamoslog.Table{Name: "quiet"}).List(t.Context(), story.Query{})
	os.Stderr = before
	if err != nil || len(page.Headers) != 0 {
		t.Errorf("got %+v, %v", page, err)
	}
	text, err := os.ReadFile(said.Name())
	if err != nil || len(text) > 0 {
		t.Errorf("standard error got %q, %v", text, err)
	}
}

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/viewer"
)

// A guard lets through what a printed policy allows, as IAM does, and remembers what was
// asked for.
type guard struct {
	mu      sync.Mutex
	allowed map[string]bool // action and resource
	used    map[string]bool
	denied  []string
}

// newGuard reads the policy that is printed for a role.
func newGuard(t *testing.T, table, role string) *guard {
	t.Helper()
	out, _ := run(t, 0, "table", "print", "--format", "iam", "--role", role, "--table", table, "--account", "000000000000")
	var policy struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   []string
			Resource string
		}
	}
	if err := json.Unmarshal([]byte(out), &policy); err != nil || policy.Version != "2012-10-17" {
		t.Fatalf("%v: %s", err, out)
	}
	g := &guard{allowed: make(map[string]bool), used: make(map[string]bool)}
	for _, statement := range policy.Statement {
		for _, action := range statement.Action {
			if statement.Effect == "Allow" {
				g.allowed[action+" on "+statement.Resource] = true
			}
		}
	}
	return g
}

// fault denies a call that the policy does not allow, as DynamoDB does.
func (g *guard) fault(w http.ResponseWriter, c *dynamotest.Call) bool {
	var in struct {
		TableName, IndexName string
		RequestItems         map[string]json.RawMessage
	}
	_ = json.Unmarshal(c.Body, &in) // what cannot be read is denied
	for table := range in.RequestItems {
		in.TableName = table
	}
	need := fmt.Sprintf("dynamodb:%s on arn:aws:dynamodb:%s:000000000000:table/%s", c.Action, dynamotest.Region, in.TableName)
	if in.IndexName != "" {
		need += "/index/" + in.IndexName
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used[need] = true
	if !g.allowed[need] {
		g.denied = append(g.denied, need)
		return dynamotest.NoAccess(w, c)
	}
	return false
}

// check says whether the policy allows what was used, and nothing else.
func (g *guard) check(t *testing.T, role string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.denied) > 0 {
		t.Errorf("the policy of a %s does not allow %q", role, g.denied)
	}
	for action := range g.allowed {
		if !g.used[action] {
			t.Errorf("the policy of a %s allows %s, which is not used", role, action)
		}
	}
}

// guarded lets the environment lead to a table whose calls are guarded by the policy of a
// role.
func guarded(t *testing.T, table, role string) (*dynamotest.Proxy, *guard) {
	t.Helper()
	proxy := dynamotest.NewProxy(t)
	for _, variable := range proxy.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	g := newGuard(t, table, role)
	proxy.Set(g.fault)
	return proxy, g
}

// TestPolicies does with each role all that the role is for.
func TestPolicies(t *testing.T) {
	table := "--table=" + dynamotest.TableName(t)
	name := strings.TrimPrefix(table, "--table=")

	t.Run("admin", func(t *testing.T) {
		_, g := guarded(t, name, "admin")
		run(t, 0, "table", "create", table)
		run(t, 0, "table", "check", table)
		store := &dynamoslog.Table{Name: name, Client: dynamotest.Start(t)} // which nobody guards
		for _, named := range []func(story.Part) []string{
			func(p story.Part) []string { return []string{p.Key.String()} },
			func(p story.Part) []string { return []string{p.Key.String(), p.ID} },
			func(p story.Part) []string { return []string{p.ID} },
		} {
			part := handlertest.HeaderPart(story.NewKey("user", "42"))
			if err := store.Put(t.Context(), []story.Part{part}); err != nil {
				t.Fatal(err)
			}
			run(t, 0, slices.Concat([]string{"rm", table}, named(part))...)
		}
		g.check(t, "admin")
	})
	t.Run("writer", func(t *testing.T) {
		proxy, g := guarded(t, name, "writer")
		writeAll(t, proxy, g, name)
		g.check(t, "writer")
	})
	t.Run("reader", func(t *testing.T) {
		_, g := guarded(t, name, "reader")
		page, err := (&dynamoslog.Table{Name: name, Client: dynamotest.Start(t)}).List(t.Context(), story.Query{})
		if err != nil || len(page.Headers) == 0 {
			t.Fatal(page, err)
		}
		key, id := page.Headers[0].Key.String(), page.Headers[0].ID
		for _, args := range [][]string{
			nil, {"ls"}, {"ls", key}, {"show", key}, {"show", id}, {"show", key, id}, {"errors"}, {"slow"}, {"grep", "line"},
			{"export"}, {"cost"}, {"tail", "--once"}, {"__complete", "show", ""}, {"__complete", "show", key, ""},
		} {
			run(t, 0, append(args, table)...)
		}
		pages := viewer.New(&dynamoslog.Table{Name: name}, nil)
		for _, page := range []string{"/", "/?level=warn", "/?key=" + key, "/story?key=" + key, "/story?id=" + id} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost"+page, nil)
			r.RemoteAddr = "127.0.0.1:1"
			if pages.ServeHTTP(w, r); w.Code >= http.StatusBadRequest {
				t.Errorf("%s: %d", page, w.Code)
			}
		}
		g.check(t, "reader")
	})
}

// writeAll writes stories in all the ways that there are: in one part and in several, with
// aliases, with a line that comes late and raises the level, where DynamoDB's answers say
// nothing, and what the journal of a process that is gone holds in part.
func writeAll(t *testing.T, proxy *dynamotest.Proxy, g *guard, name string) {
	t.Helper()
	opts := &dynamoslog.Options{
		MaxStory: 4 << 10, Journal: filepath.Join(t.TempDir(), "journal"), JournalLimit: 32 << 10,
		Fallback: io.Discard, OnError: func(err error) { t.Log(err) },
	}
	h := dynamoslog.New(&dynamoslog.Table{Name: name}, opts)
	logger := slog.New(h)
	flush := func() {
		t.Helper()
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 1)
	scope.Also("order", 93)
	for i := range 200 {
		logger.InfoContext(ctx, fmt.Sprintf("line %d", i), "of", strings.Repeat("x", 50))
	}
	flush()
	scope.End()
	flush()
	logger.ErrorContext(ctx, "late line")
	flush()
	proxy.Set(dynamotest.Any(dynamotest.First(3, dynamotest.Writes(dynamotest.EmptyObject)), g.fault))
	logger.Info("line of the process")
	flush()

	left, _ := dynamoslog.Begin(t.Context(), "user", 2)
	logger.InfoContext(left, "line 0")
	flush()
	for i := 1; h.Stats().Unprotected == 0; i++ { // until the journal has no room
		logger.InfoContext(left, fmt.Sprintf("line %d", i), "of", strings.Repeat("x", 50))
	}
	proxy.Refuse()
	after := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(after, os.DirFS(opts.Journal)); err != nil { // as a kill would leave it now
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Shutdown(gone); err == nil {
		t.Fatal("the process is to leave something to the next one")
	}
	proxy.Listen()
	opts.Journal = after
	next := dynamoslog.New(&dynamoslog.Table{Name: name}, opts)
	slog.New(next).Info("line of the next process")
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTablePrint prints what TestPrinted of tablecode has, by flags.
func TestTablePrint(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	t.Setenv("AWS_PROFILE", "")
	out, _ := run(t, 0, "table", "print", "--format", "iam", "--table", "app-logs", "--account", "123456789012", "--role", "reader")
	if !strings.Contains(out, `"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/app-logs/index/recent"`) {
		t.Errorf("got\n%s", out)
	}
	out, _ = run(t, 0, "table", "print", "--format", "terraform", "--table", "app-logs", "--on-demand", "--role", "writer")
	for _, want := range []string{`name         = "app-logs"`, `"PAY_PER_REQUEST"`, `"aws_iam_policy" "stories_writer"`} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %s in\n%s", want, out)
		}
	}
	for want, args := range map[string][]string{
		`--format is terraform, cloudformation, cdk or iam, not ""`: {"--table=app-logs"},
		`--role is writer, reader or admin, not "root"`:             {"--table=app-logs", "--format=cdk", "--role=root"},
		`--account is a number of 12 digits, not "1"`:               {"--table=app-logs", "--format=iam", "--account=1"},
		`--table is a name of 3 to 255 letters`:                     {"--table=a b", "--format=cdk"},
		"name the table with --table":                               {"--file=stories.db", "--format=cdk"},
	} {
		if _, errs := run(t, 2, append([]string{"table", "print"}, args...)...); !strings.Contains(errs, want) {
			t.Errorf("%v: got %s, want %s", args, errs, want)
		}
	}
	if out, _ := run(t, 0, "__complete", "table", "print", "--format", ""); !strings.HasPrefix(out, "terraform\ncloudformation\ncdk\niam\n") {
		t.Errorf("completion: %s", out)
	}
}

// TestTableErrors makes what can be wrong with a table: what is said of it speaks of flags
// and commands and not of Go, and names the table and its region.
func TestTableErrors(t *testing.T) {
	proxy := dynamotest.NewProxy(t)
	for _, variable := range proxy.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	missing, made := dynamotest.TableName(t), dynamotest.TableName(t)
	if out, _ := run(t, 0, "table", "create", "--table", made); out != "The table "+made+" in "+dynamotest.Region+" is ready.\n" {
		t.Errorf("create: %s", out)
	}
	if out, _ := run(t, 0, "table", "check", "--table", made); out != "The table "+made+" in "+dynamotest.Region+" is as it should be.\n" {
		t.Errorf("check: %s", out)
	}
	for _, test := range []struct {
		args  []string
		fault dynamotest.Fault
		want  string
	}{
		{[]string{"ls", "--table", missing}, nil, "create it with 'dynamoslog table create', or correct --table or the region"},
		{[]string{"table", "check", "--table", missing}, nil, "create it with 'dynamoslog table create', or correct --table or the region"},
		{[]string{"table", "create", "--table", made}, nil, "'dynamoslog table check' says whether it can be used"},
		{[]string{"table", "check", "--on-demand", "--table", made}, nil, "--on-demand is said: change it to on demand, or leave --on-demand out"},
		{[]string{"show", "user_42", "--table", made}, dynamotest.NoAccess, "see 'dynamoslog table print --format iam'"},
		{[]string{"ls", "--table", made}, dynamotest.Exception(400, "ValidationException", "The table does not have the specified index: recent"), "'dynamoslog table check' says what differs"},
		{[]string{"ls", "--table", made}, dynamotest.ExpiredToken, "no valid AWS credentials"},
	} {
		proxy.Set(test.fault)
		_, errs := run(t, 1, test.args...)
		if !strings.Contains(errs, test.want) || strings.Contains(errs, "Table.") || !strings.Contains(errs, " in "+dynamotest.Region) {
			t.Errorf("%v: got\n%s\nwant %q, and the region", test.args, errs, test.want)
		}
	}
	proxy.Set(nil)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for _, args := range [][]string{{"ls"}, {"table", "create"}, {"table", "check"}} {
		_, errs := run(t, 1, append(args, "--table", made)...)
		if !strings.Contains(errs, "no AWS region: set AWS_REGION") || strings.Contains(errs, "Table.") {
			t.Errorf("%v without a region: %s", args, errs)
		}
	}
}

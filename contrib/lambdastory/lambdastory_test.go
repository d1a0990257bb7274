//go:build unix

package lambdastory_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// An environment is a function on the fake of Lambda, with a table on DynamoDB Local.
type environment struct {
	*service
	table *dynamoslog.Table
	proxy *dynamotest.Proxy // between the function and its table
}

func newEnvironment(t testing.TB, function string, more ...string) *environment {
	t.Helper()
	e := &environment{table: &dynamoslog.Table{Name: dynamotest.TableName(t), Client: dynamotest.Start(t)}, proxy: dynamotest.NewProxy(t)}
	if err := e.table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	program := append(e.proxy.Environ(), functionEnv+"="+function, tableEnv+"="+e.table.Name, patienceEnv+"=5s")
	e.service = newService(t, append(program, more...)...)
	return e
}

// latest returns the latest story of a key, and its lines without times; zero where there is
// none.
func (e *environment) latest(kind, id string) (story.Story, string) {
	e.t.Helper()
	s, err := e.table.Read(e.t.Context(), story.NewKey(kind, id), "")
	if err != nil {
		return story.Story{}, ""
	}
	var text strings.Builder
	for _, line := range s.Lines {
		message, _, _ := strings.Cut(line.Message, "\n")
		fmt.Fprintln(&text, line.Level.String()[:1], message)
	}
	return s, text.String()
}

// Each way to start ends each invocation in each way.
var ways = []struct {
	name, function string
	noExtensions   bool
}{
	{"Start", "start", false},
	{"Start, no extension", "start", true},
	{"Wrap", "wrap", false},
}

func TestStoredBeforeFreeze(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			e := newEnvironment(t, way.function)
			e.noExtensions = way.noExtensions
			for n := 1; n <= 2; n++ { // the second one thaws
				r := e.call(`{"ID":93}`, 10*time.Second)
				if r.failed || r.body != `"packed 93"` {
					t.Fatalf("got %+v", r)
				}
				t.Logf("answered after %v, frozen after %v", r.answered, r.frozen)
				s, text := e.latest("lambda", "orders")
				if want := "I Packing the order\nI without a context\nI done\n"; text != want || s.State != story.Sealed {
					t.Fatalf("while it is frozen: %q %s, want %q", text, s.State, want)
				}
				want := map[string]string{"function": "orders", "version": "7", "alias": "live", "memory_mb": "128", "request_id": fmt.Sprintf("request-%d", n), "trace_id": "1-5759e988-bd862e3fe1be46a994272793", "cold_start": "true"}
				if n == 2 {
					want["cold_start"] = ""
				}
				for name, value := range want {
					if s.Attrs[name] != value {
						t.Errorf("%s is %q, want %q", name, s.Attrs[name], value)
					}
				}
				if left, err := time.ParseDuration(s.Attrs["remaining"]); err != nil || left <= 0 || left > 10*time.Second {
					t.Errorf("remaining is %q", s.Attrs["remaining"])
				}
			}
		})
	}
}

// The way to the store is open before the first invocation.
func TestConnect(t *testing.T) {
	for function, want := range map[string]int{"start": 0, "connect": 1} {
		e := newEnvironment(t, function)
		called := make(chan struct{}, 1)
		e.proxy.Set(func(http.ResponseWriter, *dynamotest.Call) bool {
			select {
			case called <- struct{}{}:
			default:
			}
			return false
		})
		e.start()
		if want > 0 {
			select {
			case <-called:
			case <-time.After(10 * time.Second):
			}
		}
		if all := calls(e.proxy.Seen()); all != want {
			t.Errorf("%s: %d calls before an invocation, want %d", function, all, want)
		}
		e.call(`{}`, 10*time.Second)
		if s, _ := e.latest("lambda", "orders"); s.State != story.Sealed {
			t.Errorf("%s: the story is %q", function, s.State)
		}
	}
}

func calls(seen dynamotest.Seen) (n int) {
	for _, count := range seen.Calls {
		n += count
	}
	return n
}

// What aws-lambda-go prints is in no story.
func TestError(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			e := newEnvironment(t, way.function)
			e.noExtensions = way.noExtensions
			if r := e.call(`{"End":"error"}`, 10*time.Second); !r.failed || !strings.Contains(r.body, "no such product") {
				t.Fatalf("got %+v", r)
			}
			s, text := e.latest("lambda", "orders")
			if want := "I Packing the order\nI without a context\nE failed\n"; text != want || s.Cause != "failed: no such product" {
				t.Errorf("got %q, %q", text, s.Cause)
			}
			e.call(`{}`, 10*time.Second)
			_, text = e.latest("app", "orders")
			if printed := strings.Contains(e.output.String(), "no such product"); printed == (text != "") || printed == (way.function == "wrap") {
				t.Errorf("it is printed: %t; the process's story has %q", printed, text)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			e := newEnvironment(t, way.function)
			e.noExtensions = way.noExtensions
			r := e.call(`{"End":"panic"}`, 10*time.Second)
			if !r.failed || !strings.Contains(r.body, "out of boxes") || !strings.Contains(r.body, "functions_test.go") {
				t.Fatalf("got %+v", r)
			}
			t.Logf("answered after %v", r.answered)
			s, text := e.latest("lambda", "orders")
			if want := "I Packing the order\nI without a context\nE panic: out of boxes\n"; text != want || s.State != story.Sealed {
				t.Errorf("got %q %s", text, s.State)
			}
			if lines := s.Lines; len(lines) > 0 && !strings.Contains(lines[len(lines)-1].Message, "functions_test.go") {
				t.Errorf("the panic is told without where it came from: %s", lines[len(lines)-1].Message)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			e := newEnvironment(t, way.function, journalEnv+"="+t.TempDir())
			e.noExtensions = way.noExtensions
			e.call(`{}`, 10*time.Second)
			if r := e.call(`{"End":"sleep"}`, 2*time.Second); !r.timedOut {
				t.Fatalf("got %+v", r)
			}
			s, text := e.latest("lambda", "orders")
			if want := "I Packing the order\nI without a context\nW about to time out\n"; text != want || s.State != story.Open {
				t.Errorf("got %q %s", text, s.State)
			}
			if line := s.Lines[len(s.Lines)-1]; s.LaneName(line.Lane) != "deadline" {
				t.Errorf("the line stands in the lane %q", s.LaneName(line.Lane))
			}
			id, calls := s.ID, 0
			for s.State != story.Interrupted && calls < 50 {
				e.call(`{}`, 10*time.Second) // by another process, which finds the journal and stores it meanwhile
				calls++
				var err error
				if s, err = e.table.Read(t.Context(), story.NewKey("lambda", "orders"), id); err != nil {
					t.Fatal(err)
				}
			}
			if s.State != story.Interrupted || len(s.Lines) != 3 {
				t.Errorf("in the end: %s, %d lines", s.State, len(s.Lines))
			}
			t.Logf("recovered by invocation %d of the next process", calls)
		})
	}
}

// A story that is nowhere when Lambda ends the environment is stored then, or at least
// printed.
func TestSIGTERM(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		e := newEnvironment(t, "start", patienceEnv+"=")
		e.proxy.Set(dynamotest.Hang)
		if r := e.call(`{"ID":1}`, 10*time.Second); r.failed || r.frozen == 0 {
			t.Fatalf("got %+v", r)
		}
		if _, text := e.latest("lambda", "orders"); text != "" {
			t.Fatalf("it is stored before: %q", text)
		}
		if !hangs {
			e.proxy.Refuse() // the call that hangs ends
			e.proxy.Set(nil)
			e.proxy.Listen()
		}
		e.shutdown()
		s, _ := e.latest("lambda", "orders")
		if printed := strings.Contains(e.output.String(), "I Packing the order"); printed != hangs || (s.State == story.Sealed) == hangs {
			t.Errorf("with a table that hangs, %t: printed %t, stored %q", hangs, printed, s.State)
		}
	}
}

// A table that takes its time, or is not there, costs an invocation little, and is told once.
func TestBadTable(t *testing.T) {
	bad := map[string]func(*environment){
		"slow": func(e *environment) {
			e.proxy.Set(func(_ http.ResponseWriter, c *dynamotest.Call) bool {
				select {
				case <-c.Context().Done():
				case <-time.After(2 * time.Second):
				}
				return false
			})
		},
		"hangs":   func(e *environment) { e.proxy.Set(dynamotest.Hang) },
		"missing": func(e *environment) { e.program = append(e.program, tableEnv+"=nowhere") },
		"refuses": func(e *environment) { e.proxy.Refuse() },
	}
	for name, breaks := range bad {
		for _, way := range ways {
			t.Run(name+", "+way.name, func(t *testing.T) {
				e := newEnvironment(t, way.function, patienceEnv+"=")
				e.noExtensions = way.noExtensions
				breaks(e)
				for range 5 {
					r := e.call(`{"ID":2}`, 5*time.Second)
					if r.failed || r.timedOut || r.exited || r.body != `"packed 2"` {
						t.Fatalf("got %+v", r)
					}
					t.Logf("answered after %v, frozen after %v", r.answered, r.frozen)
				}
				if told := strings.Count(e.output.String(), "\n"); told != 1 && !way.noExtensions || told > 2 {
					t.Errorf("it is told in %d lines", told)
				}
				r := e.call(`{"End":"panic"}`, 5*time.Second)
				if !r.failed || r.timedOut {
					t.Fatalf("got %+v", r)
				}
				t.Logf("a panic is answered after %v", r.answered)
			})
		}
	}
}

func TestBatch(t *testing.T) {
	e := newEnvironment(t, "batch")
	r := e.call(`{"Records":[
		{"messageId":"m1","body":"1","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:1:parcels","attributes":{"ApproximateReceiveCount":"2","AWSTraceHeader":"Root=1-a"}},
		{"messageId":"m2","body":"bad","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-1:1:parcels","messageAttributes":{"traceparent":{"dataType":"String","stringValue":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}]}`, 10*time.Second)
	if r.failed || r.body != `{"batchItemFailures":[{"itemIdentifier":"m2"}]}` {
		t.Fatalf("got %+v", r)
	}
	for _, c := range []struct{ id, text, received, trace string }{
		{"m1", "I Packing\nI done\n", "2", "1-a"},
		{"m2", "I Packing\nE failed\n", "", "0af7651916cd43dd8448eb211c80319c"},
	} {
		s, text := e.latest("parcels", c.id)
		if text != c.text || s.Attrs["received"] != c.received || s.Attrs["trace_id"] != c.trace || s.Attrs["request_id"] != "request-1" || s.Attrs["function"] != "orders" {
			t.Errorf("%s: got %q, %v", c.id, text, s.Attrs)
		}
	}
	if _, text := e.latest("lambda", "orders"); text != "" {
		t.Errorf("the batch has a story of its own: %q", text)
	}
}

// A handler of net/http may go on when the function has returned.
func TestHTTP(t *testing.T) {
	const request = `{"version":"2.0","rawPath":"/orders/93","requestContext":{"http":{"method":"GET","path":"/orders/93"}}}`
	for _, function := range []string{"stream", "site"} {
		t.Run(function, func(t *testing.T) {
			e := newEnvironment(t, function)
			if r := e.call(request, 10*time.Second); r.failed || !strings.HasSuffix(r.body, "page 0\npage 1\npage 2\n") {
				t.Fatalf("got %+v", r)
			}
			s, text := e.latest("http", "GET /orders/{id}")
			if want := "I Sending\nI Sending\nI Sending\nI Sent\nI 418 I'm a teapot\n"; text != want || s.State != story.Sealed {
				t.Errorf("got %q %s", text, s.State)
			}
			for name, value := range map[string]string{"status": "418", "route": "GET /orders/{id}", "method": "GET", "path": "/orders/93", "function": "orders", "request_id": "request-1", "cold_start": "true"} {
				if s.Attrs[name] != value {
					t.Errorf("%s is %q, want %q", name, s.Attrs[name], value)
				}
			}
		})
	}
}

func TestAPIGateway(t *testing.T) {
	e := newEnvironment(t, "api")
	for _, c := range []struct{ route, kind, id string }{
		{"GET /orders/{id}", "http", "GET /orders/{id}"},
		{"$default", "lambda", "orders"},
	} {
		e.call(fmt.Sprintf(`{"version":"2.0","routeKey":%q,"rawPath":"/orders/93","headers":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},"requestContext":{"http":{"method":"GET"}}}`, c.route), 10*time.Second)
		s, text := e.latest(c.kind, c.id)
		if text != "I Looking for it\nI 404 Not Found\n" || s.Attrs["status"] != "404" || s.Attrs["path"] != "/orders/93" || s.Attrs["trace_id"] != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s: got %q, %v", c.route, text, s.Attrs)
		}
	}
}

// A payload that the handler never sees holds nothing up, and an invocation that Lambda
// tries again, with the same id, is told like others.
func TestTriedAgain(t *testing.T) {
	e := newEnvironment(t, "start")
	e.sticky = "again"
	for range 2 {
		if r := e.call(`{"ID":"no number"}`, 5*time.Second); !r.failed || r.timedOut || r.frozen == 0 {
			t.Fatalf("got %+v", r)
		}
	}
	for range 3 {
		if r := e.call(`{"ID":5}`, 5*time.Second); r.failed || r.frozen == 0 {
			t.Fatalf("got %+v", r)
		}
	}
	page, err := e.table.List(t.Context(), story.Query{Key: story.NewKey("lambda", "orders")})
	if err != nil || len(page.Headers) != 3 {
		t.Fatalf("there are %d stories, %v", len(page.Headers), err)
	}
	for _, h := range page.Headers {
		if h.State != story.Sealed || h.Attrs["request_id"] != "again" {
			t.Errorf("got %s, %v", h.State, h.Attrs)
		}
	}
}

// Without its extension the function stores its stories itself.
func TestExtensionEnds(t *testing.T) {
	const told = "the extension has ended"
	e := newEnvironment(t, "start")
	e.start().ends.Store(true)
	for n := 1; n <= 3; n++ {
		if r := e.call(`{}`, 10*time.Second); r.failed || r.timedOut {
			t.Fatalf("got %+v", r)
		}
		if n == 2 { // which the function may have left to an extension that was about to end
			e.prints(told)
		}
		if s, _ := e.latest("lambda", "orders"); s.Attrs["request_id"] != fmt.Sprintf("request-%d", n) {
			t.Errorf("after invocation %d the latest is %s", n, s.Attrs["request_id"])
		}
	}
	if page, err := e.table.List(t.Context(), story.Query{Key: story.NewKey("lambda", "orders")}); err != nil || len(page.Headers) != 3 {
		t.Errorf("there are %d stories, %v", len(page.Headers), err)
	}
	if n := strings.Count(e.output.String(), told); n != 1 {
		t.Errorf("it is told %d times", n)
	}
}

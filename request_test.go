package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

func lastLine(s story.Story) story.Line { return s.Lines[len(s.Lines)-1] }

// TestRequestOutcomes ends requests in all the ways that adapters know.
func TestRequestOutcomes(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	boom := errors.New("boom")
	for i, test := range []struct {
		end    dynamoslog.Outcome
		line   string
		header string
	}{
		{dynamoslog.Outcome{}, "I done", ""},
		{dynamoslog.Outcome{Err: boom}, "E failed\terror=boom", ""},
		{dynamoslog.Outcome{Err: boom, Level: slog.LevelInfo}, "I done\terror=boom", ""},
		{dynamoslog.Outcome{Level: slog.LevelDebug}, "D done", ""},
		{dynamoslog.Outcome{Message: "snoozed", Attrs: []slog.Attr{slog.Int("attempt", 3)}}, "I snoozed\tattempt=3", "attempt=3"},
		{dynamoslog.HTTPOutcome(200, nil), "I 200 OK\tstatus=200", "status=200"},
		{dynamoslog.HTTPOutcome(404, boom), "I 404 Not Found\tstatus=404 error=boom", "status=404"},
		{dynamoslog.HTTPOutcome(503, nil), "E 503 Service Unavailable\tstatus=503", "status=503"},
		{dynamoslog.HTTPOutcome(299, nil), "I 299\tstatus=299", "status=299"},
		{dynamoslog.GRPCOutcome(0, nil), "I gRPC 0 OK\tgrpc_status=0", "grpc_status=0"},
		{dynamoslog.GRPCOutcome(5, boom), "I gRPC 5 NotFound\tgrpc_status=5 error=boom", "grpc_status=5"},
		{dynamoslog.GRPCOutcome(8, nil), "W gRPC 8 ResourceExhausted\tgrpc_status=8", "grpc_status=8"},
		{dynamoslog.GRPCOutcome(14, boom), "E gRPC 14 Unavailable\tgrpc_status=14 error=boom", "grpc_status=14"},
		{dynamoslog.GRPCOutcome(17, nil), "E gRPC 17\tgrpc_status=17", "grpc_status=17"},
		{dynamoslog.GRPCOutcome(-1, nil), "E gRPC -1\tgrpc_status=-1", "grpc_status=-1"},
	} {
		_, request := dynamoslog.BeginRequest(t.Context(), "call", i, &dynamoslog.RequestOptions{Logger: slog.New(h)})
		request.Finish(test.end)
		request.Finish(dynamoslog.Outcome{Message: "again"}) // does nothing
		s := read(t, h, store, fmt.Sprintf("call_%d", i), "")
		expect(t, s, "+0.000 "+test.line+"\n")
		header := ""
		for name, value := range s.Attrs {
			header += name + "=" + value
		}
		if header != test.header || s.State != story.Sealed {
			t.Errorf("%d: got %+v", i, s.Header)
		}
	}
}

// What a client sends is bounded, and found by the names that clients use.
func TestRequestHeader(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	long := strings.Repeat("a", 200)
	for i, test := range []struct {
		sent        map[string]string
		request, id string
	}{
		{map[string]string{"x-request-id": long, "traceparent": "00-" + long + "-b7ad6b7169203331-01"}, long[:128], long[:128]},
		{map[string]string{"x-request-id": "for\nged", "traceparent": "00-\x1b[31m-b7ad6b7169203331-01"}, "", ""},
		{map[string]string{"x-amzn-trace-id": "Self=1;Root=1-67891233-abcdef012345678912345678"}, "", "1-67891233-abcdef012345678912345678"},
		{nil, "", ""},
	} {
		_, request := dynamoslog.BeginRequest(t.Context(), "call", i, &dynamoslog.RequestOptions{
			Logger: slog.New(h), Attrs: []slog.Attr{slog.String("peer", "10.0.0.1")},
			Header: func(name string) string { return test.sent[strings.ToLower(name)] },
		})
		request.Finish(dynamoslog.Outcome{})
		s := read(t, h, store, fmt.Sprintf("call_%d", i), "")
		if s.Attrs["request_id"] != test.request || s.Attrs["trace_id"] != test.id || s.Attrs["peer"] != "10.0.0.1" {
			t.Errorf("%d: got %v", i, s.Attrs)
		}
	}
}

// What a request is about may become known later, and the program has the last word.
func TestRequestLearns(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	begin := func(ctx context.Context, kind, id string) (context.Context, *dynamoslog.Request) {
		return dynamoslog.BeginRequest(ctx, kind, id, &dynamoslog.RequestOptions{Logger: slog.New(h), Attrs: []slog.Attr{slog.String(kind, id)}})
	}
	_, request := begin(t.Context(), "http", "other")
	request.Learn("http", "GET /a", slog.String("route", "/a"))
	request.Finish(dynamoslog.Outcome{})
	request.Learn("http", "GET /too/late")
	if s := read(t, h, store, "http_GET /a", ""); s.Attrs["route"] != "/a" {
		t.Errorf("got %v", s.Attrs)
	}

	_, request = begin(t.Context(), "http", "other")
	request.Scope().Rekey("user", 7)
	request.Learn("http", "GET /b")
	request.Finish(dynamoslog.Outcome{})
	if request.Scope().Key() != story.NewKey("user", "7") {
		t.Errorf("got %v", request.Scope().Key())
	}

	// One within another tells more of the same request.
	ctx, outer := begin(t.Context(), "http", "other")
	within, inner := begin(ctx, "rpc", "Users/Get")
	slog.New(h).InfoContext(within, "reading")
	inner.Finish(dynamoslog.GRPCOutcome(13, errors.New("boom")))
	outer.Learn("http", "POST /rpc/") // knows less
	outer.Finish(dynamoslog.HTTPOutcome(200, nil))
	s := read(t, h, store, "rpc_Users/Get", "")
	expect(t, s, "+0.000 I reading\n+0.000 E 200 OK\tstatus=200 error=boom\n")
	if got := fmt.Sprint(s.Attrs); got != "map[grpc_status:13 http:other rpc:Users/Get status:200]" {
		t.Errorf("got %s", got)
	}

	// When it has ended, another one begins.
	_, later := begin(ctx, "job", "later")
	later.Finish(dynamoslog.Outcome{})
	expect(t, read(t, h, store, "job_later", ""), "+0.000 I done\n")

	// A panic within another request is told by that.
	ctx, outer = begin(t.Context(), "http", "panics")
	_, inner = begin(ctx, "rpc", "panics")
	value, _ := recovered(func() { outer.Guard(func() { inner.Guard(func() { originOfPanic(0) }) }) })
	if s := read(t, h, store, "rpc_panics", ""); value != errOrigin || len(s.Lines) != 1 || !strings.HasPrefix(s.Lines[0].Message, "panic: boom\n") {
		t.Errorf("got %v and\n%s", value, story.Format(s.Lines))
	}
}

// A request is the goroutine's own, until it ends, and one within it is until that does.
func TestRequestsAreEntered(t *testing.T) {
	if !proflabel.Supported {
		t.Skip("only the context counts here")
	}
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook, Process: story.NewKey("app", "test")})
	opts := &dynamoslog.RequestOptions{Logger: slog.New(h)}
	ctx, outer := dynamoslog.BeginRequest(t.Context(), "http", "GET /a", opts)
	labels := []string{proflabel.Get()}
	_, inner := dynamoslog.BeginRequest(ctx, "rpc", "Get", opts)
	labels = append(labels, proflabel.Get())
	slog.New(h).Info("without a context")
	inner.Finish(dynamoslog.Outcome{})
	labels = append(labels, proflabel.Get())
	_, panics := dynamoslog.BeginRequest(ctx, "rpc", "Panics", opts)
	_, _ = recovered(func() { panics.Guard(func() { originOfPanic(0) }) })
	labels = append(labels, proflabel.Get())
	outer.Finish(dynamoslog.Outcome{})
	slog.New(h).Info("afterwards")
	labels = append(labels, proflabel.Get())
	if got := strings.Join(labels, ", "); got != "http_GET /a, rpc_Get, http_GET /a, http_GET /a, " {
		t.Errorf("got the labels %s", got)
	}
	expect(t, read(t, h, store, "rpc_Panics", ""), "+0.000 I without a context\n+0.000 I done\n")
	expect(t, read(t, h, store, "app_test", ""), "+0.000 I afterwards\n")
}

// A middleware whose options panic leaves neither a story open nor a goroutine with it.
func TestMiddlewareOfOptionsThatPanic(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	for name, opts := range map[string]dynamoslog.MiddlewareOptions{
		"Route": {Route: func(*http.Request) string { panic("route") }},
		"Level": {Level: func(int) slog.Level { panic("level") }},
	} {
		opts.Logger = slog.New(h)
		handler := dynamoslog.Middleware(&opts)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			slog.New(h).InfoContext(r.Context(), "begun")
		}))
		value, _ := recovered(func() {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		})
		if s := read(t, h, store, "http_other", ""); value == nil || s.State != story.Sealed || proflabel.Get() != "" {
			t.Errorf("%s: %v, %s, the label is %q", name, value, s.State, proflabel.Get())
		}
	}
}

// A request of its own is one beside that around it, and what is within it is no part of it.
func TestRequestOfItsOwn(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	opts := &dynamoslog.RequestOptions{Logger: slog.New(h)}
	ctx, batch := dynamoslog.BeginRequest(t.Context(), "lambda", "orders", opts)
	for i := range 2 {
		ctx, message := dynamoslog.BeginRequest(ctx, "queue", i, &dynamoslog.RequestOptions{Logger: slog.New(h), Own: true})
		_, call := dynamoslog.BeginRequest(ctx, "call", i, opts)
		call.Finish(dynamoslog.Outcome{})
		message.Finish(dynamoslog.Outcome{})
	}
	batch.Finish(dynamoslog.Outcome{})
	for _, key := range []string{"lambda_orders", "queue_0", "queue_1", "call_0", "call_1"} {
		expect(t, read(t, h, store, key, ""), "+0.000 I done\n")
	}
}

// A middleware within an adapter's request refines it, and so does an adapter within one.
func TestRequestsAndMiddleware(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	opts := &dynamoslog.RequestOptions{Logger: slog.New(h)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(_ http.ResponseWriter, r *http.Request) {
		_, inner := dynamoslog.BeginRequest(r.Context(), "rpc", "Get", opts)
		inner.Finish(dynamoslog.Outcome{Err: errors.New("boom"), Level: slog.LevelWarn})
	})
	middleware := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})
	middleware(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/users/7", nil))
	s := read(t, h, store, "rpc_Get", "")
	expect(t, s, "+0.000 W 200 OK\tstatus=200 bytes=0 error=boom\n")
	if s.Attrs["route"] != "GET /users/{id}" {
		t.Errorf("got %v", s.Attrs)
	}

	ctx, outer := dynamoslog.BeginRequest(t.Context(), "lambda", "api", opts)
	mux.HandleFunc("GET /orders", func(http.ResponseWriter, *http.Request) {})
	middleware(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/orders", nil))
	outer.Finish(dynamoslog.Outcome{})
	expect(t, read(t, h, store, "http_GET /orders", ""), "+0.000 I done\n")
}

// The closing line is at the margin, where the request is told.
func TestRequestDepth(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	ctx, request := dynamoslog.BeginRequest(t.Context(), "call", 1, &dynamoslog.RequestOptions{Logger: slog.New(h)})
	slog.New(h).InfoContext(ctx, "begun")
	func() { slog.New(h).InfoContext(ctx, "within") }()
	request.Finish(dynamoslog.Outcome{})
	expect(t, read(t, h, store, "call_1", ""), "+0.000 I begun\n+0.000 I   within\n+0.000 I done\n")
}

// What ends a request from within goes on, and is told.
func TestRequestGuard(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	for key, f := range map[string]func(){
		"panics": func() { originOfPanic(9) },
		"aborts": func() { panic(http.ErrAbortHandler) },
		"exits":  runtime.Goexit,
	} {
		done := make(chan any)
		go func() {
			defer close(done)
			defer func() { done <- recover() }()
			ctx, request := dynamoslog.BeginRequest(t.Context(), "call", key, &dynamoslog.RequestOptions{Logger: slog.New(h)})
			request.Guard(func() {
				slog.New(h).InfoContext(ctx, "begun")
				f()
			})
			t.Errorf("%s: it goes on after Guard", key)
		}()
		value := <-done
		<-done
		s := read(t, h, store, "call_"+key, "")
		last := lastLine(s)
		if s.State != story.Sealed || len(s.Lines) != 2 || last.Depth != 0 {
			t.Errorf("%s: got\n%s", key, story.Format(s.Lines))
		}
		if key != "panics" {
			if last.Message != "aborted" || last.Level != slog.LevelWarn || (key == "aborts") != (value == http.ErrAbortHandler) {
				t.Errorf("%s: got %v and\n%s", key, value, story.Format(s.Lines))
			}
			continue
		}
		if lines := strings.Split(last.Message, "\n"); value != errOrigin || last.Level != slog.LevelError || lines[0] != "panic: boom" || len(lines) > 6 ||
			!strings.HasPrefix(lines[1], "github.com/dynamoslog/dynamoslog_test.originOfPanic guard_test.go:") ||
			!strings.HasPrefix(lines[len(lines)-1], "github.com/dynamoslog/dynamoslog_test.TestRequestGuard") {
			t.Errorf("got %v and\n%s", value, last.Message)
		}
	}
}

// A panic that nobody recovers waits until its story is stored, and then the alias of its
// problem, for two seconds at most; one that somebody recovers waits for nothing.
func TestRequestCrash(t *testing.T) {
	for _, test := range []struct {
		crash       bool
		store, want time.Duration
	}{
		{true, time.Second / 2, time.Second}, {true, time.Hour, 2 * time.Second}, {false, time.Second, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := slow{story.NewMemory(), func(ctx context.Context) error {
				select {
				case <-time.After(test.store):
				case <-ctx.Done():
				}
				return ctx.Err()
			}}
			h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(error) {}, Fallback: new(strings.Builder)})
			_, request := dynamoslog.BeginRequest(t.Context(), "call", 1, &dynamoslog.RequestOptions{Logger: slog.New(h), Crash: test.crash})
			start := time.Now()
			_, _ = recovered(func() { request.Guard(func() { originOfPanic(0) }) })
			if took := time.Since(start); took != test.want {
				t.Errorf("crash %t, a store that takes %v: the panic waited for %v, want %v", test.crash, test.store, took, test.want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = h.Shutdown(ctx)
		})
	}
}

// Adapters of frameworks that recover panics tell them alike.
func TestPanicMessage(t *testing.T) {
	var message string
	func() {
		defer func() { message = dynamoslog.PanicMessage(recover()) }()
		originOfPanic(9)
	}()
	lines := strings.Split(message, "\n")
	if lines[0] != "panic: boom" || len(lines) < 3 || len(lines) > 6 || !strings.HasPrefix(lines[1], "github.com/dynamoslog/dynamoslog_test.originOfPanic ") {
		t.Errorf("got\n%s", message)
	}
	if got := dynamoslog.PanicMessage("over"); got != "panic: over" {
		t.Errorf("got %q", got)
	}
}

// An error behind a status stands on the closing line, at the level of the status.
func TestFail(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	dynamoslog.Fail(t.Context(), errors.New("of nobody"))
	handler := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.Fail(r.Context(), errors.New("first"))
		ctx, scope := dynamoslog.Begin(r.Context(), "job", "within")
		dynamoslog.Fail(ctx, errors.New("of no request"))
		scope.End()
		if r.URL.Path == "/second" {
			dynamoslog.Fail(r.Context(), errors.New("second"))
		}
		dynamoslog.Fail(r.Context(), nil)
		http.NotFound(w, r)
	}))
	for _, why := range []string{"first", "second"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/"+why, nil))
		s := read(t, h, store, "http_other", "")
		expect(t, s, "+0.000 I 404 Not Found\tstatus=404 bytes=19 error="+why+"\n")
		if err := store.Delete(t.Context(), s.Key, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	ctx, request := dynamoslog.BeginRequest(t.Context(), "call", 1, &dynamoslog.RequestOptions{Logger: slog.New(h)})
	dynamoslog.Fail(ctx, errors.New("within"))
	request.Finish(dynamoslog.Outcome{Err: errors.New("its own")})
	dynamoslog.Fail(ctx, errors.New("late"))
	expect(t, read(t, h, store, "call_1", ""), "+0.000 E failed\terror=\"its own\"\n")
}

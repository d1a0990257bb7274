package dynamoslog_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

// asDefault makes a handler the process's until the test ends.
func asDefault(t *testing.T, h slog.Handler) {
	before := slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(before) })
}

//go:noinline
func charge(ctx context.Context, client *http.Client, url string) (int, error) {
	slog.InfoContext(ctx, "charging")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/charges/93?key=secret", nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func attrsOf(l story.Line) map[string]string {
	attrs := make(map[string]string)
	for name, value := range l.AllAttrs() {
		attrs[name] = value
	}
	return attrs
}

// The story of a service that is called has the trace of the one that calls, and the span
// that stands on the line of the call.
func TestTransport(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	asDefault(t, h)
	callee := httptest.NewServer(dynamoslog.Middleware(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "charged")
		w.WriteHeader(http.StatusBadGateway)
	})))
	defer callee.Close()
	client := &http.Client{Transport: dynamoslog.Transport(nil)}
	defer client.CloseIdleConnections()
	var id string
	caller := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Key: func(*http.Request) (string, string) { return "user", "42" }})
	caller(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id = dynamoslog.FromContext(r.Context()).ID()
		slog.InfoContext(r.Context(), "order is placed")
		if status, err := charge(r.Context(), client, callee.URL); err != nil || status != http.StatusBadGateway {
			t.Errorf("got %d, %v", status, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/orders", nil))

	from := read(t, h, store, "user_42", id)
	if len(from.Lines) != 4 {
		t.Fatalf("the caller's story:\n%s", story.Format(from.Lines))
	}
	line, host := from.Lines[2], strings.TrimPrefix(callee.URL, "http://")
	attrs := attrsOf(line)
	if line.Message != "POST "+host+"/charges/{id}" || line.Depth != from.Lines[1].Depth || line.Up != 0 || line.Level != slog.LevelWarn || attrs["status"] != "502" || attrs["took"] == "" {
		t.Errorf("the line of the call:\n%s", story.Format(from.Lines))
	}
	trace := from.Attrs["trace_id"]
	page, err := store.List(t.Context(), story.Query{Key: story.NewKey(story.KindTrace, trace)})
	if err != nil || len(page.Headers) != 2 {
		t.Fatalf("listed under trace %q: %v, %v", trace, page.Headers, err)
	}
	for _, header := range page.Headers {
		if header.Attrs["trace_id"] != trace {
			t.Errorf("%v has %v", header.Of, header.Attrs)
		}
		if header.Of == from.Key {
			continue
		}
		if header.Attrs["parent_span"] != attrs["span_id"] || len(attrs["span_id"]) != 16 {
			t.Errorf("the callee's parent is %v, the line has %v", header.Attrs, attrs)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What goes out is the request with one header more, which the program's own wins over.
func TestTransportLeavesTheRequest(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	asDefault(t, h)
	var sent *http.Request
	fails := errors.New("no route to host")
	transport := dynamoslog.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r
		return nil, fails
	}))
	const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ask := func(ctx context.Context, traceparent string) *http.Request {
		r := httptest.NewRequestWithContext(ctx, "GET", "http://a:secret@pay.example/v2/users/9b2c1d3e-0000-4000-8000-000000000000", nil)
		if traceparent != "" {
			r.Header.Set("Traceparent", traceparent)
		}
		if _, err := transport.RoundTrip(r); err != fails {
			t.Errorf("got %v", err)
		}
		return r
	}
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	if r := ask(ctx, ""); r == sent || r.Header.Get("Traceparent") != "" || sent.Header.Get("Traceparent") == "" {
		t.Errorf("of %v it made %v", r.Header, sent.Header)
	}
	if r := ask(ctx, own); r != sent {
		t.Error("a request with a trace of its own was changed")
	}
	scope.End()
	if r := ask(t.Context(), ""); r != sent {
		t.Error("a request beside any story was changed")
	}
	s := read(t, h, store, "user_42", "")
	if len(s.Lines) != 2 || s.Lines[0].Level != slog.LevelWarn || s.Lines[0].Message != "GET pay.example/v2/users/{id}" ||
		attrsOf(s.Lines[0])["error"] != fails.Error() || attrsOf(s.Lines[1])["span_id"] != "b7ad6b7169203331" {
		t.Errorf("got\n%s", story.Format(s.Lines))
	}
}

// Without a context the call belongs to the story of its goroutine.
func TestTransportOfGoroutine(t *testing.T) {
	if !proflabel.Supported {
		t.Skip("goroutines have no scope here")
	}
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	asDefault(t, h)
	transport := dynamoslog.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
	}))
	_, scope := dynamoslog.Begin(t.Context(), "user", 42)
	leave := scope.Enter()
	answer, err := (&http.Client{Transport: transport}).Get("http://pay.example/")
	leave()
	scope.End()
	if err != nil || answer.Body.Close() != nil {
		t.Fatal(err)
	}
	if s := read(t, h, store, "user_42", ""); len(s.Lines) != 1 || s.Lines[0].Message != "GET pay.example/" {
		t.Errorf("got\n%s", story.Format(s.Lines))
	}
}

// A message takes the trace of the story in which it is sent, and whoever works on it tells
// the story that stands under the line of the message.
func TestInject(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	logger := slog.New(h)
	message := make(map[string]string)
	set := func(name, value string) { message[name] = value }
	if span := dynamoslog.Inject(t.Context(), set); !span.Equal(slog.Attr{}) || len(message) != 0 {
		t.Errorf("beside any story: %v, %v", span, message)
	}
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	span := dynamoslog.Inject(ctx, set)
	logger.InfoContext(ctx, "queued", span)
	scope.End()

	ctx, request := dynamoslog.BeginRequest(t.Context(), "mail", 7, &dynamoslog.RequestOptions{
		Logger: logger, Header: func(name string) string { return message[strings.ToLower(name)] },
	})
	logger.InfoContext(ctx, "sending")
	request.Finish(dynamoslog.Outcome{})

	from, to := read(t, h, store, "user_42", ""), read(t, h, store, "mail_7", "")
	if sent := attrsOf(from.Lines[0])["span_id"]; len(sent) != 16 || to.Attrs["parent_span"] != sent || to.Attrs["trace_id"] != from.Attrs["trace_id"] {
		t.Errorf("the line has the span %q, who takes it %v of %v", sent, to.Attrs, from.Attrs)
	}
	if page, err := store.List(t.Context(), story.Query{Key: story.NewKey(story.KindTrace, from.Attrs["trace_id"])}); err != nil || len(page.Headers) != 2 {
		t.Errorf("listed under the trace: %v, %v", page.Headers, err)
	}
}

// A caller whose trace is of AWS X-Ray stands under the key that the story has which it
// calls: that of a traceparent.
func TestInjectOfXRay(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	scope.Set(slog.String("trace_id", "1-67891233-abcdef012345678912345678"))
	slog.New(h).InfoContext(ctx, "queued", dynamoslog.Inject(ctx, func(string, string) {}))
	scope.End()
	if s := read(t, h, store, "user_42", ""); s.Attrs["trace_id"] != "1-67891233-abcdef012345678912345678" {
		t.Errorf("its trace is %s", s.Attrs["trace_id"])
	}
	key := story.NewKey(story.KindTrace, "67891233abcdef012345678912345678")
	if page, err := store.List(t.Context(), story.Query{Key: key}); err != nil || len(page.Headers) != 1 {
		t.Errorf("listed under the trace: %v, %v", page.Headers, err)
	}
}

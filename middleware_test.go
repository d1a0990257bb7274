package dynamoslog_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// serve starts a server whose requests are stories.
func serve(t *testing.T, handler http.Handler, opts dynamoslog.MiddlewareOptions) (*httptest.Server, *dynamoslog.Handler, *story.Memory) {
	t.Helper()
	h, store := open(t, dynamoslog.Options{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "took" {
			return slog.Attr{}
		}
		return noTime(groups, a)
	}})
	opts.Logger = slog.New(h)
	server := httptest.NewUnstartedServer(dynamoslog.Middleware(&opts)(handler))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.EnableHTTP2 = true
	server.Start()
	t.Cleanup(server.Close)
	return server, h, store
}

func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(body)
}

// settled ends the server, so that all requests have ended, and reads a story.
func settled(t *testing.T, server *httptest.Server, h *dynamoslog.Handler, store story.Store, key string) story.Story {
	t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	server.Close()
	return read(t, h, store, key, "")
}

func TestMiddleware(t *testing.T) {
	mux := http.NewServeMux()
	server, h, store := serve(t, mux, dynamoslog.MiddlewareOptions{
		Skip: func(r *http.Request) bool { return r.URL.Path == "/healthz" },
	})
	logger := slog.New(h)
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		logger.InfoContext(r.Context(), "reading the user")
		fmt.Fprint(w, "hello")
	})
	mux.HandleFunc("/fails", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusBadGateway) })
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		dynamoslog.FromContext(r.Context()).Rekey("user", 42)
	})
	mux.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic("boom") })
	mux.HandleFunc("/aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/exits", func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})

	get(t, server.URL+"/users/7", "X-Request-Id", "req-1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	get(t, server.URL+"/fails", "X-Request-Id", "bad id\tforged", "X-Amzn-Trace-Id", "Self=1;Root=1-67891233-abcdef012345678912345678")
	for _, path := range []string{"/login", "/panics", "/aborts", "/exits", "/healthz", "/nowhere"} {
		get(t, server.URL+path)
	}
	s := settled(t, server, h, store, "http_GET /users/{id}")
	expect(t, s, "+0.000 I reading the user\n+0.000 I 200 OK\tstatus=200 bytes=5\n")
	want := map[string]string{
		"method": "GET", "path": "/users/7", "route": "GET /users/{id}", "status": "200", "bytes": "5",
		"request_id": "req-1", "trace_id": "0af7651916cd43dd8448eb211c80319c", "parent_span": "b7ad6b7169203331",
	}
	if fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got attributes %v\nwant %v", s.Attrs, want)
	}
	s = read(t, h, store, "http_GET /fails", "")
	expect(t, s, "+0.000 E 502 Bad Gateway\tstatus=502 bytes=3\n")
	if s.Attrs["request_id"] != "" || s.Attrs["trace_id"] != "1-67891233-abcdef012345678912345678" {
		t.Errorf("got attributes %v", s.Attrs)
	}
	expect(t, read(t, h, store, "user_42", ""), "+0.000 I 200 OK\tstatus=200 bytes=0\n")
	s = read(t, h, store, "http_GET /panics", "")
	if last := s.Lines[len(s.Lines)-1]; !strings.HasPrefix(last.Message, "panic: boom\n") || last.Level != slog.LevelError || !strings.Contains(last.Message, "middleware_test.go") {
		t.Errorf("got %+v", last)
	}
	expect(t, read(t, h, store, "http_GET /aborts", ""), "+0.000 W aborted\tbytes=0\n")
	s = read(t, h, store, "http_GET /exits", "")
	expect(t, s, "+0.000 W aborted\tbytes=0\n")
	if s.State != story.Sealed {
		t.Errorf("after Goexit: %+v", s.Header)
	}
	expect(t, read(t, h, store, "http_GET (none)", ""), "+0.000 I 404 Not Found\tstatus=404 bytes=19\n")
	keys := map[story.Key]bool{} // the client tries aborted requests again
	for header, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys[header.Key] = true
	}
	if len(keys) != 7 {
		t.Errorf("got stories of %v; want 7 keys, without /healthz", keys)
	}
}

// The ids that clients and proxies make are kept, and what is none is not.
func TestRequestID(t *testing.T) {
	for sent, want := range map[string]string{
		"req-1":    "req-1",
		"aZ09+/==": "aZ09+/==", // base64
		"Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8": "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8",
		"a.b_c:d/e=f;g-h+i@j":    "a.b_c:d/e=f;g-h+i@j",
		strings.Repeat("a", 200): strings.Repeat("a", 128),
		"a b":                    "", "a\tb": "", "a,b": "", `a"b`: "", "a<b>": "", "ä": "", "a%0Ab": "", "": "",
	} {
		h, store := open(t, dynamoslog.Options{})
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Request-Id", sent)
		dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		got, there := read(t, h, store, "http_other", "").Attrs["request_id"]
		if got != want || there != (want != "") {
			t.Errorf("of %q %q is kept, want %q", sent, got, want)
		}
	}
}

func TestServerSentEvents(t *testing.T) {
	release := make(chan struct{})
	server, h, store := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-release // the client has read the first event
		fmt.Fprint(w, "data: 2\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	}), dynamoslog.MiddlewareOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	for _, want := range []string{"data: 1\n", "\n", "data: 2\n"} {
		if got, err := body.ReadString('\n'); got != want || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		if want == "\n" {
			close(release)
		}
	}
	cancel()
	expect(t, settled(t, server, h, store, "http_other"), "+0.000 I client gone\tstatus=200 bytes=18\n")
}

func TestWebsocket(t *testing.T) {
	server, h, store := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		rw.Write([]byte{0x81, 2, 'h', 'i'}) // a text frame
		rw.Flush()
		rw.ReadByte() // until the client goes
	}), dynamoslog.MiddlewareOptions{})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("got %+v, %v", resp, err)
	}
	frame := make([]byte, 4)
	if _, err := io.ReadFull(reader, frame); err != nil || string(frame[2:]) != "hi" {
		t.Fatalf("got %q, %v", frame, err)
	}
	conn.Close()
	// A server does not wait for connections that were taken over: read until it is there.
	for handlertest.State(t, store, "http_other", "") != story.Sealed {
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	expect(t, settled(t, server, h, store, "http_other"), "+0.000 I connection taken over\tstatus=101 bytes=0\n")
}

func TestHTTP2AndOptionalMethods(t *testing.T) {
	got := make(chan string, 1)
	h, _ := open(t, dynamoslog.Options{})
	server := httptest.NewUnstartedServer(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, flusher := w.(http.Flusher)
			_, pusher := w.(http.Pusher)
			_, hijacker := w.(http.Hijacker)
			_, readerFrom := w.(io.ReaderFrom)
			got <- fmt.Sprintf("%s flusher=%t pusher=%t hijacker=%t readerFrom=%t deadline=%v", r.Proto, flusher, pusher, hijacker, readerFrom,
				http.NewResponseController(w).SetWriteDeadline(time.Time{}))
		})))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for _, test := range []struct {
		protocols []string
		want      string
	}{
		{[]string{"h2"}, "HTTP/2.0 flusher=true pusher=true hijacker=false readerFrom=false deadline=<nil>"},
		{[]string{"http/1.1"}, "HTTP/1.1 flusher=true pusher=false hijacker=true readerFrom=true deadline=<nil>"},
	} {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, NextProtos: test.protocols},
			ForceAttemptHTTP2: test.protocols[0] == "h2",
		}
		resp, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		if got := <-got; got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// A slow store waits before each Put.
type slow struct {
	*story.Memory
	wait func(context.Context) error
}

func (s slow) Put(ctx context.Context, parts []story.Part) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Memory.Put(ctx, parts)
}

// The response does not wait for the store: with one that never answers, a
// request is answered all the same.
func TestResponseDoesNotWaitForTheStore(t *testing.T) {
	hang := make(chan struct{})
	store := slow{story.NewMemory(), func(context.Context) error { <-hang; return nil }}
	h := dynamoslog.New(store, nil)
	server := httptest.NewServer(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})(http.NotFoundHandler()))
	for range 100 {
		if status, _ := get(t, server.URL); status != http.StatusNotFound {
			t.Errorf("got %d", status)
		}
	}
	close(hang)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	server.Close()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if got := h.Stats().Stories; got != 100 {
		t.Errorf("%d stories of 100", got)
	}
}

// BenchmarkMiddleware shows that the time of a response does not depend on the
// store's: compare store=0s with store=2s.
func BenchmarkMiddleware(b *testing.B) {
	for _, delay := range []time.Duration{0, 2 * time.Second} {
		b.Run("store="+delay.String(), func(b *testing.B) {
			store := slow{story.NewMemory(), func(ctx context.Context) error {
				select {
				case <-time.After(delay):
				case <-ctx.Done():
				}
				return ctx.Err()
			}}
			h := dynamoslog.New(store, &dynamoslog.Options{Fallback: io.Discard})
			logger := slog.New(h)
			server := httptest.NewServer(dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for i := range 10 {
						logger.InfoContext(r.Context(), "a line", "i", i)
					}
				})))
			defer server.Close()
			for b.Loop() {
				resp, err := http.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
			b.StopTimer()
			ctx, cancel := context.WithCancel(b.Context())
			cancel() // what the slow store did not take is not what is measured
			_ = h.Shutdown(ctx)
		})
	}
}

package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// TestStatusIsWhatTheClientGot compares the closing line with the answer.
func TestStatusIsWhatTheClientGot(t *testing.T) {
	readFrom := func(w http.ResponseWriter, src io.Reader) { _, _ = w.(io.ReaderFrom).ReadFrom(src) }
	for _, test := range []struct {
		name, method string
		handle       http.HandlerFunc
		status       int // 0: no answer
		line         string
	}{
		{"flush, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			http.Error(w, "no", 500)
		}, 200, "I 200 OK\tstatus=200 bytes=3"},
		{"flush by a controller, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			http.Error(w, "no", 500)
		}, 200, "I 200 OK\tstatus=200 bytes=3"},
		{"an empty source, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			readFrom(w, strings.NewReader(""))
			http.Error(w, "no", 404)
		}, 404, "I 404 Not Found\tstatus=404 bytes=3"},
		{"a failing source, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			readFrom(w, iotest.ErrReader(errors.New("no")))
			http.Error(w, "no", 404)
		}, 404, "I 404 Not Found\tstatus=404 bytes=3"},
		{"a source that fails late, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			readFrom(w, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("no"))))
			http.Error(w, "no", 404)
		}, 200, "I 200 OK\tstatus=200 bytes=7"},
		{"an empty write, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(nil)
			http.Error(w, "no", 404)
		}, 200, "I 200 OK\tstatus=200 bytes=3"},
		{"an early hint", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(500)
		}, 202, "I 202 Accepted\tstatus=202 bytes=0"},
		{"not modified", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
			_, _ = io.WriteString(w, "nothing of this is sent")
		}, 304, "I 304 Not Modified\tstatus=304 bytes=0"},
		{"HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "nothing of this is sent")
			readFrom(w, strings.NewReader("nor of this"))
		}, 200, "I 200 OK\tstatus=200 bytes=0"},
		{"nothing written", "GET", func(http.ResponseWriter, *http.Request) {}, 200, "I 200 OK\tstatus=200 bytes=0"},
		{"a hijacked connection, then an error", "GET", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			fmt.Fprint(conn, "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			http.Error(w, "no", 500)
			conn.Close()
		}, 418, "I connection taken over\tbytes=0"},
		{"aborted", "GET", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "W aborted\tbytes=0"},
		{"aborted after a part", "GET", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 200, "W aborted\tstatus=200 bytes=4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, h, store := serve(t, test.handle, dynamoslog.MiddlewareOptions{})
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Close = true
			got := 0
			if resp, err := http.DefaultTransport.RoundTrip(request); err == nil {
				got = resp.StatusCode
				_, _ = io.Copy(io.Discard, resp.Body) // else the client would be gone
				resp.Body.Close()
			}
			if got != test.status {
				t.Errorf("the client got %d, want %d", got, test.status)
			}
			expect(t, closing(t, server, h, store), "+0.000 "+test.line+"\n")
		})
	}
}

// closing waits for the story's end, also of a hijacked connection, for which a
// server does not wait.
func closing(t *testing.T, server *httptest.Server, h *dynamoslog.Handler, store story.Store) story.Story {
	t.Helper()
	server.Close()
	for h.Stats().Stories == 0 {
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return read(t, h, store, "http_other", "")
}

// TestWhoEndedTheRequest tells a client that left from deadlines, from a program
// that cancels and from a proxy whose backend broke.
func TestWhoEndedTheRequest(t *testing.T) {
	around := func(make func(context.Context) (context.Context, context.CancelFunc)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := make(r.Context())
				defer cancel()
				next.ServeHTTP(w, r.WithContext(ctx))
			})
		}
	}
	waits := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	deadline := around(func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Millisecond)
	})
	timeoutHandler := func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Millisecond, "too late") }
	for _, test := range []struct {
		name   string
		around func(http.Handler) http.Handler
		handle http.Handler
		status int
		line   string
	}{
		{"a deadline", deadline, waits, 200, "W timed out\tbytes=0"},
		{"a deadline, and its own answer", deadline, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(http.StatusGatewayTimeout)
		}), 504, "E 504 Gateway Timeout\tstatus=504 bytes=0"},
		{"a TimeoutHandler inside", nil, timeoutHandler(waits), 503, "E 503 Service Unavailable\tstatus=503 bytes=8"},
		{"a TimeoutHandler outside", timeoutHandler, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "kept back")
			<-r.Context().Done()
			for _, err := w.Write(nil); err == nil; _, err = w.Write(nil) { // until it has answered
			}
			w.WriteHeader(500)
		}), 503, "W timed out\tstatus=503 bytes=9"},
		{"the program", around(func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("draining"))
			return ctx, func() {}
		}), waits, 200, "W cancelled\tbytes=0 cause=draining"},
		{"the connection's deadline", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			_ = rc.SetWriteDeadline(time.Now().Add(-time.Second))
			fmt.Fprint(w, "lost")
			_ = rc.Flush()
			<-r.Context().Done()
		}), 0, "W timed out\tstatus=200 bytes=4"},
		{"a backend that breaks", nil, brokenBackend(t), 200, "W aborted\tstatus=200 bytes=4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
			handler := dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)})(test.handle)
			if test.around != nil {
				handler = test.around(handler)
			}
			server := httptest.NewUnstartedServer(handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			defer server.Close()
			if status, _ := get(t, server.URL); status != test.status {
				t.Errorf("the client got %d, want %d", status, test.status)
			}
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
			expect(t, closing(t, server, h, store), "+0.000 "+test.line+"\n")
		})
	}
}

func noTook(groups []string, a slog.Attr) slog.Attr {
	if a.Key == "took" {
		return slog.Attr{}
	}
	return noTime(groups, a)
}

// brokenBackend is a proxy whose backend ends in the middle of its answer.
func brokenBackend(t *testing.T) http.Handler {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(backend.Close)
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// TestClientGone checks what is told of a client that leaves before the answer: an
// error that the handler then sends reaches nobody.
func TestClientGone(t *testing.T) {
	arrived := make(chan struct{})
	server, h, store := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		http.Error(w, "the query was cancelled", 500)
	}), dynamoslog.MiddlewareOptions{})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	conn.Close()
	s := closing(t, server, h, store)
	if last := s.Lines[len(s.Lines)-1]; last.Message != "client gone" || last.Level != slog.LevelInfo || strings.Contains(last.Attrs, "status") {
		t.Errorf("got %+v", last)
	}
}

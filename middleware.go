package dynamoslog

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/felixge/httpsnoop"
)

// MiddlewareOptions are the options of [Middleware]. A zero field stands for its
// default.
type MiddlewareOptions struct {
	// Key says what a request's story is about. By default it is the route, as
	// in "http_GET /users/{id}", which holds no personal data; code inside may
	// name the user by Scope.Rekey.
	Key func(*http.Request) (kind, id string)
	// Skip leaves requests out: health checks, the viewer. None by default.
	Skip func(*http.Request) bool
	// Logger logs each request's closing line; slog.Default() by default, as it
	// is when the request ends. Its handler should be a [Handler].
	Logger *slog.Logger
	// RemoteAddr adds the client's address to the header; it is personal data.
	RemoteAddr bool
}

// Bounds of what a client sends.
const (
	maxClientID = 128 // bytes of a request or trace id
	maxPath     = 256 // bytes of a path
)

// Middleware returns a net/http middleware that tells a story per request: it
// begins a scope, sets header attributes (method, path, route, status, bytes,
// request_id, trace_id), logs a closing line at level Info, or Error from status
// 500 on, and ends the scope. It never waits for the store. A panic becomes the
// story's last line and goes on. Options may be nil.
func Middleware(opts *MiddlewareOptions) func(http.Handler) http.Handler {
	var o MiddlewareOptions
	if opts != nil {
		o = *opts
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if o.Skip != nil && o.Skip(r) {
				next.ServeHTTP(w, r)
				return
			}
			o.serve(next, w, r)
		})
	}
}

func (o *MiddlewareOptions) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	route := routeOf(next, r)
	kind, id := "http", route
	if o.Key != nil {
		kind, id = o.Key(r)
	}
	ctx, scope := Begin(r.Context(), kind, id)
	scope.Set(o.requestAttrs(r, route)...)
	start := time.Now()
	a := &answer{}
	returned := false
	defer func() {
		if !returned { // runtime.Goexit
			o.finish(ctx, scope, a, start, r, nil)
		}
	}()
	caught := catch(func() { next.ServeHTTP(a.wrap(w), r.WithContext(ctx)) })
	returned = true
	o.finish(ctx, scope, a, start, r, caught)
	if caught != nil {
		panic(caught.value)
	}
}

// finish logs the closing line and ends the story.
func (o *MiddlewareOptions) finish(ctx context.Context, scope *Scope, a *answer, start time.Time, r *http.Request, caught *caughtPanic) {
	defer scope.End()
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	level, message := slog.LevelInfo, fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch {
	case caught != nil && caught.value == http.ErrAbortHandler:
		message = "client gone"
	case caught != nil:
		if a.status == 0 {
			status = http.StatusInternalServerError
		}
		level, message = slog.LevelError, caught.message()
	case a.hijacked:
		status, message = http.StatusSwitchingProtocols, "connection taken over, now ended"
	case status >= 500:
		level = slog.LevelError
	case r.Context().Err() != nil:
		message = "client gone"
	}
	scope.Set(slog.Int("status", status), slog.Int64("bytes", a.bytes))
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, level, message,
		slog.Int("status", status), slog.Int64("bytes", a.bytes), slog.Duration("took", time.Since(start).Round(time.Microsecond)))
}

func (o *MiddlewareOptions) requestAttrs(r *http.Request, route string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("method", clip(story.Escape(r.Method), 32)),
		slog.String("path", clip(story.Escape(r.URL.Path), maxPath)),
		slog.String("route", route),
	}
	if id := clientID(r.Header.Get("X-Request-Id")); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	if id := traceID(r.Header); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if o.RemoteAddr {
		attrs = append(attrs, slog.String("remote_addr", r.RemoteAddr))
	}
	return attrs
}

// routeOf returns the pattern that a request will match, with its method, if the
// next handler tells; never the path.
func routeOf(next http.Handler, r *http.Request) string {
	mux, ok := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	if !ok {
		return "other"
	}
	_, pattern := mux.Handler(r)
	if pattern == "" {
		return "other"
	}
	if method, _, found := strings.Cut(pattern, " "); found && method != "" {
		return pattern
	}
	return knownMethod(r.Method) + " " + pattern
}

func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE":
		return method
	}
	return "OTHER"
}

// traceID returns the trace id of a W3C traceparent or of AWS' X-Amzn-Trace-Id.
func traceID(h http.Header) string {
	if fields := strings.Split(h.Get("Traceparent"), "-"); len(fields) >= 4 {
		return clientID(fields[1])
	}
	for field := range strings.SplitSeq(h.Get("X-Amzn-Trace-Id"), ";") {
		if root, ok := strings.CutPrefix(strings.TrimSpace(field), "Root="); ok {
			return clientID(root)
		}
	}
	return ""
}

// clientID returns an id that a client sent, or "" if it is not plain.
func clientID(id string) string {
	for i := range len(id) {
		b := id[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("._:/=;-", b) >= 0) {
			return ""
		}
	}
	return clip(id, maxClientID)
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// An answer is what is known of a response.
type answer struct {
	status   int
	bytes    int64
	hijacked bool
}

// wrap returns a ResponseWriter that takes note of what is written, and has the
// same optional methods as w.
func (a *answer) wrap(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				a.header(status)
				next(status)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				a.header(http.StatusOK)
				n, err := next(p)
				a.bytes += int64(n)
				return n, err
			}
		},
		ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				a.header(http.StatusOK)
				n, err := next(src)
				a.bytes += n
				return n, err
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				conn, rw, err := next()
				a.hijacked = a.hijacked || err == nil
				return conn, rw, err
			}
		},
	})
}

// header takes note of the first final status.
func (a *answer) header(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
}

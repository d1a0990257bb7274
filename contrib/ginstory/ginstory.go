// Package ginstory tells a story per request of a service with gin, as
// [dynamoslog.Middleware] does for net/http:
//
//	router := gin.New()
//	router.Use(gin.Recovery(), ginstory.Middleware(nil))
package ginstory

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/dynamoslog/dynamoslog"
)

// Middleware returns a middleware that tells a story per request: http_GET /users/:id, unless
// a handler names something else by Scope.Rekey. The options are those of
// [dynamoslog.Middleware], and may be nil. The errors in gin.Context.Errors stand on the
// closing line.
//
// Use it after gin.Recovery, which then recovers panics outside of it, and before what
// compresses. The page that gin itself answers a 404 or 405 with is written later, and its
// bytes are not counted.
//
// slog.InfoContext(c, …) finds the story by its goroutine. Where that is switched off
// ([dynamoslog.Options.ContextOnly]), set gin.Engine.ContextWithFallback.
func Middleware(opts *dynamoslog.MiddlewareOptions) gin.HandlerFunc {
	tell := dynamoslog.Middleware(opts)
	return func(c *gin.Context) {
		before := c.Writer
		defer func() { c.Writer = before }()
		handler := routed{route: c.FullPath(), HandlerFunc: func(noted http.ResponseWriter, r *http.Request) {
			c.Request = r
			w := &writer{ResponseWriter: before, noted: noted}
			c.Writer = w
			c.Next()
			if len(c.Errors) > 0 {
				dynamoslog.Fail(r.Context(), joined(c.Errors))
			}
			if !before.Written() {
				noted.WriteHeader(before.Status()) // which gin sends after this
			}
		}}
		tell(handler).ServeHTTP(before, c.Request)
	}
}

// A routed handler tells its route as a mux does.
type routed struct {
	http.HandlerFunc
	route string
}

func (h routed) Handler(*http.Request) (http.Handler, string) { return h, h.route }

func joined(all []*gin.Error) error {
	errs := make([]error, len(all))
	for i, err := range all {
		errs[i] = err
	}
	return errors.Join(errs...)
}

// A writer sends what gin sends by way of what takes note of it.
type writer struct {
	gin.ResponseWriter                     // knows the status before it is sent
	noted              http.ResponseWriter // leads to it
}

func (w *writer) WriteHeaderNow() {
	if !w.Written() {
		w.noted.WriteHeader(w.Status())
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeaderNow()
	return w.noted.Write(p)
}

func (w *writer) WriteString(s string) (int, error) {
	w.WriteHeaderNow()
	return io.WriteString(w.noted, s)
}

func (w *writer) Flush() {
	w.WriteHeaderNow()
	w.noted.(http.Flusher).Flush()
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.noted.(http.Hijacker).Hijack()
}

func (w *writer) Unwrap() http.ResponseWriter { return w.noted }

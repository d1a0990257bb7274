// Package echostory tells a story per request of a service with version 5 of echo, as
// [dynamoslog.Middleware] does for net/http:
//
//	e := echo.New()
//	e.Use(middleware.Recover(), echostory.Middleware(nil))
package echostory

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/dynamoslog/dynamoslog"
)

// Middleware returns a middleware that tells a story per request: http_GET /users/:id, unless
// a handler names something else by Scope.Rekey. The options are those of
// [dynamoslog.Middleware], and may be nil.
//
// An error that a handler returns stands on the closing line, and is given to the error
// handler before that, so that the status is the one which the client gets. It is returned
// as well: echo's error handler sees it a second time then, as with its own RequestLogger,
// and leaves alone what is committed.
//
// Use it after middleware.Recover, which then recovers panics outside of it, and before what
// compresses.
func Middleware(opts *dynamoslog.MiddlewareOptions) echo.MiddlewareFunc {
	tell := dynamoslog.Middleware(opts)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) (err error) {
			before := c.Response()
			defer c.SetResponse(before)
			handler := routed{route: c.Path(), HandlerFunc: func(noted http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.SetResponse(echo.NewResponse(noted, c.Logger()))
				if err = next(c); err != nil {
					dynamoslog.Fail(r.Context(), err)
					c.Echo().HTTPErrorHandler(c, err)
				}
				r.Pattern = c.Path() // which is not known before where this stands in e.Pre
			}}
			tell(handler).ServeHTTP(before, c.Request())
			return err
		}
	}
}

// A routed handler tells its route as a mux does.
type routed struct {
	http.HandlerFunc
	route string
}

func (h routed) Handler(*http.Request) (http.Handler, string) { return h, h.route }

// Package fiberstory tells a story per request of a service with version 2 of fiber; for
// version 3 there is fiberstory/v3:
//
//	app := fiber.New()
//	app.Use(recover.New(), fiberstory.Middleware(nil))
package fiberstory

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Options are the options of [Middleware], which may be nil. A zero field stands for its
// default.
type Options struct {
	// Logger logs the closing line of each request; slog.Default() by default, as it is when
	// the request ends. Its handler should be a [dynamoslog.Handler].
	Logger *slog.Logger
	// Skip leaves requests out: health checks. None by default.
	Skip func(*fiber.Ctx) bool
	// Level is that of the closing line of a request that was answered with a status; Info by
	// default, and Error from 500 on.
	Level func(status int) slog.Level
	// IDHeader, where set, is the name of a header of the response that tells the story's id.
	IDHeader string
	// RemoteAddr adds the client's address to the header; it is personal data.
	RemoteAddr bool
}

const maxPath = 256 // bytes of a path that are kept

// Middleware returns a middleware that tells a story per request: http_GET /users/:id, unless
// a handler names something else by Scope.Rekey; what no route was found for is "http_GET
// (none)". Nothing of fiber's memory, which it uses for other requests, is kept.
//
// The error that a handler returns stands on the closing line, and is given to the error
// handler before that, so that the status is the one which the client gets. Whether the
// client left before it got it, fiber does not tell.
//
// A panic ends the story, which gets two seconds to be stored, as fiber recovers none: then it
// goes on. The middleware recover belongs before this one.
func Middleware(opts *Options) fiber.Handler {
	var m middleware
	if opts != nil {
		m.Options = *opts
	}
	return m.serve
}

type middleware struct {
	Options
	once  sync.Once
	known map[string]bool // routes by method and path, without those of middlewares; set by once
}

func (m *middleware) serve(c *fiber.Ctx) (err error) {
	if m.Skip != nil && m.Skip(c) {
		return c.Next()
	}
	attrs := []slog.Attr{slog.String("method", c.Method()), slog.String("path", clip(story.Escape(c.Path())))}
	if m.RemoteAddr {
		attrs = append(attrs, slog.String("remote_addr", c.IP()))
	}
	ctx, request := dynamoslog.BeginRequest(c.UserContext(), "http", "other", &dynamoslog.RequestOptions{
		Attrs: attrs, Header: func(name string) string { return c.Get(name) }, Logger: m.Logger, Crash: true,
	})
	if m.IDHeader != "" {
		c.Set(m.IDHeader, request.Scope().ID())
	}
	c.SetUserContext(ctx)
	before := c.Route()
	request.Guard(func() {
		defer func() {
			route := c.Method() + " " + m.path(c, before)
			request.Learn("http", route, slog.String("route", route))
		}()
		if err = c.Next(); err != nil && c.App().ErrorHandler(c, err) != nil {
			_ = c.SendStatus(fiber.StatusInternalServerError)
		}
	})
	request.Finish(m.outcome(c, err))
	return nil
}

// path returns that of the route which the router has found.
func (m *middleware) path(c *fiber.Ctx, before *fiber.Route) string {
	m.once.Do(func() {
		m.known = map[string]bool{}
		for _, route := range c.App().GetRoutes(true) {
			m.known[route.Method+" "+route.Path] = true
		}
	})
	if route := c.Route(); route != before && m.known[route.Method+" "+route.Path] {
		return route.Path
	}
	return "(none)"
}

func (m *middleware) outcome(c *fiber.Ctx, err error) dynamoslog.Outcome {
	response := c.Response()
	end := dynamoslog.HTTPOutcome(response.StatusCode(), err)
	if m.Level != nil {
		end.Level = m.Level(response.StatusCode())
	}
	switch status := response.StatusCode(); {
	case c.Method() == fiber.MethodHead, status == fiber.StatusNoContent, status == fiber.StatusNotModified:
		end.Attrs = append(end.Attrs, slog.Int("bytes", 0))
	case !response.IsBodyStream(): // else the body is not made before it is sent
		end.Attrs = append(end.Attrs, slog.Int("bytes", len(response.Body())))
	}
	return end
}

func clip(path string) string {
	if len(path) > maxPath {
		path = strings.ToValidUTF8(path[:maxPath], "")
	}
	return path
}

package echostory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/echostory/v5"
	"github.com/dynamoslog/dynamoslog/story"
)

// A server of a router, with a store of what it tells.
type server struct {
	t     testing.TB
	url   string
	h     *dynamoslog.Handler
	store *story.Memory
	ended chan struct{} // has a value for each request that has ended
}

// serve serves what routes adds to a router.
func serve(t testing.TB, opts dynamoslog.Options, mine dynamoslog.MiddlewareOptions, routes func(*echo.Echo, *slog.Logger)) *server {
	s := &server{t: t, store: story.NewMemory(), ended: make(chan struct{}, 100)}
	opts.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "took" || a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	s.h = dynamoslog.New(s.store, &opts)
	mine.Logger = slog.New(s.h)
	router := echo.New()
	router.Logger = slog.New(slog.DiscardHandler)
	router.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			defer func() { s.ended <- struct{}{} }()
			return next(c)
		}
	}, middleware.Recover(), echostory.Middleware(&mine))
	routes(router, mine.Logger)
	web := httptest.NewServer(router)
	s.url = web.URL
	t.Cleanup(func() {
		web.Close()
		if err := s.h.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) ask(method, path string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
	return fmt.Sprint(answer.StatusCode, " ", string(body))
}

// take returns the latest story of a key, and deletes it.
func (s *server) take(kind, id string) story.Story {
	s.t.Helper()
	if err := s.h.Flush(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	got, err := s.store.Read(context.Background(), story.NewKey(kind, id), "")
	if err == nil {
		err = s.store.Delete(context.Background(), got.Key, got.ID)
	}
	if err != nil {
		s.t.Fatal(kind, id, err)
	}
	return got
}

func (s *server) expect(got story.Story, want string) {
	s.t.Helper()
	for i := range got.Lines {
		got.Lines[i].Offset, got.Lines[i].Depth, got.Lines[i].Up = 0, 0, 0
		got.Lines[i].Message, _, _ = strings.Cut(got.Lines[i].Message, "\n")
	}
	if text := strings.ReplaceAll(story.Format(got.Lines), "+0.000 ", ""); got.State != story.Sealed || text != want {
		s.t.Errorf("%s is %s\n%swant\n%s", got.Key, got.State, text, want)
	}
}

func TestRequests(t *testing.T) {
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *echo.Echo, logger *slog.Logger) {
		group := router.Group("/users")
		group.GET("/:id", func(c *echo.Context) error {
			logger.InfoContext(c.Request().Context(), "by the request", "id", c.Param("id"))
			logger.Info("without a context")
			c.Response().Header().Set("X-Kind", "user")
			return c.String(http.StatusOK, "Ada")
		})
		group.PUT("/:id", func(*echo.Context) error { return echo.NewHTTPError(http.StatusNotFound, "no such user") })
		group.DELETE("/:id", func(*echo.Context) error { return errors.New("no shelf") })
		group.PATCH("/:id", func(c *echo.Context) error { return c.NoContent(http.StatusNoContent) })
		group.POST("/:id", func(*echo.Context) error { panic("no ink") })
		router.GET("/rekeyed", func(c *echo.Context) error {
			dynamoslog.FromContext(c.Request().Context()).Rekey("user", 42)
			return c.JSONBlob(http.StatusOK, []byte("{}"))
		})
		router.GET("/late", func(c *echo.Context) error {
			_ = c.String(http.StatusOK, "ab")
			return errors.New("too late for another status")
		})
		router.GET("/stream", func(c *echo.Context) error {
			for range 3 {
				_, _ = io.WriteString(c.Response(), "ab")
				_ = http.NewResponseController(c.Response()).Flush()
			}
			return nil
		})
	})
	for _, test := range []struct{ method, path, answer, route, want string }{
		{"GET", "/users/7", "200 Ada", "GET /users/:id", "I by the request\tid=7\nI without a context\nI 200 OK\tstatus=200 bytes=3\n"},
		{"GET", "/users/8", "200 Ada", "GET /users/:id", "I by the request\tid=8\nI without a context\nI 200 OK\tstatus=200 bytes=3\n"},
		{"PUT", "/users/7", `404 {"message":"no such user"}`, "PUT /users/:id", "I 404 Not Found\tstatus=404 bytes=27 error=\"code=404, message=no such user\"\n"},
		{"DELETE", "/users/7", `500 {"message":"Internal Server Error"}`, "DELETE /users/:id", "E 500 Internal Server Error\tstatus=500 bytes=36 error=\"no shelf\"\n"},
		{"PATCH", "/users/7", "204 ", "PATCH /users/:id", "I 204 No Content\tstatus=204 bytes=0\n"},
		{"POST", "/users/7", `500 {"message":"Internal Server Error"}`, "POST /users/:id", "E panic: no ink\tstatus=500 bytes=0\n"},
		{"GET", "/late", "200 ab", "GET /late", "I 200 OK\tstatus=200 bytes=2 error=\"too late for another status\"\n"},
		{"GET", "/stream", "200 ababab", "GET /stream", "I 200 OK\tstatus=200 bytes=6\n"},
		{"GET", "/nowhere", `404 {"message":"Not Found"}`, "GET (none)", "I 404 Not Found\tstatus=404 bytes=24 error=\"Not Found\"\n"},
		{"POST", "/stream", `405 {"message":"Method Not Allowed"}`, "POST /stream", "I 405 Method Not Allowed\tstatus=405 bytes=33 error=\"Method Not Allowed\"\n"},
	} {
		if got := strings.TrimSpace(s.ask(test.method, test.path)); got != strings.TrimSpace(test.answer) {
			t.Errorf("%s %s: the client got %q", test.method, test.path, got)
		}
		got := s.take("http", test.route)
		s.expect(got, test.want)
		if got.Attrs["route"] != test.route || got.Attrs["path"] != test.path || got.Attrs["method"] != test.method {
			t.Errorf("%s %s: the header has %v", test.method, test.path, got.Attrs)
		}
	}
	s.ask("GET", "/rekeyed")
	s.expect(s.take("user", "42"), "I 200 OK\tstatus=200 bytes=2\n")
}

// The middleware may also stand before the router.
func TestBeforeTheRouter(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	router := echo.New()
	router.Pre(echostory.Middleware(&dynamoslog.MiddlewareOptions{Logger: slog.New(h)}))
	router.GET("/users/:id", func(c *echo.Context) error { return c.NoContent(http.StatusOK) })
	for _, path := range []string{"/users/7", "/nowhere"} {
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for _, route := range []string{"GET /users/:id", "GET (none)"} {
		if s, err := store.Read(t.Context(), story.NewKey("http", route), ""); err != nil || s.Attrs["route"] != route {
			t.Errorf("%s: %v, %v", route, s.Header, err)
		}
	}
}

// The options are those of the middleware of dynamoslog.
func TestOptions(t *testing.T) {
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{
		IDHeader: "X-Story",
		Level:    func(int) slog.Level { return slog.LevelWarn },
		Skip:     func(r *http.Request) bool { return r.URL.Path == "/health" },
	}, func(router *echo.Echo, _ *slog.Logger) {
		router.GET("/health", func(*echo.Context) error { return errors.New("of nobody") })
		router.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, c.Response().Header().Get("X-Story")) })
	})
	s.ask("GET", "/health")
	answer := s.ask("GET", "/")
	got := s.take("http", "GET /")
	if answer != "200 "+got.ID || got.MaxLevel != slog.LevelWarn {
		t.Errorf("the client got %q of %v", answer, got.Header)
	}
	for header, err := range story.All(t.Context(), s.store, story.Query{}) {
		t.Errorf("there is %v, %v", header, err)
	}
}

// A client that leaves is told from one that stays.
func TestClientGone(t *testing.T) {
	entered := make(chan struct{})
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *echo.Echo, _ *slog.Logger) {
		router.GET("/slow", func(c *echo.Context) error {
			close(entered)
			<-c.Request().Context().Done()
			return c.String(http.StatusOK, "too late")
		})
	})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-entered
		leave()
	}()
	r, err := http.NewRequestWithContext(ctx, "GET", s.url+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
		t.Error("it was answered")
	}
	<-s.ended
	got := s.take("http", "GET /slow")
	if last := got.Lines[0]; last.Message != "client gone" || last.Level != slog.LevelInfo {
		t.Errorf("got %s", story.Format(got.Lines))
	}
}

// A connection may be taken over.
func TestHijack(t *testing.T) {
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *echo.Echo, _ *slog.Logger) {
		router.GET("/socket", func(c *echo.Context) error {
			conn, buffered, err := http.NewResponseController(c.Response()).Hijack()
			if err != nil {
				return err
			}
			_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
			_ = buffered.Flush()
			return conn.Close()
		})
	})
	if got := s.ask("GET", "/socket"); got != "200 hi" {
		t.Errorf("the client got %q", got)
	}
	s.expect(s.take("http", "GET /socket"), "I connection taken over\tbytes=0\n")
}

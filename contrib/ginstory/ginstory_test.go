package ginstory_test

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

	"github.com/gin-gonic/gin"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/ginstory"
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
func serve(t testing.TB, opts dynamoslog.Options, mine dynamoslog.MiddlewareOptions, routes func(*gin.Engine, *slog.Logger)) *server {
	gin.SetMode(gin.ReleaseMode)
	s := &server{t: t, store: story.NewMemory(), ended: make(chan struct{}, 100)}
	opts.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "took" || a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	s.h = dynamoslog.New(s.store, &opts)
	mine.Logger = slog.New(s.h)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.Use(func(c *gin.Context) {
		defer func() { s.ended <- struct{}{} }()
		c.Next()
	}, gin.RecoveryWithWriter(io.Discard), ginstory.Middleware(&mine))
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
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *gin.Engine, logger *slog.Logger) {
		group := router.Group("/users")
		group.GET("/:id", func(c *gin.Context) {
			logger.InfoContext(c, "by the context of gin", "id", c.Param("id"))
			logger.Info("without a context")
			logger.InfoContext(c.Request.Context(), "by the request")
			c.Header("X-Kind", "user")
			c.String(http.StatusOK, "Ada")
		})
		group.PUT("/:id", func(c *gin.Context) {
			_ = c.Error(errors.New("no such user"))
			c.AbortWithStatus(http.StatusNotFound)
		})
		group.DELETE("/:id", func(c *gin.Context) {
			c.Status(http.StatusTeapot) // which is not sent
			_ = c.Error(errors.New("first"))
			_ = c.AbortWithError(http.StatusBadGateway, errors.New("second"))
		})
		group.PATCH("/:id", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		group.POST("/:id", func(*gin.Context) { panic("no ink") })
		router.GET("/rekeyed", func(c *gin.Context) {
			dynamoslog.FromContext(c.Request.Context()).Rekey("user", 42)
			c.JSON(http.StatusOK, gin.H{})
		})
		router.GET("/stream", func(c *gin.Context) {
			left := 3
			c.Stream(func(w io.Writer) bool {
				_, _ = io.WriteString(w, "ab")
				left--
				return left > 0
			})
		})
	})
	for _, test := range []struct{ method, path, answer, route, want string }{
		{"GET", "/users/7", "200 Ada", "GET /users/:id", "I by the context of gin\tid=7\nI without a context\nI by the request\nI 200 OK\tstatus=200 bytes=3\n"},
		{"GET", "/users/8", "200 Ada", "GET /users/:id", "I by the context of gin\tid=8\nI without a context\nI by the request\nI 200 OK\tstatus=200 bytes=3\n"},
		{"PUT", "/users/7", "404 ", "PUT /users/:id", "I 404 Not Found\tstatus=404 bytes=0 error=\"no such user\"\n"},
		{"DELETE", "/users/7", "502 ", "DELETE /users/:id", "E 502 Bad Gateway\tstatus=502 bytes=0 error=\"first\\nsecond\"\n"},
		{"PATCH", "/users/7", "204 ", "PATCH /users/:id", "I 204 No Content\tstatus=204 bytes=0\n"},
		{"POST", "/users/7", "500 ", "POST /users/:id", "E panic: no ink\tstatus=500 bytes=0\n"},
		{"GET", "/stream", "200 ababab", "GET /stream", "I 200 OK\tstatus=200 bytes=6\n"},
		{"GET", "/nowhere", "404 404 page not found", "GET (none)", "I 404 Not Found\tstatus=404 bytes=0\n"},
		{"POST", "/stream", "405 405 method not allowed", "POST (none)", "I 405 Method Not Allowed\tstatus=405 bytes=0\n"},
	} {
		if got := s.ask(test.method, test.path); got != test.answer {
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

// Where lines find no story by their goroutine, gin has to look into the request.
func TestContextOnly(t *testing.T) {
	s := serve(t, dynamoslog.Options{ContextOnly: true}, dynamoslog.MiddlewareOptions{}, func(router *gin.Engine, logger *slog.Logger) {
		router.ContextWithFallback = true
		router.GET("/", func(c *gin.Context) { logger.InfoContext(c, "here") })
	})
	s.ask("GET", "/")
	s.expect(s.take("http", "GET /"), "I here\nI 200 OK\tstatus=200 bytes=0\n")
}

// The options are those of the middleware of dynamoslog.
func TestOptions(t *testing.T) {
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{
		IDHeader: "X-Story",
		Level:    func(int) slog.Level { return slog.LevelWarn },
		Skip:     func(r *http.Request) bool { return r.URL.Path == "/health" },
	}, func(router *gin.Engine, _ *slog.Logger) {
		router.GET("/health", func(c *gin.Context) { _ = c.Error(errors.New("of nobody")) })
		router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, c.Writer.Header().Get("X-Story")) })
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
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *gin.Engine, _ *slog.Logger) {
		router.GET("/slow", func(c *gin.Context) {
			close(entered)
			<-c.Request.Context().Done()
			c.String(http.StatusOK, "too late")
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
	s := serve(t, dynamoslog.Options{}, dynamoslog.MiddlewareOptions{}, func(router *gin.Engine, _ *slog.Logger) {
		router.GET("/socket", func(c *gin.Context) {
			conn, buffered, err := c.Writer.Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
			_ = buffered.Flush()
			_ = conn.Close()
		})
	})
	if got := s.ask("GET", "/socket"); got != "200 hi" {
		t.Errorf("the client got %q", got)
	}
	s.expect(s.take("http", "GET /socket"), "I connection taken over\tbytes=0\n")
}

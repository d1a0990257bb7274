package fiberstory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/fiberstory/v3"
	"github.com/dynamoslog/dynamoslog/story"
)

// A server of an app, with a store of what it tells.
type server struct {
	t     testing.TB
	url   string
	h     *dynamoslog.Handler
	store *story.Memory
}

// serve serves what routes adds to an app.
func serve(t testing.TB, opts fiberstory.Options, routes func(*fiber.App, *slog.Logger)) *server {
	s := &server{t: t, store: story.NewMemory()}
	s.h = dynamoslog.New(s.store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	opts.Logger = slog.New(s.h)
	app := fiber.New()
	app.Use(recover.New(), fiberstory.Middleware(&opts))
	app.Use(func(c fiber.Ctx) error { return c.Next() })
	routes(app, opts.Logger)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := errors.Join(app.Shutdown(), <-served, s.h.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) ask(method, path string) (answer string, header http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", "req"+strings.ReplaceAll(path, "%", ""))
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Error(err)
		return "", nil
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Error(err)
	}
	return fmt.Sprint(got.StatusCode, " ", string(body)), got.Header
}

// take returns the latest story of a key, and deletes it.
func (s *server) take(kind, id string) (story.Story, string) {
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
	for i := range got.Lines {
		got.Lines[i].Offset, got.Lines[i].Depth, got.Lines[i].Up = 0, 0, 0
		got.Lines[i].Message, _, _ = strings.Cut(got.Lines[i].Message, "\n")
	}
	return got, strings.ReplaceAll(story.Format(got.Lines), "+0.000 ", "")
}

func TestRequests(t *testing.T) {
	s := serve(t, fiberstory.Options{}, func(app *fiber.App, logger *slog.Logger) {
		group := app.Group("/users")
		group.Get("/:id", func(c fiber.Ctx) error {
			logger.InfoContext(c.Context(), "by the user's context", "id", c.Params("id"))
			logger.InfoContext(c, "by fiber's context")
			logger.Info("without a context")
			return c.SendString("Ada")
		})
		group.Put("/:id", func(fiber.Ctx) error { return fiber.NewError(fiber.StatusNotFound, "no such user") })
		group.Delete("/:id", func(fiber.Ctx) error { return errors.New("no shelf") })
		group.Patch("/:id", func(c fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
		group.Post("/:id", func(fiber.Ctx) error { panic("no ink") })
		app.Get("/rekeyed/:id", func(c fiber.Ctx) error {
			dynamoslog.FromContext(c.Context()).Rekey("user", c.Params("id"))
			return nil
		})
		app.Get("/stream", func(c fiber.Ctx) error { return c.SendStream(strings.NewReader("abab")) })
	})
	const lines = "I by the user's context\tid=%s\nI by fiber's context\nI without a context\nI 200 OK\tstatus=200 bytes=3\n"
	for _, test := range []struct{ method, path, answer, route, want string }{
		{"GET", "/users/7", "200 Ada", "GET /users/:id", fmt.Sprintf(lines, "7")},
		{"GET", "/users/8000", "200 Ada", "GET /users/:id", fmt.Sprintf(lines, "8000")},
		{"PUT", "/users/7", "404 no such user", "PUT /users/:id", "I 404 Not Found\tstatus=404 bytes=12 error=\"no such user\"\n"},
		{"DELETE", "/users/7", "500 no shelf", "DELETE /users/:id", "E 500 Internal Server Error\tstatus=500 bytes=8 error=\"no shelf\"\n"},
		{"PATCH", "/users/7", "204 ", "PATCH /users/:id", "I 204 No Content\tstatus=204 bytes=0\n"},
		{"GET", "/stream", "200 abab", "GET /stream", "I 200 OK\tstatus=200\n"},
		{"GET", "/nowhere", "404 Not Found", "GET (none)", "I 404 Not Found\tstatus=404 bytes=9 error=\"Not Found\"\n"},
		{"POST", "/stream", "405 Method Not Allowed", "POST (none)", "I 405 Method Not Allowed\tstatus=405 bytes=18 error=\"Method Not Allowed\"\n"},
	} {
		if got, _ := s.ask(test.method, test.path); got != test.answer {
			t.Errorf("%s %s: the client got %q", test.method, test.path, got)
		}
		got, text := s.take("http", test.route)
		if text != test.want || got.State != story.Sealed {
			t.Errorf("%s %s is %s\n%swant\n%s", test.method, test.path, got.State, text, test.want)
		}
		if got.Attrs["route"] != test.route || got.Attrs["path"] != test.path || got.Attrs["method"] != test.method || got.Attrs["request_id"] != "req"+test.path {
			t.Errorf("%s %s: the header has %v", test.method, test.path, got.Attrs)
		}
	}
	if answer, _ := s.ask("POST", "/users/7"); answer != "500 no ink" {
		t.Errorf("the client got %q", answer)
	}
	if got, text := s.take("http", "POST /users/:id"); text != "E panic: no ink\n" || got.MaxLevel != slog.LevelError {
		t.Errorf("got\n%s", text)
	}
	s.ask("GET", "/rekeyed/42")
	if got, _ := s.take("user", "42"); got.Attrs["route"] != "GET /rekeyed/:id" {
		t.Errorf("the header has %v", got.Attrs)
	}
}

// What a story keeps is its own, while fiber uses its memory for other requests.
func TestNothingIsShared(t *testing.T) {
	s := serve(t, fiberstory.Options{RemoteAddr: true}, func(app *fiber.App, logger *slog.Logger) {
		app.Get("/users/:id", func(c fiber.Ctx) error {
			dynamoslog.FromContext(c.Context()).Rekey("user", c.Params("id"))
			logger.InfoContext(c.Context(), c.Params("id"), "id", c.Params("id"), "agent", c.Get("X-Request-Id"))
			return errors.New(c.Params("id"))
		})
	})
	const clients, requests = 8, 25
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range requests {
				s.ask("GET", "/users/"+strings.Repeat(string(rune('a'+client)), 1+i%7)+fmt.Sprint(i))
			}
		})
	}
	all.Wait()
	for client := range clients {
		for i := range requests {
			id := strings.Repeat(string(rune('a'+client)), 1+i%7) + fmt.Sprint(i)
			got, text := s.take("user", id)
			want := fmt.Sprintf("I %s\tid=%[1]s agent=req/users/%[1]s\nE 500 Internal Server Error\tstatus=500 bytes=%d error=%[1]s\n", id, len(id))
			if text != want || got.Attrs["path"] != "/users/"+id || got.Attrs["request_id"] != "req/users/"+id || got.Attrs["remote_addr"] != "127.0.0.1" {
				t.Errorf("%s has %v and\n%s", id, got.Attrs, text)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	s := serve(t, fiberstory.Options{
		IDHeader: "X-Story",
		Level:    func(int) slog.Level { return slog.LevelWarn },
		Skip:     func(c fiber.Ctx) bool { return c.Path() == "/health" },
	}, func(app *fiber.App, _ *slog.Logger) {
		app.Get("/health", func(c fiber.Ctx) error { return nil })
		app.Get("/*", func(c fiber.Ctx) error { return nil })
	})
	s.ask("GET", "/health")
	_, header := s.ask("GET", "/%1b%5b31m"+strings.Repeat("é", 200))
	got, _ := s.take("http", "GET /*")
	if header.Get("X-Story") != got.ID || got.MaxLevel != slog.LevelWarn || len(got.Attrs["path"]) > 256 || strings.ContainsAny(got.Attrs["path"], "\x1b") {
		t.Errorf("got %v and %v", header, got.Header)
	}
	for header, err := range story.All(t.Context(), s.store, story.Query{}) {
		t.Errorf("there is %v, %v", header, err)
	}
}

func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

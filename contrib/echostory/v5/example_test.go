package echostory_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/echostory/v5"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	slog.SetDefault(slog.New(h))

	e := echo.New()
	e.Use(middleware.Recover(), echostory.Middleware(nil))
	e.GET("/orders/:id", func(c *echo.Context) error {
		slog.InfoContext(c.Request().Context(), "Looking for the order", "order", c.Param("id"))
		return echo.NewHTTPError(http.StatusNotFound, "there is none")
	})

	server := httptest.NewServer(e)
	answer, err := http.Get(server.URL + "/orders/93")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status)
	_ = answer.Body.Close()
	server.Close()
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("http", "GET /orders/:id"), "")
	fmt.Printf("%s path=%s\n%s", s.Key, s.Attrs["path"], story.Format(s.Lines))
	// Output:
	// 404 Not Found
	// http_GET /orders/:id path=/orders/93
	// +0.000 I Looking for the order	order=93
	// +0.000 I 404 Not Found	status=404 bytes=28 error="code=404, message=there is none"
}

// withoutTimes leaves out what differs from run to run.
func withoutTimes(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "took" {
		return slog.Attr{}
	}
	return a
}

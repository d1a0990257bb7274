package fiberstory_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/fiberstory/v3"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	slog.SetDefault(slog.New(h))

	app := fiber.New()
	app.Use(recover.New(), fiberstory.Middleware(nil))
	app.Get("/orders/:id", func(c fiber.Ctx) error {
		slog.Info("Looking for the order", "order", c.Params("id"))
		return fiber.NewError(fiber.StatusNotFound, "there is none")
	})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/orders/93")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	_ = app.Shutdown()
	<-served
	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("http", "GET /orders/:id"), "")
	fmt.Printf("%s path=%s\n%s", s.Key, s.Attrs["path"], story.Format(s.Lines))
	// Output:
	// 404 Not Found
	// http_GET /orders/:id path=/orders/93
	// +0.000 I Looking for the order	order=93
	// +0.000 I 404 Not Found	status=404 bytes=13 error="there is none"
}

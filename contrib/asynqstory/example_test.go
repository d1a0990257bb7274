package asynqstory_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/asynqstory"
	"github.com/dynamoslog/dynamoslog/story"
)

func Example() {
	store := story.NewMemory() // or &dynamoslog.Table{Name: "app-logs"}, or a file of sqlitestore
	h := dynamoslog.New(store, &dynamoslog.Options{ReplaceAttr: withoutTimes})
	logger := slog.New(h)

	redis, err := miniredis.Run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer redis.Close()
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: redis.Addr()}, asynq.Config{LogLevel: asynq.FatalLevel})
	worked := make(chan struct{})
	mux := asynq.NewServeMux()
	mux.Use(asynqstory.Middleware(&asynqstory.Options{Logger: logger})) // or nil, for slog.Default()
	mux.HandleFunc("mail:send", func(ctx context.Context, task *asynq.Task) error {
		defer close(worked)
		logger.InfoContext(ctx, "Writing the mail", "to", string(task.Payload()))
		return fmt.Errorf("no such mailbox: %w", asynq.SkipRetry)
	})
	if err := server.Start(mux); err != nil {
		fmt.Println(err)
		return
	}
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: redis.Addr()})
	defer client.Close()
	_, _ = client.Enqueue(asynq.NewTask("mail:send", []byte("ada")), asynq.TaskID("93"))
	<-worked
	server.Shutdown()

	if err := h.Close(); err != nil {
		fmt.Println(err)
	}
	s, _ := store.Read(context.Background(), story.NewKey("mail:send", "93"), "")
	fmt.Printf("%s queue=%s retried=%s\n%s", s.Key, s.Attrs["queue"], s.Attrs["retried"], story.Format(s.Lines))
	// Output:
	// mail-send_93 queue=default retried=0
	// +0.000 I Writing the mail	to=ada
	// +0.000 W archived	error="no such mailbox: skip retry for the task"
}

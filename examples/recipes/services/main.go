// Services lets one service call another, each of which tells a story: both have one trace,
// and the story of the bank names the line of the shop that has called it.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

func main() {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	slog.SetDefault(slog.New(h))

	bank := http.NewServeMux()
	bank.HandleFunc("POST /charges/{id}", func(_ http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "charging")
	})
	pay := httptest.NewServer(dynamoslog.Middleware(nil)(bank))
	defer pay.Close()

	client := &http.Client{Transport: dynamoslog.Transport(nil)}

	shop := http.NewServeMux()
	shop.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "order is placed")
		ask, err := http.NewRequestWithContext(r.Context(), http.MethodPost, pay.URL+"/charges/93", nil)
		if err != nil {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		answer, err := client.Do(ask)
		if err != nil {
			http.Error(w, "the bank does not answer", http.StatusBadGateway)
			return
		}
		_ = answer.Body.Close()
	})
	dynamoslog.Middleware(nil)(shop).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/orders", nil))

	if err := h.Close(); err != nil {
		log.Fatal(err)
	}
	for header, err := range story.All(context.Background(), store, story.Query{}) {
		if err != nil {
			log.Fatal(err)
		}
		s, err := store.Read(context.Background(), header.Key, header.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.Key, "trace", s.Attrs["trace_id"], "called by", s.Attrs["parent_span"])
		fmt.Println(story.Format(s.Lines))
	}
}

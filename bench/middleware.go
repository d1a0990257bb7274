package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"

	"github.com/dynamoslog/dynamoslog"
)

// middleware prints what a request takes that logs ten lines: with our middleware a
// story each, which is begun, sealed and written meanwhile.
func middleware(out io.Writer) error {
	all := contenders()
	times := make([][]float64, len(all))
	for range rounds {
		for i, c := range all {
			times[i] = append(times[i], requestTime(c))
		}
	}
	var rows [][]string
	for i, c := range all {
		rows = append(rows, []string{c.name, fmt.Sprintf("%.1f", median(times[i])), fmt.Sprintf("%.2f", medianRatio(times[i], times[0]))})
	}
	printTable(out, []string{"a request that logs ten lines", "µs", "times the floor"}, rows)
	return nil
}

func requestTime(c contender) float64 {
	const warm, requests = 200, 3000
	h, closed := c.open()
	defer closed()
	logger := slog.New(h)
	handler := linesHandler(logger, 10)
	if c.tells {
		handler = dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(handler)
	}
	request := httptest.NewRequest(http.MethodGet, "/users/42", nil)
	serve := func(n int) {
		for range n {
			handler.ServeHTTP(httptest.NewRecorder(), request)
		}
	}
	runtime.GC()
	serve(warm)
	start := time.Now()
	serve(requests)
	return float64(time.Since(start).Nanoseconds()) / requests / 1000
}

package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
	"github.com/dynamoslog/dynamoslog/internal/processortime"
)

// request prints what a whole request takes of the processors: with our middleware from
// the beginning of its story until that was handed to a store that takes it and keeps
// nothing, with slog's JSON handler beside a closing line.
func request(out io.Writer) error {
	names := []string{"slog, JSON", oursName, oursName + " with a journal"}
	all := slices.DeleteFunc(contenders(), func(c contender) bool { return !slices.Contains(names, c.name) })
	var rows [][]string
	for _, lines := range []int{10, 50} {
		taken := make([][]requestCost, len(all))
		for range rounds {
			for i, c := range all {
				taken[i] = append(taken[i], costOfRequest(c, lines))
			}
		}
		for i, c := range all {
			times := func(of []requestCost) []float64 {
				return each(of, func(c requestCost) float64 { return c.micros })
			}
			rows = append(rows, []string{
				fmt.Sprintf("%s, %d lines", c.name, lines),
				fmt.Sprintf("%.1f", median(times(taken[i]))),
				fmt.Sprintf("%.2f", medianRatio(times(taken[i]), times(taken[0]))),
				fmt.Sprintf("%.0f", median(each(taken[i], func(c requestCost) float64 { return c.allocations }))),
				fmt.Sprintf("%.1f", median(each(taken[i], func(c requestCost) float64 { return c.bytes / 1000 }))),
			})
		}
	}
	printTable(out, []string{"a whole request", "µs of the processors", "times slog, JSON", "allocations", "KB"}, rows)
	return nil
}

func each(costs []requestCost, value func(requestCost) float64) (values []float64) {
	for _, c := range costs {
		values = append(values, value(c))
	}
	return values
}

// A requestCost is what one request takes, without what is the test's own.
type requestCost struct{ micros, allocations, bytes float64 }

func costOfRequest(c contender, lines int) requestCost {
	const warm, requests = 5_000, 30_000 // warm for longer than a story waits for last lines
	h, closed := c.open()
	logger := slog.New(h)
	handler := closing(logger, c.tells, linesHandler(logger, lines))
	r, w := httptest.NewRequest(http.MethodGet, "/users/42", nil), &emptyWriter{header: make(http.Header)}
	serve := func(n int) {
		for range n {
			handler.ServeHTTP(w, r)
		}
	}
	serve(warm)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processortime.Used()
	serve(requests)
	closed() // when all is stored
	took := processortime.Used() - start
	runtime.ReadMemStats(&after)
	return requestCost{
		micros:      float64(took) / float64(time.Microsecond) / requests,
		allocations: float64(after.Mallocs-before.Mallocs) / requests,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / requests,
	}
}

// linesHandler serves a route by logging so many lines.
func linesHandler(logger *slog.Logger, lines int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		deepcalls.At(10, func() {
			for i := range lines {
				logger.LogAttrs(r.Context(), slog.LevelInfo, "No exercises available for current filter",
					slog.String("component", "flexibility"), slog.Int("tries", i), slog.Int("user", 42))
			}
		})
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// closing adds the closing line: by our middleware where stories are told, else as people
// write it by hand.
func closing(logger *slog.Logger, tells bool, next http.Handler) http.Handler {
	if tells {
		return dynamoslog.Middleware(&dynamoslog.MiddlewareOptions{Logger: logger})(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		logger.LogAttrs(r.Context(), slog.LevelInfo, http.StatusText(answer.status),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("route", r.Pattern),
			slog.Int("status", answer.status), slog.Duration("took", time.Since(start)))
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// An emptyWriter is an answer that nobody gets.
type emptyWriter struct{ header http.Header }

func (w *emptyWriter) Header() http.Header         { return w.header }
func (w *emptyWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *emptyWriter) WriteHeader(int)             {}

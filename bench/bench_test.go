package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/processortime"
)

func TestEveryContenderIsMeasured(t *testing.T) {
	for _, c := range contenders() {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range settings() {
				if took := s.measure(c); took <= 0 {
					t.Errorf("%s: %v ns", s.name, took)
				}
			}
			if took := requestTime(c); took <= 0 {
				t.Errorf("a request: %v µs", took)
			}
		})
	}
}

func TestNothingIsLostInABurst(t *testing.T) {
	const records = 100_000
	if arrived, err := storyBurst(records, 0); err != nil || arrived != records {
		t.Errorf("%d of %d lines arrived: %v", arrived, records, err)
	}
}

// An open story of one line takes little, and one of fifty little more than what is stored.
func TestMemoryOfOpenStories(t *testing.T) {
	const stories = 20_000
	if held, _ := holdStories(stories, 1); held > 700*stories {
		t.Errorf("a story of one line takes %d bytes", held/stories)
	}
	if held, text := holdStories(stories, 50); held*10 > text*13 {
		t.Errorf("stories of 50 lines take %.2f times what is stored", float64(held)/float64(text))
	}
}

func TestPrintTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, []string{"a", "b"}, [][]string{{"1", "2"}})
	if want := "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"; out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", &out, want)
	}
}

func TestMedians(t *testing.T) {
	if got := median([]float64{9, 1, 2}); got != 2 {
		t.Errorf("median: got %v", got)
	}
	if got := medianRatio([]float64{2, 9, 4}, []float64{1, 1, 4}); got != 2 {
		t.Errorf("ratio: got %v", got)
	}
	if got := quantile([]float64{3, 1, 2}, 1); got != 3 {
		t.Errorf("quantile: got %v", got)
	}
}

// BenchmarkRequest serves requests with our middleware, of which each logs so many lines.
func BenchmarkRequest(b *testing.B) {
	for _, c := range contenders() {
		if c.name != oursName && c.name != oursName+" with a journal" && c.name != "slog, JSON" {
			continue
		}
		for _, lines := range []int{10, 50} {
			b.Run(fmt.Sprintf("%s/%d", strings.Trim(c.name, "*"), lines), func(b *testing.B) {
				b.ReportAllocs()
				h, closed := c.open()
				logger := slog.New(h)
				handler := closing(logger, c.tells, linesHandler(logger, lines))
				r, w := httptest.NewRequest(http.MethodGet, "/users/42", nil), &emptyWriter{header: make(http.Header)}
				for b.Loop() {
					handler.ServeHTTP(w, r)
				}
				closed()
			})
		}
	}
}

// BenchmarkTable serves requests whose stories go to a table of DynamoDB Local, and reports
// what each takes of this process's processors, the emulator being another one.
func BenchmarkTable(b *testing.B) {
	endpoint := dynamotest.Endpoint(b)
	for _, lines := range []int{10, 50} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			run, err := newStorageRun(endpoint, lines)
			if err != nil {
				b.Fatal(err)
			}
			h := dynamoslog.New(run.table, nil)
			logger := slog.New(h)
			handler := closing(logger, true, linesHandler(logger, lines))
			r, w := httptest.NewRequest(http.MethodGet, "/users/42", nil), &emptyWriter{header: make(http.Header)}
			b.ReportAllocs()
			cpu := processortime.Used()
			for n := 1; b.Loop(); n++ {
				handler.ServeHTTP(w, r)
				if n%500 == 0 { // the emulator is slower than what is measured
					if err := h.Flush(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := h.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((processortime.Used()-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

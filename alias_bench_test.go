package dynamoslog_test

import (
	"log/slog"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
)

// BenchmarkIndex logs lines in stories of 50, with no names in Options.Index and with three
// that no line has: what Handle takes, while stories are told and stored beside it.
func BenchmarkIndex(b *testing.B) {
	for name, index := range map[string][]string{"none": nil, "three": {"order_id", "cart.item", "request_id"}} {
		b.Run(name, func(b *testing.B) {
			h := dynamoslog.New(handlertest.Discard{}, &dynamoslog.Options{Index: index})
			logger := slog.New(h)
			b.ReportAllocs()
			b.ResetTimer()
			handlertest.LogLines(b.Context(), logger, b.N)
			b.StopTimer()
			_ = h.Close() // what was dropped, by one writer on few processors, is no matter here
		})
	}
}

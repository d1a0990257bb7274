package dynamoslog_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
)

func BenchmarkProf(b *testing.B) {
	h := dynamoslog.New(discard{}, &dynamoslog.Options{MaxBuffered: 1 << 40, MaxStory: 1 << 20})
	logger := slog.New(h)
	ctx := context.WithValue(context.Background(), "a", 1)
	ctx = context.WithValue(ctx, "b", 1)
	ctx, scope := dynamoslog.Begin(ctx, "user", 42)
	for i := range 8 {
		ctx = context.WithValue(ctx, i, 1)
	}
	deepcalls.At(20, func() {
		for b.Loop() {
			logger.LogAttrs(ctx, slog.LevelInfo, "No exercises available for current filter",
				slog.String("component", "flexibility"), slog.Int("tries", 7), slog.Duration("took", 12*time.Millisecond))
		}
	})
	b.StopTimer()
	scope.End()
	h.Close()
}

func BenchmarkFloor(b *testing.B) {
	logger := slog.New(nothing{})
	ctx := context.Background()
	deepcalls.At(20, func() {
		for b.Loop() {
			logger.LogAttrs(ctx, slog.LevelInfo, "No exercises available for current filter",
				slog.String("component", "flexibility"), slog.Int("tries", 7), slog.Duration("took", 12*time.Millisecond))
		}
	})
}

type nothing struct{}

func (nothing) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (nothing) Handle(context.Context, slog.Record) error        { return nil }
func (n nothing) WithAttrs([]slog.Attr) slog.Handler             { return n }
func (n nothing) WithGroup(string) slog.Handler                  { return n }

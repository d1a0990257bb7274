package handlertest

import (
	"context"
	"log/slog"
	"os"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Discard store takes everything and keeps nothing.
type Discard struct{ story.Store }

// Put returns nil.
func (Discard) Put(context.Context, []story.Part) error { return nil }

// A Written handler writes each line to a file beside handing it on, as a journal
// without a mapping would.
type Written struct {
	slog.Handler
	File *os.File
}

// Handle implements slog.Handler.
func (w Written) Handle(ctx context.Context, r slog.Record) error {
	var buf [256]byte
	if _, err := w.File.Write(append(append(buf[:0], r.Message...), '\n')); err != nil {
		return err
	}
	return w.Handler.Handle(ctx, r)
}

// LogLines logs so many lines of 100 bytes, in stories of 50.
func LogLines(ctx context.Context, logger *slog.Logger, count int) {
	for count > 0 {
		story, scope := dynamoslog.Begin(ctx, "user", 42)
		for range min(count, 50) {
			logger.LogAttrs(story, slog.LevelInfo, "No exercises available for current filter",
				slog.String("component", "flexibility"), slog.Int("tries", 7), slog.Int("user", 42))
		}
		scope.End()
		count -= 50
	}
}

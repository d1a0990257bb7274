package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A contender is a handler with its usual settings: level Info and above, output
// that goes nowhere.
type contender struct {
	name  string
	open  func() (h slog.Handler, closed func())
	tells bool // stories: the calls are made within a scope
}

const (
	floorName  = "a handler that does nothing"
	phusluName = "phuslu/log"
	oursName   = "**dynamoslog**"
)

func contenders() []contender {
	plain := func(name string, h func() slog.Handler) contender {
		return contender{name: name, open: func() (slog.Handler, func()) { return h(), func() {} }}
	}
	return []contender{
		plain(floorName, func() slog.Handler { return nothing{} }),
		plain("slog, text", func() slog.Handler { return slog.NewTextHandler(io.Discard, nil) }),
		plain("slog, JSON", func() slog.Handler { return slog.NewJSONHandler(io.Discard, nil) }),
		plain("tint", func() slog.Handler { return tint.NewTextHandler(io.Discard, nil) }),
		plain("zapslog", func() slog.Handler {
			encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
				TimeKey: "time", LevelKey: "level", MessageKey: "msg",
				EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.CapitalLevelEncoder,
				EncodeDuration: zapcore.NanosDurationEncoder,
			})
			return zapslog.NewHandler(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel))
		}),
		plain("zerolog", func() slog.Handler {
			return zerolog.NewSlogHandler(zerolog.New(io.Discard).Level(zerolog.InfoLevel).With().Timestamp().Logger())
		}),
		plain(phusluName, func() slog.Handler { return phuslu.SlogNewJSONHandler(io.Discard, nil) }),
		{name: "OpenTelemetry, BatchProcessor", open: func() (slog.Handler, func()) {
			provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(noExporter{})))
			h := otelslog.NewHandler("bench", otelslog.WithLoggerProvider(provider))
			return h, func() { _ = provider.Shutdown(context.Background()) }
		}},
		{name: oursName, tells: true, open: func() (slog.Handler, func()) { return ours(nil) }},
		{name: oursName + " with a journal", tells: true, open: func() (slog.Handler, func()) {
			dir, err := os.MkdirTemp("", "journal")
			if err != nil {
				panic(err)
			}
			h, closed := ours(&dynamoslog.Options{Journal: dir})
			return h, func() {
				closed()
				_ = os.RemoveAll(dir)
			}
		}},
	}
}

// ours opens our handler on a store that takes everything and keeps nothing.
func ours(opts *dynamoslog.Options) (slog.Handler, func()) {
	h := dynamoslog.New(nowhere{}, opts)
	return h, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			panic(err)
		}
		if s := h.Stats(); s.Dropped > 0 || s.Unprotected > 0 {
			panic("lines were dropped, or are not in the journal: the figures would be of something else")
		}
	}
}

type nothing struct{}

func (nothing) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (nothing) Handle(context.Context, slog.Record) error        { return nil }
func (n nothing) WithAttrs([]slog.Attr) slog.Handler             { return n }
func (n nothing) WithGroup(string) slog.Handler                  { return n }

type noExporter struct{}

func (noExporter) Export(context.Context, []sdklog.Record) error { return nil }
func (noExporter) Shutdown(context.Context) error                { return nil }
func (noExporter) ForceFlush(context.Context) error              { return nil }

type nowhere struct{ story.Store }

func (nowhere) Put(context.Context, []story.Part) error { return nil }

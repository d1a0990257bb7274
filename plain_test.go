package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

// randomAttr returns an attribute of any kind, most often a plain one.
func randomAttr(random *rand.Rand, deep int) slog.Attr {
	keys := []string{"user", "component", "took", "with space", "a=b", `"quoted"`, "é", "", "\u202e", "x\x7f"}
	key := keys[random.IntN(len(keys))]
	switch kind := random.IntN(14); {
	case kind == 0:
		return slog.Any(key, errors.New("no such file"))
	case kind == 1 && deep > 0:
		return slog.Group(key, randomAttr(random, deep-1), randomAttr(random, deep-1))
	case kind == 2:
		return slog.Any(key, []byte("bytes"))
	case kind == 3:
		return slog.Any(key, lateText{fmt.Sprint(random.Int())})
	case kind == 4:
		return slog.Attr{}
	case kind == 5:
		return slog.Float64(key, []float64{0, 1.5, math.Inf(1), math.NaN(), 1e300}[random.IntN(5)])
	case kind == 6:
		return slog.Bool(key, random.IntN(2) == 0)
	case kind == 7:
		return slog.Duration(key, time.Duration(random.Int64()))
	case kind == 8:
		return slog.Time(key, time.Unix(random.Int64N(1e10), 0).UTC())
	case kind < 11:
		return slog.Int64(key, int64(random.Uint64())>>random.IntN(64))
	}
	texts := []string{"flexibility", "two words", "", "tab\tand\nline", "ünïcödé", "\xff", strings.Repeat("long ", 50)}
	return slog.String(key, texts[random.IntN(len(texts))])
}

type lateText struct{ text string }

func (l lateText) LogValue() slog.Value { return slog.StringValue(l.text) }

// Handle has a faster way for most lines. It gives the same story as the general
// one, which ReplaceAttr leads to.
func TestFasterWayGivesTheSameLines(t *testing.T) {
	general, generalStore := open(t, dynamoslog.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }})
	faster, fasterStore := open(t, dynamoslog.Options{})
	for seed := range uint64(50) {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", seed)
		generalLogger, fasterLogger := slog.New(general), slog.New(faster)
		random := rand.New(rand.NewPCG(seed, 7))
		for range random.IntN(200) {
			if random.IntN(10) == 0 {
				attr := randomAttr(random, 1)
				generalLogger, fasterLogger = generalLogger.With(attr), fasterLogger.With(attr)
			}
			if random.IntN(30) == 0 {
				generalLogger, fasterLogger = generalLogger.WithGroup("a group"), fasterLogger.WithGroup("a group")
			}
			logBoth(ctx, random, fasterLogger, generalLogger) // the first one has the faster way
		}
		scope.End()
		sameLines(t, generalStore, fasterStore, general, faster, fmt.Sprintf("job_%d", seed), scope.ID())
	}
}

// logBoth logs the same record to both, from one place.
func logBoth(ctx context.Context, random *rand.Rand, loggers ...*slog.Logger) {
	var attrs []slog.Attr
	for range random.IntN(12) {
		attrs = append(attrs, randomAttr(random, 2))
	}
	message := []string{"", "Saving the order", "further\nlines", " space", strings.Repeat("much ", random.IntN(600))}[random.IntN(5)]
	level := slog.Level(random.IntN(20) - 6)
	r := slog.NewRecord(time.Now().Add(time.Duration(random.IntN(1000))*time.Millisecond), level, message, 0)
	if random.IntN(20) == 0 {
		r.Time = time.Time{}
	}
	r.AddAttrs(attrs...)
	for _, l := range loggers {
		_ = l.Handler().Handle(ctx, r)
	}
}

func sameLines(t *testing.T, a, b story.Store, general, faster *dynamoslog.Handler, key, id string) {
	t.Helper()
	if err := errors.Join(general.Flush(t.Context()), faster.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	k, err := story.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	want, wantErr := a.Read(t.Context(), k, id)
	got, gotErr := b.Read(t.Context(), k, id)
	if errors.Is(wantErr, story.ErrNotFound) && errors.Is(gotErr, story.ErrNotFound) {
		return // nothing was logged
	}
	if wantErr != nil || gotErr != nil {
		t.Fatal(wantErr, gotErr)
	}
	for i := range max(len(got.Lines), len(want.Lines)) {
		if i >= len(got.Lines) || i >= len(want.Lines) || got.Lines[i] != want.Lines[i] {
			t.Fatalf("%s: %d lines, want %d; they differ from line %d on:\n%+v\nwant:\n%+v",
				key, len(got.Lines), len(want.Lines), i, got.Lines[i:min(i+1, len(got.Lines))], want.Lines[i:min(i+1, len(want.Lines))])
		}
	}
}

func TestHandleDoesNotAllocate(t *testing.T) {
	if handlertest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	for _, attrs := range []int{0, 3, 10} {
		for name, opts := range map[string]dynamoslog.Options{"memory": {}, "journal": {Journal: t.TempDir()}} {
			h, _ := open(t, opts)
			ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
			logger := slog.New(h).With("service", "workout").WithGroup("request")
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "Saving the order", 0)
			for i := range attrs {
				r.AddAttrs([]slog.Attr{slog.String("name", "x"), slog.Int("count", i*1000), slog.Bool("cached", true),
					slog.Duration("took", time.Second), slog.Float64("weight", 22.5)}[i%5])
			}
			log := func() { _ = logger.Handler().Handle(ctx, r) }
			log()
			// The stacks and blocks that are new are few among so many.
			if n := testing.AllocsPerRun(2000, log); n > 0 {
				t.Errorf("%s, %d attributes: %v allocations", name, attrs, n)
			}
			scope.End()
		}
	}
}

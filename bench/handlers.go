package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/deepcalls"
)

// A setting is one way of calling a logger.
type setting struct {
	name       string
	attrs      int
	depth      int
	goroutines int
	level      slog.Level
	derive     func(*slog.Logger) *slog.Logger
}

const rounds = 30

func settings() []setting {
	base := setting{attrs: 3, depth: 20, goroutines: 1, level: slog.LevelInfo}
	with := func(name string, change func(*setting)) setting {
		s := base
		s.name = name
		change(&s)
		return s
	}
	return []setting{
		with("3 attributes, depth 20", func(*setting) {}),
		with("none", func(s *setting) { s.attrs = 0 }),
		with("5", func(s *setting) { s.attrs = 5 }),
		with("10", func(s *setting) { s.attrs = 10 }),
		with("With 3", func(s *setting) {
			s.derive = func(l *slog.Logger) *slog.Logger { return l.With("service", "workout", "version", 7, "debug", true) }
		}),
		with("in a group", func(s *setting) {
			s.derive = func(l *slog.Logger) *slog.Logger { return l.WithGroup("request").With("id", 7) }
		}),
		with("disabled", func(s *setting) { s.level = slog.LevelDebug }),
		with("depth 5", func(s *setting) { s.depth = 5 }),
		with("depth 40", func(s *setting) { s.depth = 40 }),
		with("2 goroutines", func(s *setting) { s.goroutines = 2 }),
		with("8 goroutines", func(s *setting) { s.goroutines = 8 }),
	}
}

// handlers prints what a call of a logger takes.
func handlers(out io.Writer) error {
	all := contenders()
	compare(all, settings()[0]) // the first time is slower
	header := []string{"ns a call"}
	rows := make([][]string, len(all))
	for i, c := range all {
		rows[i] = []string{c.name}
	}
	ratios := ""
	for _, s := range settings() {
		header = append(header, s.name)
		times := compare(all, s)
		for i := range all {
			rows[i] = append(rows[i], fmt.Sprintf("%.0f", median(times[i])))
		}
		ratios += s.ratios(all, times)
	}
	printTable(out, header, rows)
	fmt.Fprint(out, "\n", ratios)
	return nil
}

// ratios tells how our handlers compare with the fastest other and with the floor:
// the median of the rounds' ratios.
func (s setting) ratios(all []contender, times [][]float64) string {
	of := func(name string) []float64 {
		return times[slices.IndexFunc(all, func(c contender) bool { return c.name == name })]
	}
	text := ""
	for i, c := range all {
		if c.tells {
			text += fmt.Sprintf("%s, %s: %.2f times phuslu/log, %.2f times the floor\n", s.name, c.name,
				medianRatio(times[i], of(phusluName)), medianRatio(times[i], of(floorName)))
		}
	}
	return text
}

// compare measures all contenders in turn, in several rounds, and returns the
// nanoseconds a call of each round.
func compare(all []contender, s setting) [][]float64 {
	inUse := make([]byte, heapInUse)
	times := make([][]float64, len(all))
	for range rounds {
		for i, c := range all {
			times[i] = append(times[i], s.measure(c))
		}
	}
	runtime.KeepAlive(inUse)
	return times
}

// heapInUse is what the program holds beside the handlers: in one that holds nothing
// the collector would run all the time.
const heapInUse = 64 << 20

// measure returns the nanoseconds that a processor is busy with a call, or waits within it:
// the time until all goroutines have made theirs, of as many processors as they can use. A
// goroutine's own time would be that of the others as well, whose turn it is in between.
func (s setting) measure(c contender) float64 {
	const warm, calls = 20_000, 20_000
	h, closed := c.open()
	defer closed()
	logger := slog.New(h)
	if s.derive != nil {
		logger = s.derive(logger)
	}
	runtime.GC()
	var ready, called, ended sync.WaitGroup
	start := make(chan struct{})
	ready.Add(s.goroutines)
	called.Add(s.goroutines)
	for range s.goroutines {
		ended.Go(func() {
			ctx, end := serverContext(c)
			deepcalls.At(s.depth, func() {
				s.call(ctx, logger, warm)
				ready.Done()
				<-start
				s.call(ctx, logger, calls)
				called.Done()
			})
			called.Wait()
			end()
		})
	}
	ready.Wait()
	began := time.Now()
	close(start)
	called.Wait()
	took := time.Since(began)
	ended.Wait()
	processors := min(s.goroutines, runtime.GOMAXPROCS(0))
	return float64(took.Nanoseconds()) * float64(processors) / float64(s.goroutines*calls)
}

type requestKey int

// serverContext returns a context such as a handler of net/http gets: with ten
// values, two of the server below the scope and eight of middlewares above it.
func serverContext(c contender) (ctx context.Context, end func()) {
	ctx = context.Background()
	var scope *dynamoslog.Scope
	for i := range requestKey(10) {
		if i == 2 && c.tells {
			ctx, scope = dynamoslog.Begin(ctx, "user", 42)
		}
		ctx = context.WithValue(ctx, i, i)
	}
	return ctx, scope.End
}

// call logs so many times.
func (s setting) call(ctx context.Context, l *slog.Logger, times int) {
	component, tries, user, took := "flexibility", 7, 42, 12*time.Millisecond
	for range times {
		switch s.attrs {
		case 0:
			l.LogAttrs(ctx, s.level, "No exercises available for current filter")
		case 3:
			l.LogAttrs(ctx, s.level, "No exercises available for current filter",
				slog.String("component", component), slog.Int("tries", tries), slog.Int("user", user))
		case 5:
			l.LogAttrs(ctx, s.level, "No exercises available for current filter",
				slog.String("component", component), slog.Int("tries", tries), slog.Int("user", user),
				slog.Bool("cached", true), slog.Duration("took", took))
		default:
			l.LogAttrs(ctx, s.level, "No exercises available for current filter",
				slog.String("component", component), slog.Int("tries", tries), slog.Int("user", user),
				slog.Bool("cached", true), slog.Duration("took", took),
				slog.Int("sets", 3), slog.Int("reps", 12), slog.Float64("weight", 22.5),
				slog.String("muscles", "chest"), slog.Uint64("seed", 4711))
		}
	}
}

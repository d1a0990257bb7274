package dynamoslog_test

import (
	"context"
	"iter"
	"log"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A teller logs to one story; its methods are the call shapes.
type teller struct {
	*slog.Logger
	ctx context.Context
}

//go:noinline
func (l teller) straight(levels int) {
	l.InfoContext(l.ctx, "down")
	if levels > 0 {
		l.straight(levels - 1)
	}
	l.InfoContext(l.ctx, "up")
}

//go:noinline
func (l teller) validate() { l.checkAge() }

//go:noinline
func (l teller) checkAge() { l.InfoContext(l.ctx, "age ok") }

//go:noinline
func (l teller) save() { l.insert() }

//go:noinline
func (l teller) insert() { l.exec() }

//go:noinline
func (l teller) exec() { l.InfoContext(l.ctx, "INSERT") }

func inlined(l teller) { l.InfoContext(l.ctx, "inlined") }

func generic[T any](l teller, v T) { l.InfoContext(l.ctx, "generic", "v", v) }

// helper makes its record as helpers do that report their caller's place.
//
//go:noinline
func (l teller) helper(message string) {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, message, pcs[0])
	_ = l.Handler().Handle(l.ctx, r)
}

//go:noinline
func (l teller) helperByCaller(message string) {
	pc, _, _, _ := runtime.Caller(1)
	_ = l.Handler().Handle(l.ctx, slog.NewRecord(time.Time{}, slog.LevelInfo, message, pc))
}

func numbers(l teller) iter.Seq[int] {
	return func(yield func(int) bool) {
		l.InfoContext(l.ctx, "iterating")
		yield(1)
	}
}

//go:noinline
func (l teller) recovers() {
	defer func() {
		_ = recover()
		l.InfoContext(l.ctx, "recovered")
	}()
	l.panics()
}

//go:noinline
func (l teller) panics() {
	l.InfoContext(l.ctx, "about to panic")
	panic("x")
}

// wrapping is a handler around another, as middleware for slog is.
type wrapping struct{ slog.Handler }

func (w wrapping) Handle(ctx context.Context, r slog.Record) error {
	return func() error { return w.Handler.Handle(ctx, r) }()
}

var callShapes = []struct {
	name string
	tell func(l teller)
	want string // as stored, by depth
	nest string // as readers show it, where the stored indent jumps
}{
	{"recursion goes down and comes up", func(l teller) { l.straight(2) }, `+0.000 I down
+0.000 I   down
+0.000 I     down
+0.000 I     up
+0.000 I   up
+0.000 I up
`, ""},
	{"a call beside another that went deeper is not under it", func(l teller) {
		l.InfoContext(l.ctx, "A")
		l.validate()
		l.save()
		l.InfoContext(l.ctx, "A again")
	}, `+0.000 I A
+0.000 I     age ok
+0.000 I<0     INSERT
+0.000 I A again
`, `+0.000 I A
+0.000 I   age ok
+0.000 I   INSERT
+0.000 I A again
`},
	{"closures are frames", func(l teller) {
		l.InfoContext(l.ctx, "out")
		f := func() { l.InfoContext(l.ctx, "closure") }
		f()
	}, "+0.000 I out\n+0.000 I   closure\n", ""},
	{"a method value adds no line", func(l teller) {
		l.InfoContext(l.ctx, "out")
		f := l.checkAge
		f()
	}, "+0.000 I out\n+0.000 I   age ok\n", ""},
	{"generic functions", func(l teller) {
		l.InfoContext(l.ctx, "out")
		generic(l, 1)
		generic(l, "s")
	}, "+0.000 I out\n+0.000 I   generic\tv=1\n+0.000 I   generic\tv=s\n", ""},
	{"inlined functions count as frames", func(l teller) {
		l.InfoContext(l.ctx, "out")
		inlined(l)
	}, "+0.000 I out\n+0.000 I   inlined\n", ""},
	{"a deferred call stands under its function", func(l teller) {
		defer func() { l.InfoContext(l.ctx, "deferred") }()
		l.InfoContext(l.ctx, "body")
	}, "+0.000 I body\n+0.000 I   deferred\n", ""},
	{"helpers that pass their caller's place are seen through", func(l teller) {
		l.InfoContext(l.ctx, "direct")
		l.helper("by Callers")
		l.helperByCaller("by Caller")
	}, "+0.000 I direct\n+0.000 I by Callers\n+0.000 I by Caller\n", ""},
	{"the first line is the margin, a shallower one becomes it", func(l teller) {
		l.checkAge()
		l.InfoContext(l.ctx, "shallower")
		l.checkAge()
	}, "+0.000 I age ok\n+0.000 I shallower\n+0.000 I   age ok\n", ""},
	{"handlers around the handler do not shift it", func(l teller) {
		l.InfoContext(l.ctx, "plain")
		slog.New(wrapping{l.Handler()}).InfoContext(l.ctx, "wrapped")
		slog.New(slog.NewMultiHandler(l.Handler())).InfoContext(l.ctx, "multi")
	}, "+0.000 I plain\n+0.000 I wrapped\n+0.000 I multi\n", ""},
	{"handled on another goroutine, a line stays beside the one before", func(l teller) {
		l.InfoContext(l.ctx, "A")
		l.checkAge()
		var pcs [1]uintptr
		runtime.Callers(1, pcs[:])
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = l.Handler().Handle(l.ctx, slog.NewRecord(time.Time{}, slog.LevelInfo, "elsewhere", pcs[0]))
		}()
		<-done
		l.InfoContext(l.ctx, "A again")
	}, "+0.000 I A\n+0.000 I   age ok\n+0.000 I   elsewhere\n+0.000 I A again\n", ""},
	{"goroutines have lanes", func(l teller) {
		l.InfoContext(l.ctx, "main")
		var wg sync.WaitGroup
		wg.Go(func() { l.checkAge() })
		wg.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.InfoContext(l.ctx, "other")
		}()
		<-done
		l.InfoContext(l.ctx, "main")
	}, "+0.000 I main\n+0.000 I&1 age ok\n+0.000 I&2 other\n+0.000 I main\n", ""},
	{"a named lane is one, whatever the goroutine", func(l teller) {
		l.InfoContext(l.ctx, "main")
		lane := dynamoslog.Lane(l.ctx, "worker")
		l.InfoContext(lane, "in the lane")
		l.InfoContext(dynamoslog.Lane(l.ctx, "worker"), "in another")
	}, "+0.000 I main\n+0.000 I&1 in the lane\n+0.000 I&2 in another\n", ""},
}

func TestCallShapes(t *testing.T) {
	for _, shape := range callShapes {
		t.Run(shape.name, func(t *testing.T) {
			for _, indent := range []dynamoslog.Indent{dynamoslog.ByDepth, dynamoslog.ByCaller} {
				h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime, Indent: indent})
				ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
				shape.tell(teller{slog.New(h), ctx})
				scope.End()
				s := read(t, h, store, "job_1", "")
				nest := shape.nest
				if nest == "" {
					nest = shape.want
				}
				want := shape.want
				if indent == dynamoslog.ByCaller {
					want = nest
				}
				expect(t, s, want)
				s.Lines = story.Nest(s.Lines)
				expect(t, s, nest)
			}
		})
	}
}

func TestRangeOverFunc(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	l := teller{slog.New(h), ctx}
	l.InfoContext(ctx, "before")
	for range numbers(l) {
		l.InfoContext(ctx, "body")
	}
	l.InfoContext(ctx, "after")
	scope.End()
	s := read(t, h, store, "job_1", "")
	s.Lines = story.Nest(s.Lines)
	expect(t, s, "+0.000 I before\n+0.000 I   iterating\n+0.000 I     body\n+0.000 I after\n")
}

func TestRecoveredPanic(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	l := teller{slog.New(h), ctx}
	l.InfoContext(ctx, "before")
	l.recovers()
	l.InfoContext(ctx, "after")
	scope.End()
	s := read(t, h, store, "job_1", "")
	s.Lines = story.Nest(s.Lines)
	expect(t, s, "+0.000 I before\n+0.000 I   about to panic\n+0.000 I     recovered\n+0.000 I after\n")
}

// passing is a handler of another kind, as users put before ours.
type passing struct{ slog.Handler }

//go:noinline
func (p passing) Handle(ctx context.Context, r slog.Record) error { return p.pass(ctx, r) }

//go:noinline
func (p passing) pass(ctx context.Context, r slog.Record) error { return p.Handler.Handle(ctx, r) }

// The depth of log.Print is that of its call, whatever handlers stand between.
func TestDepthOfLogPrint(t *testing.T) {
	before, flags := slog.Default(), log.Flags()
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(os.Stderr); log.SetFlags(flags) })
	for _, wrap := range []func(slog.Handler) slog.Handler{
		func(h slog.Handler) slog.Handler { return h },
		func(h slog.Handler) slog.Handler { return passing{h} },
		func(h slog.Handler) slog.Handler { return passing{passing{h}} },
	} {
		h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "test")})
		slog.SetDefault(slog.New(wrap(h)))
		slog.Info("by slog")
		log.Print("by log")
		func() { log.Print("deeper") }()
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("app", "test"), "")
		if err != nil || len(s.Lines) != 3 || s.Lines[0].Depth != 0 || s.Lines[1].Depth != 0 || s.Lines[2].Depth != 1 {
			t.Errorf("got %+v, %v", s.Lines, err)
		}
	}
}

package dynamoslog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestSlogtest(t *testing.T) {
	var store *story.Memory
	var h *dynamoslog.Handler
	var sawTime bool
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		sawTime = false
		h, store = open(t, dynamoslog.Options{
			Process: story.NewKey("app", "test"),
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				sawTime = sawTime || a.Key == slog.TimeKey
				return a
			},
		})
		return h
	}, func(t *testing.T) map[string]any {
		line := read(t, h, store, "app_test", "").Lines[0]
		result := map[string]any{slog.LevelKey: line.Level, slog.MessageKey: line.Message}
		if sawTime {
			result[slog.TimeKey] = line.Offset
		}
		for name, value := range line.AllAttrs() {
			at := result
			groups := strings.Split(name, ".")
			for _, group := range groups[:len(groups)-1] {
				if at[group] == nil {
					at[group] = map[string]any{}
				}
				at = at[group].(map[string]any)
			}
			at[groups[len(groups)-1]] = value
		}
		return result
	})
}

type panicking struct{}

func (panicking) LogValue() slog.Value { panic("no value") }

type pointed struct{ N int }

func (p *pointed) String() string { return fmt.Sprint("n", p.N) }

func TestValuesAreRenderedAsTextHandlerDoes(t *testing.T) {
	attrs := []slog.Attr{
		slog.Any("error", errors.New("boom now")), slog.Any("nil", nil), slog.Any("bytes", []byte("a b")),
		slog.Any("stringer", &pointed{7}), slog.Any("null", (*pointed)(nil)), slog.Any("struct", struct{ A, B int }{1, 2}),
		slog.Any("panic", panicking{}), slog.Float64("f", 1e21), slog.Bool("b", true), slog.Uint64("u", 1<<63),
		slog.Duration("d", time.Second), slog.Time("t", time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)),
		slog.String("quote", `a="b"`), slog.String("empty", ""), slog.String("a key", "x"), slog.String("esc", "\x1b[31m\u202e"),
		slog.Group("g", slog.Int("i", 1), slog.Group("h", slog.Int("j", 2))), slog.Any("level", slog.LevelWarn),
	}
	var text bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).LogAttrs(t.Context(), slog.LevelInfo, "m", attrs...)
	_, want, _ := strings.Cut(strings.TrimSuffix(text.String(), "\n"), "msg=m ")
	// A panic's text holds the value's stack, which differs from call to call.
	cut := func(s string) string {
		before, after, _ := strings.Cut(s, "panic=")
		_, after, _ = strings.Cut(after, " f=")
		return before + after
	}
	h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "test")})
	slog.New(h).LogAttrs(t.Context(), slog.LevelInfo, "m", attrs...)
	got := read(t, h, store, "app_test", "").Lines[0].Attrs
	// slog quotes every byte slice; ours only where it has to.
	if cut(got) != cut(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGroupsAndReplaceAttr(t *testing.T) {
	h, store := open(t, dynamoslog.Options{
		Process: story.NewKey("app", "test"), AddSource: true,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == "secret":
				return slog.Attr{}
			case a.Key == slog.SourceKey:
				return slog.String("source", "here")
			case a.Key == slog.LevelKey:
				return slog.String("severity", "NOTICE")
			case a.Key == "path":
				return slog.String("path", strings.Join(groups, "/"))
			}
			return noTime(groups, a)
		},
	})
	base := slog.New(h).With("a", 1).WithGroup("g")
	one, two := base.WithGroup("h").With("path", 0), base.WithGroup("i").With("secret", 1)
	one.Info("one", "b", 2)
	two.Info("two", slog.Group("j", "path", 0))
	expect(t, read(t, h, store, "app_test", ""), `+0.000 I one	severity=NOTICE source=here a=1 g.h.path=g/h g.h.b=2
+0.000 I two	severity=NOTICE source=here a=1 g.i.j.path=g/i/j
`)
}

func TestLevelChangesWhileRunning(t *testing.T) {
	level := new(slog.LevelVar)
	h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "test"), Level: level, ReplaceAttr: noTime})
	logger := slog.New(h)
	logger.Debug("unseen")
	level.Set(slog.LevelDebug)
	logger.Debug("seen")
	logger.Log(t.Context(), slog.LevelInfo+2, "custom")
	expect(t, read(t, h, store, "app_test", ""), "+0.000 D seen\n+0.000 I+2 custom\n")
}

func TestScopes(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "test"), ReplaceAttr: noTime})
	logger := slog.New(h)
	ctx, outer := dynamoslog.Begin(t.Context(), "User", 42)
	logger.InfoContext(ctx, "outer one")
	inner, scope := dynamoslog.Begin(ctx, "job", "x")
	logger.InfoContext(inner, "inner")
	logger.InfoContext(ctx, "outer two")
	logger.With(scope.Attr()).Info("joined")
	logger.With(dynamoslog.Key("order", 7)).Info("bound")
	logger.With(dynamoslog.Key("order", 7)).InfoContext(ctx, "the scope wins")
	logger.Info("an attribute", dynamoslog.Key("order", 7))
	logger.Info("process")
	scope.End()
	scope.End()
	logger.InfoContext(inner, "late")
	outer.Set(slog.Int("n", 1), slog.Group("g", slog.String("s", "t")))
	outer.Set(slog.Int("n", 2))
	outer.End()

	s := read(t, h, store, "user_42", outer.ID())
	expect(t, s, "+0.000 I outer one\n+0.000 I outer two\n+0.000 I the scope wins\torder=7\n")
	if s.State != story.Sealed || s.Title != "outer one" || s.LineCount != 3 || s.Attrs["n"] != "2" || s.Attrs["g.s"] != "t" {
		t.Errorf("header %+v", s.Header)
	}
	expect(t, read(t, h, store, "job_x", scope.ID()), "+0.000 I inner\n+0.000 I joined\n+0.000 I late\n")
	expect(t, read(t, h, store, "order_7", ""), "+0.000 I bound\n+0.000 I an attribute\n")
	expect(t, read(t, h, store, "app_test", ""), "+0.000 I process\n")
}

// The title is what the first line says, however the lines are handed over.
func TestTitle(t *testing.T) {
	long := strings.Repeat("word ", 5000)
	for _, test := range []struct {
		first, title string
		maxStory     int // after which the lines are handed over
	}{
		{"first", "first", 0},
		{"first", "first", 1},
		{"first\nand more", "first", 0},
		{"", "", 0},
		{"", "", 1},
		{long, story.TitleOf(long), 0},
		{long, story.TitleOf(long), 1},
	} {
		h, store := open(t, dynamoslog.Options{MaxStory: test.maxStory, Journal: t.TempDir()})
		logger := slog.New(h)
		ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
		logger.InfoContext(ctx, test.first)
		logger.InfoContext(ctx, "second")
		if err := h.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		logger.InfoContext(ctx, "third")
		scope.End()
		if s := read(t, h, store, "user_42", ""); s.Title != test.title || len(s.Lines) != 3 {
			t.Errorf("%.20q, %d: the title is %q, of %d lines", test.first, test.maxStory, s.Title, len(s.Lines))
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRekey(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	logger := slog.New(h)
	ctx, early := dynamoslog.Begin(t.Context(), "http", "GET /")
	logger.InfoContext(ctx, "one")
	early.Rekey("user", 1)
	early.End()
	expect(t, read(t, h, store, "user_1", ""), "+0.000 I one\n")

	ctx, late := dynamoslog.Begin(t.Context(), "http", "GET /")
	logger.InfoContext(ctx, "one")
	moved := read(t, h, store, "http_GET /", "")
	late.Rekey("user", 2)
	logger.InfoContext(ctx, "two")
	late.End()
	s := read(t, h, store, "user_2", late.ID())
	expect(t, s, "+0.000 I two\n")
	if s.Attrs[story.AttrMovedFrom] != "http_GET /" {
		t.Errorf("got attributes %v", s.Attrs)
	}
	moved = read(t, h, store, "http_GET /", moved.ID)
	expect(t, moved, "+0.000 I one\n")
	if moved.State != story.Moved || moved.Attrs[story.AttrMovedTo] != "user_2" {
		t.Errorf("got %+v", moved.Header)
	}
}

// A story that becomes again one about what it was about before goes on there.
func TestRekeyBack(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "a", 1)
	for i, kind := range []string{"a", "b", "a", "b", "a"} {
		scope.Rekey(kind, 1)
		slog.New(h).InfoContext(ctx, fmt.Sprint("line ", i))
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	scope.End()
	for key, want := range map[string]int{"a_1": 3, "b_1": 2} {
		if s := read(t, h, store, key, ""); len(s.Lines) != want || s.LineCount != want {
			t.Errorf("%s: %d lines, the header says %d; want %d", key, len(s.Lines), s.LineCount, want)
		}
	}
}

func TestKeepAndQuietLevel(t *testing.T) {
	h, store := open(t, dynamoslog.Options{
		ReplaceAttr: noTime, QuietLevel: slog.LevelInfo,
		Keep: func(h story.Header) bool { return h.Key.ID != "refused" },
	})
	logger := slog.New(h)
	tell := func(id string, last slog.Level) {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
		logger.InfoContext(ctx, "start")
		logger.DebugContext(ctx, "detail")
		logger.Log(ctx, last, "end")
		scope.End()
	}
	tell("calm", slog.LevelInfo)
	tell("bad", slog.LevelWarn)
	tell("refused", slog.LevelWarn)
	expect(t, read(t, h, store, "job_calm", ""), "+0.000 I start\n+0.000 I end\n")
	expect(t, read(t, h, store, "job_bad", ""), "+0.000 I start\n+0.000 D detail\n+0.000 W end\n")
	if _, err := store.Read(t.Context(), story.NewKey("job", "refused"), ""); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("a refused story is stored: %v", err)
	}
	if stats := h.Stats(); stats.NotKept != 1 || stats.Quiet != 1 || stats.Lines != 5 || stats.Stories != 2 || stats.Buffered != 0 {
		t.Errorf("got %+v", stats)
	}
}

func TestLongMessageComesBack(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	want := strings.Repeat("three megabytes of text € \x00\n", 120_000)
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, want)
	slog.New(h).InfoContext(ctx, "after")
	scope.End()
	s := read(t, h, store, "job_1", "")
	if len(s.Lines) != 2 || s.Lines[0].Message != want {
		t.Errorf("a message of %d bytes came back otherwise, in %d lines", len(want), len(s.Lines))
	}
	if s.LineCount != 2 || s.State != story.Sealed || s.Parts < 40 {
		t.Errorf("got %+v", s.Header)
	}
}

func TestRun(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTook})
	logger := slog.New(h)
	failure := errors.New("no disk")
	err := h.Run(t.Context(), "job", "err", func(ctx context.Context) error {
		logger.InfoContext(ctx, "working")
		return failure
	})
	if err != failure {
		t.Errorf("got %v", err)
	}
	expect(t, read(t, h, store, "job_err", ""), "+0.000 I working\n+0.000 E failed\terror=\"no disk\"\n")

	if err := h.Run(t.Context(), "job", "silent", func(context.Context) error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
	expect(t, read(t, h, store, "job_silent", ""), "+0.000 I done\n")

	func() {
		defer func() {
			if r := recover(); r != "boom" {
				t.Errorf("the same panic goes on: got %v", r)
			}
			s, err := store.Read(t.Context(), story.NewKey("job", "panic"), "")
			if err != nil {
				t.Fatalf("stored before the panic goes on: %v", err)
			}
			last := s.Lines[len(s.Lines)-1]
			if !strings.HasPrefix(last.Message, "panic: boom\n") || !strings.Contains(last.Message, "TestRun") || last.Depth != 0 {
				t.Errorf("got %+v", last)
			}
		}()
		_ = h.Run(t.Context(), "job", "panic", func(ctx context.Context) error {
			logger.InfoContext(ctx, "working")
			panic("boom")
		})
	}()
}

// An error that is control flow is none to those who look for errors; a level that
// cannot be had is Error.
func TestErrorLevel(t *testing.T) {
	h, store := open(t, dynamoslog.Options{OnError: func(error) {}, ErrorLevel: func(err error) slog.Level {
		switch {
		case errors.Is(err, context.Canceled):
			return slog.LevelInfo
		case errors.Is(err, io.EOF):
			panic("in ErrorLevel")
		}
		return slog.LevelWarn
	}})
	for id, test := range map[string]struct {
		err     error
		want    slog.Level
		message string
	}{
		"stopped": {context.Canceled, slog.LevelInfo, "done"}, "failed": {errors.New("no disk"), slog.LevelWarn, "failed"}, "panics": {io.EOF, slog.LevelError, "failed"},
	} {
		if err := h.Run(t.Context(), "job", id, func(context.Context) error { return test.err }); err != test.err {
			t.Errorf("got %v", err)
		}
		if s := read(t, h, store, "job_"+id, ""); s.MaxLevel != test.want || s.Lines[0].Message != test.message {
			t.Errorf("%s: got %+v", id, s.Lines)
		}
	}
}

// A program's own loggers become stories by the attributes that they have.
func TestKeyAttrs(t *testing.T) {
	h, store := open(t, dynamoslog.Options{
		Process:  story.NewKey("app", "test"),
		KeyAttrs: []string{"component", "worker", "secret", "empty"},
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == "secret":
				return slog.String("secret", "***")
			case a.Key == "empty":
				return slog.Attr{}
			}
			return noTime(groups, a)
		},
	})
	logger := slog.New(h)
	logger.With("component", "store").Info("of a component", "worker", 1)
	logger.With("component", "store").With("worker", 3, "task", "a b").Info("of a worker")
	logger.With("secret", "s3cret").Info("of a secret")
	logger.WithGroup("g").With("worker", 4).Info("of a group")
	logger.With("empty", "nothing").Info("of nothing")
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	logger.With("worker", 3).InfoContext(ctx, "within a scope")
	scope.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"component_store": "+0.000 I of a component\tworker=1\n",
		"worker_3":        "+0.000 I of a worker\tcomponent=store task=\"a b\"\n",
		"secret_***":      "+0.000 I of a secret\n",
		"job_1":           "+0.000 I within a scope\tworker=3\n",
		"app_test":        "+0.000 I of a group\tg.worker=4\n+0.000 I of nothing\n",
	} {
		parsed, err := story.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), parsed, "")
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		expect(t, s, want)
	}
}

func TestAfterClose(t *testing.T) {
	var fallback bytes.Buffer
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, "before")
	for range 2 {
		if err := h.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	slog.New(h).InfoContext(ctx, "after")
	scope.End()
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "after too", 0)
	if err := h.Handle(context.Background(), r); !errors.Is(err, dynamoslog.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	for _, want := range []string{"after\n", "after too\n", strings.TrimPrefix(dynamoslog.ErrClosed.Error(), "dynamoslog: ")} {
		if !strings.Contains(fallback.String(), want) {
			t.Errorf("the fallback lacks %q:\n%s", want, fallback.String())
		}
	}
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || s.State != story.Closed || len(s.Lines) != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestLogPrint(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Process: story.NewKey("app", "test"), ReplaceAttr: noTime})
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	slog.SetDefault(slog.New(h))
	slog.Info("outside")
	func() { log.Print("inside") }()
	expect(t, read(t, h, store, "app_test", ""), "+0.000 I outside\n+0.000 I   inside\n")
}

// What is printed by package log after Close is in the fallback, with the reason.
func TestLogPrintAfterClose(t *testing.T) {
	var fallback bytes.Buffer
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: &fallback})
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	slog.SetDefault(slog.New(h))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	log.Print("2 lines are not stored")
	if want := "dynamoslog: not stored: the handler is closed\n+0.000 I 2 lines are not stored\n"; fallback.String() != want {
		t.Errorf("got %q, want %q", fallback.String(), want)
	}
}

func TestTwoHandlersOneScope(t *testing.T) {
	store := story.NewMemory()
	one, two := dynamoslog.New(store, nil), dynamoslog.New(store, nil)
	logger := slog.New(slog.NewMultiHandler(one, two))
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	logger.InfoContext(ctx, "to both")
	scope.End()
	for _, h := range []*dynamoslog.Handler{one, two} {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	var ids []string
	for h, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, h.ID)
	}
	if want := []string{scope.ID() + "-2", scope.ID()}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

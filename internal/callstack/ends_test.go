package callstack_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/callstack"
)

// A recorder notes of each record what function of package log it says that it is from.
type recorder struct {
	stacks callstack.Stacks
	heard  []string
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *recorder) WithGroup(string) slog.Handler            { return r }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	stack, _ := r.stacks.Capture(record.PC)
	defer r.stacks.Release(stack)
	r.heard = append(r.heard, fmt.Sprintf("%s %s", record.Message, stack.Ends))
	return nil
}

// A bridge is a writer for log.SetOutput that somebody has written.
type bridge struct{ logger *slog.Logger }

func (b bridge) Write(p []byte) (int, error) {
	b.logger.Info(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// loud has package log's methods promoted to it.
type loud struct{ *log.Logger }

// Records of log.Panic and its like are told from all others: those that are deferred,
// logged while the text is made, and of a handler that package log calls without slog.
// That of log.Fatal needs a process of its own: internal/acceptance has it.
func TestEnds(t *testing.T) {
	r := &recorder{}
	r.stacks.Within = []string{"log", "log/slog"}
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(io.Discard, nil), r))
	std := log.Default()
	t.Cleanup(func(previous *slog.Logger, w io.Writer, flags int) func() {
		return func() { slog.SetDefault(previous); std.SetOutput(w); std.SetFlags(flags) }
	}(slog.Default(), std.Writer(), std.Flags()))
	slog.SetDefault(logger)
	custom := log.New(bridge{logger}, "", 0)
	toSlog := slog.NewLogLogger(logger.Handler(), slog.LevelInfo)
	for name, c := range map[string]struct {
		panics func()
		want   string
	}{
		"log.Panic":          {func() { log.Panic("x") }, "x log.Panic"},
		"log.Panicf":         {func() { log.Panicf("%s", "x") }, "x log.Panicf"},
		"log.Panicln":        {func() { log.Panicln("x") }, "x log.Panicln"},
		"method":             {func() { std.Panic("x") }, "x log.Panic"},
		"method f":           {func() { std.Panicf("x") }, "x log.Panicf"},
		"method ln":          {func() { toSlog.Panicln("x") }, "x log.Panicln"},
		"NewLogLogger":       {func() { toSlog.Panic("x") }, "x log.Panic"},
		"promoted":           {func() { loud{toSlog}.Panic("x") }, "x log.Panic"},
		"method value":       {func() { f := toSlog.Panicf; f("x") }, "x log.Panicf"},
		"interface":          {func() { interface{ Panicln(...any) }(toSlog).Panicln("x") }, "x log.Panicln"},
		"deferred":           {func() { defer log.Panic("x") }, "x log.Panic"},
		"a bridge":           {func() { custom.Panicf("x") }, "x log.Panicf"},
		"Print":              {func() { log.Print("x"); panic(0) }, "x "},
		"Output":             {func() { _ = log.Output(2, "x"); panic(0) }, "x "},
		"Print of a bridge":  {func() { custom.Print("x"); panic(0) }, "x "},
		"slog":               {func() { slog.Info("x"); panic(0) }, "x "},
		"deferred by Panic":  {func() { defer slog.Info("y"); log.Panic("x") }, "x log.Panic, y "},
		"Print by Panic":     {func() { defer log.Print("y"); toSlog.Panic("x") }, "x log.Panic, y "},
		"bridge by Panic":    {func() { defer custom.Print("y"); custom.Panic("x") }, "x log.Panic, y "},
		"by a Stringer":      {func() { log.Panic(saying{}) }, "y , x log.Panic"},
		"by a Stringer of f": {func() { custom.Panicf("%v", saying{}) }, "y , x log.Panicf"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 4 { // so that the stack is known
				r.heard = nil
				func() {
					defer func() { _ = recover() }()
					c.panics()
				}()
				if got := strings.Join(r.heard, ", "); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// saying logs while it is made a text.
type saying struct{}

func (saying) String() string {
	slog.Info("y")
	return "x"
}

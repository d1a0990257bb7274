package dynamoslog_test

import (
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

//go:noinline
func (l teller) processOrder(order int) {
	l.pay(order)
	l.InfoContext(l.ctx, "shipped", "order", order)
}

//go:noinline
func (l teller) pay(order int) { l.InfoContext(l.ctx, "paying", "order", order) }

// reports logs twice for the place of its caller.
//
//go:noinline
func (l teller) reports() {
	for _, message := range []string{"reported", "reported again"} {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:])
		_ = l.Handler().Handle(l.ctx, slog.NewRecord(time.Now(), slog.LevelInfo, message, pcs[0]))
	}
}

type handling struct{ teller }

//go:noinline
func (h handling) Handle() {
	for _, message := range []string{"one", "two"} {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:])
		_ = h.Handler().Handle(h.ctx, slog.NewRecord(time.Now(), slog.LevelInfo, message, pcs[0]))
	}
}

// sometimes logs, and calls one that logs, or does not.
//
//go:noinline
func (l teller) sometimes(speaks, calls bool) {
	if speaks {
		l.InfoContext(l.ctx, "speaks")
	}
	if calls {
		l.checkAge()
	}
}

// Where one function is called again, and again, its lines stand under those of the same
// call: as readers show them.
var repeatedCalls = []struct {
	name string
	tell func(l teller)
	want string
}{
	{"a line is not under that of the call before", func(l teller) {
		for order := range 2 {
			l.processOrder(order)
		}
	}, `+0.000 I paying	order=0
+0.000 I shipped	order=0
+0.000 I paying	order=1
+0.000 I shipped	order=1
`},
	{"nor where two places call", func(l teller) {
		l.InfoContext(l.ctx, "two orders")
		l.processOrder(1)
		l.processOrder(2)
	}, `+0.000 I two orders
+0.000 I   paying	order=1
+0.000 I   shipped	order=1
+0.000 I   paying	order=2
+0.000 I   shipped	order=2
`},
	{"a loop in the function itself: each turn stands beside the line of the one before", func(l teller) {
		for order := range 3 {
			l.pay(order)
			l.InfoContext(l.ctx, "shipped", "order", order)
		}
	}, `+0.000 I paying	order=0
+0.000 I shipped	order=0
+0.000 I paying	order=1
+0.000 I shipped	order=1
+0.000 I paying	order=2
+0.000 I shipped	order=2
`},
	{"a line before a loop has all turns under it", func(l teller) {
		l.InfoContext(l.ctx, "orders")
		for order := range 2 {
			l.processOrder(order)
			for range 2 {
				l.pay(order)
			}
		}
		l.InfoContext(l.ctx, "done")
	}, `+0.000 I orders
+0.000 I   paying	order=0
+0.000 I   shipped	order=0
+0.000 I   paying	order=0
+0.000 I   paying	order=0
+0.000 I   paying	order=1
+0.000 I   shipped	order=1
+0.000 I   paying	order=1
+0.000 I   paying	order=1
+0.000 I done
`},
	{"a first line in each turn has the turn under it", func(l teller) {
		l.InfoContext(l.ctx, "orders")
		for order := range 2 {
			l.InfoContext(l.ctx, "order", "n", order)
			l.pay(order)
			for range 2 {
				l.processOrder(order)
			}
		}
	}, `+0.000 I orders
+0.000 I order	n=0
+0.000 I   paying	order=0
+0.000 I   paying	order=0
+0.000 I   shipped	order=0
+0.000 I   paying	order=0
+0.000 I   shipped	order=0
+0.000 I order	n=1
+0.000 I   paying	order=1
+0.000 I   paying	order=1
+0.000 I   shipped	order=1
+0.000 I   paying	order=1
+0.000 I   shipped	order=1
`},
	{"a helper that logs twice for one call has not left it", func(l teller) {
		l.InfoContext(l.ctx, "begun")
		func() {
			l.reports()
			l.checkAge()
		}()
	}, `+0.000 I begun
+0.000 I   reported
+0.000 I   reported again
+0.000 I     age ok
`},
	{"nor has one with the name of a handler's", func(l teller) {
		l.InfoContext(l.ctx, "begun")
		func() {
			handling{l}.Handle()
			l.checkAge()
		}()
	}, `+0.000 I begun
+0.000 I   one
+0.000 I   two
+0.000 I     age ok
`},
	{"deferred calls are of the call that is ending", func(l teller) {
		l.InfoContext(l.ctx, "begun")
		for range 2 {
			func() {
				defer l.checkAge()
				defer func() { _ = recover() }()
				l.pay(1)
				l.panics()
			}()
		}
	}, `+0.000 I begun
+0.000 I   paying	order=1
+0.000 I   about to panic
+0.000 I   age ok
+0.000 I   paying	order=1
+0.000 I   about to panic
+0.000 I   age ok
`},
	{"what no code tells: whether a function that could have gone on did, or was called anew", func(l teller) {
		for i := range 2 {
			l.sometimes(i == 0, i == 1)
		}
	}, `+0.000 I speaks
+0.000 I   age ok
`},
}

func TestRepeatedCalls(t *testing.T) {
	skipWithoutControlFlow(t)
	for _, c := range repeatedCalls {
		for how, wrap := range map[string]func(slog.Handler) slog.Handler{
			"alone":   func(h slog.Handler) slog.Handler { return h },
			"wrapped": func(h slog.Handler) slog.Handler { return wrapping{h} },
			"beside JSON": func(h slog.Handler) slog.Handler {
				return slog.NewMultiHandler(slog.NewJSONHandler(io.Discard, nil), h)
			},
		} {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
				for range 4 { // until the chains are known
					ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
					c.tell(teller{slog.New(wrap(h)), ctx})
					scope.End()
					s := read(t, h, store, "job_1", "")
					s.Lines = story.Nest(s.Lines)
					expect(t, s, c.want)
				}
			})
		}
	}
}

// nested returns lines as readers show them: two spaces a step, and the message.
func nested(s story.Story) string {
	var out strings.Builder
	for _, line := range story.Nest(s.Lines) {
		out.WriteString(strings.Repeat("  ", line.Depth) + line.Message + "\n")
	}
	return out.String()
}

//go:noinline
func (l teller) at(level slog.Level, message string, inner func()) {
	l.Log(l.ctx, level, message)
	if inner != nil {
		inner()
	}
}

//go:noinline
func (l teller) through(inner func()) { inner() }

// Lines that are left out of a part say in the next one as well what has returned.
func TestLeftOutLinesOfAPart(t *testing.T) {
	skipWithoutControlFlow(t)
	quiet := slog.LevelInfo
	h, store := open(t, dynamoslog.Options{Level: slog.LevelDebug, QuietLevel: &quiet})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	l := teller{slog.New(h), ctx}
	l.at(slog.LevelInfo, "job", func() {
		for i := range 2 {
			l.through(func() { // of the second call the first line is quiet, and ends the part
				l.at(slog.LevelInfo-slog.Level(4*i), "call", func() {
					if i == 1 {
						if err := h.Flush(t.Context()); err != nil {
							t.Error(err)
						}
					}
					l.at(slog.LevelInfo, "inner", nil)
				})
			})
		}
	})
	scope.End()
	s := read(t, h, store, "job_1", "")
	want := "job\n  call\n    inner\n      1 quieter line left out\n  inner\n"
	if got := nested(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Late lines stand under lines of their own call only.
func TestLateLinesOfAnotherCall(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	l := teller{slog.New(h), ctx}
	for i := range 2 {
		l.at(slog.LevelInfo, "call", func() {
			if i == 1 {
				scope.End()
			}
			l.at(slog.LevelInfo, "inner", nil)
			l.through(l.checkAge)
		})
	}
	l.through(l.checkAge)
	s := read(t, h, store, "job_1", "")
	want := "call\n  inner\n  age ok\ncall\n  inner\n  age ok\nage ok\n"
	if got := nested(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// So do lines for which there is no memory.
func TestDroppedLineOfAnotherCall(t *testing.T) {
	skipWithoutControlFlow(t)
	h, store := open(t, dynamoslog.Options{MaxBuffered: 256 << 10, OnError: func(error) {}})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	l := teller{slog.New(h), ctx}
	for i := range 2 {
		l.through(func() {
			l.at(slog.LevelWarn, "call"+strings.Repeat(" ", i<<20), func() {
				l.at(slog.LevelWarn, "inner", nil)
			})
		})
	}
	scope.End()
	if err := h.Flush(t.Context()); err == nil {
		t.Error("nothing was dropped")
	}
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := "call\n  inner\ninner\n  1 line dropped: memory was full\n"
	if got := nested(s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

package dynamoslog_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A callTree is a program that calls itself in random ways, from different places and
// from the same ones, in loops, with early returns, and that knows who called whom: for
// every line, which one it stands under.
type callTree struct {
	random *rand.Rand
	logger *slog.Logger
	ctx    context.Context
	left   int // lines to log
	frames []activation
	turns  int   // that loops have begun, and loops
	want   []int // by line: the one it stands under, or -1
	// heads makes every function and every turn of a loop begin with a line.
	heads bool
}

// An activation is a function that was called.
type activation struct {
	line  int    // its last line so far, or -1
	at    []turn // turns of its loops when that was made
	turns []turn // turns of its loops now, the outermost first
}

// A turn is one of a loop that was begun. All numbers differ.
type turn struct{ loop, number int }

// under returns which line one that is made now stands under, or -1: the last line of
// the nearest caller, unless that was made in an earlier turn of a loop that goes on:
// then this one stands beside it, and no later one under it.
func (c *callTree) under() int {
	for i := len(c.frames) - 2; i >= 0; i-- {
		a := &c.frames[i]
		if a.earlierTurn() {
			a.line = -1
		}
		if a.line >= 0 {
			return a.line
		}
	}
	return -1
}

func (a *activation) earlierTurn() bool {
	for i := 0; a.line >= 0 && i < min(len(a.at), len(a.turns)) && a.at[i].loop == a.turns[i].loop; i++ {
		if a.at[i].number != a.turns[i].number {
			return true
		}
	}
	return false
}

// logged takes note of a line of the innermost activation.
func (c *callTree) logged() {
	c.want = append(c.want, c.under())
	a := &c.frames[len(c.frames)-1]
	a.line, a.at = len(c.want)-1, slices.Clone(a.turns)
	c.left--
}

func (c *callTree) begin() { c.frames = append(c.frames, activation{line: -1}) }
func (c *callTree) end()   { c.frames = c.frames[:len(c.frames)-1] }

// loop begins a loop, turn another turn of the innermost one, and done ends that.
func (c *callTree) loop() {
	a := &c.frames[len(c.frames)-1]
	c.turns++
	a.turns = append(a.turns, turn{loop: c.turns})
}

func (c *callTree) turn() {
	a := &c.frames[len(c.frames)-1]
	c.turns++
	a.turns[len(a.turns)-1].number = c.turns
}

func (c *callTree) done() {
	a := &c.frames[len(c.frames)-1]
	a.turns = a.turns[:len(a.turns)-1]
}

func (c *callTree) maybe(n int) bool { return c.random.IntN(n) == 0 }

func (c *callTree) more() bool { return c.left > 0 && len(c.frames) < 40 }

// next calls one of the functions, or none.
//
//go:noinline
func (c *callTree) next() {
	if !c.more() || c.maybe(6) {
		return
	}
	switch c.random.IntN(7) {
	case 0:
		c.steps()
	case 1:
		c.inlinable()
	case 2:
		generically(c, 1)
	case 3:
		generically(c, "text")
	case 4:
		c.deferring()
	case 5:
		c.other()
	default:
		func() { c.steps() }()
	}
}

//go:noinline
func (c *callTree) other() {
	switch c.random.IntN(7) {
	case 0:
		c.order()
	case 1:
		c.retries()
	case 2:
		c.nested()
	case 3:
		c.ranging()
	case 4:
		c.recovering()
	case 5:
		c.perhaps()
	default:
		c.twice()
	}
}

// steps does some things, each in a turn and at a place of its own.
//
//go:noinline
func (c *callTree) steps() {
	c.begin()
	c.head("steps")
	const places = 6
	c.loop()
	for _, step := range c.random.Perm(places)[:c.random.IntN(places)] {
		c.turn()
		c.head("step")
		switch step {
		case 0:
			c.logger.InfoContext(c.ctx, "first", "n", len(c.want))
			c.logged()
		case 1:
			c.logger.InfoContext(c.ctx, "second", "n", len(c.want))
			c.logged()
		case 2:
			c.next()
		case 3:
			c.next()
		case 4:
			c.inlinable()
		case 5:
			c.deferring()
		}
	}
	c.done()
	c.end()
}

// head logs the first line of a function or a turn for its caller, where they have one:
// small enough to stand in that.
func (c *callTree) head(what string) {
	if c.heads {
		c.logHead(what)
	}
}

//go:noinline
func (c *callTree) logHead(what string) {
	const skip = 3 // runtime.Callers, this one and head
	var pcs [1]uintptr
	runtime.Callers(skip, pcs[:])
	r := slog.NewRecord(time.Now(), slog.LevelInfo, what, pcs[0])
	r.AddAttrs(slog.Int("n", len(c.want)))
	_ = c.logger.Handler().Handle(c.ctx, r)
	c.logged()
}

// inlinable logs, then calls: small enough to stand in its callers.
func (c *callTree) inlinable() {
	c.begin()
	c.logger.InfoContext(c.ctx, "inlinable", "n", len(c.want))
	c.logged()
	c.next()
	c.end()
}

func generically[T any](c *callTree, v T) {
	c.begin()
	c.head("generically")
	c.next()
	c.logger.InfoContext(c.ctx, "generic", "n", len(c.want), "v", v)
	c.logged()
	c.end()
}

//go:noinline
func (c *callTree) deferring() {
	c.begin()
	defer c.end()
	defer func() {
		c.begin()
		c.logger.InfoContext(c.ctx, "deferred", "n", len(c.want))
		c.logged()
		c.end()
	}()
	c.logger.InfoContext(c.ctx, "before", "n", len(c.want))
	c.logged()
	c.next()
}

// order calls, logs, and returns early at times.
//
//go:noinline
func (c *callTree) order() {
	c.begin()
	c.head("order")
	c.next()
	if c.maybe(3) {
		c.end()
		return
	}
	c.logger.InfoContext(c.ctx, "shipped", "n", len(c.want))
	c.logged()
	if c.maybe(2) {
		c.logger.InfoContext(c.ctx, "late", "n", len(c.want))
		c.logged()
		c.next()
	}
	c.end()
}

// twice calls the same function from two places, and then from one in a loop.
//
//go:noinline
func (c *callTree) twice() {
	c.begin()
	c.head("twice")
	c.order()
	c.order()
	c.loop()
	for range c.random.IntN(3) {
		c.turn()
		c.head("again")
		c.order()
	}
	c.done()
	c.end()
}

// retries logs before and after a call, in a loop that it leaves early.
//
//go:noinline
func (c *callTree) retries() {
	c.begin()
	c.logger.InfoContext(c.ctx, "starting", "n", len(c.want))
	c.logged()
	c.loop()
	for range 4 {
		c.turn()
		c.head("retry")
		if c.maybe(4) {
			continue
		}
		c.next()
		if c.maybe(4) {
			break
		}
		c.logger.InfoContext(c.ctx, "tried", "n", len(c.want))
		c.logged()
		if c.maybe(4) {
			c.done()
			c.end()
			return
		}
	}
	c.done()
	c.next()
	c.end()
}

// perhaps logs and calls, or does not: where it has no first line, nothing tells whether
// a call comes from an activation that has logged, or another.
//
//go:noinline
func (c *callTree) perhaps() {
	c.begin()
	c.head("perhaps")
	if c.maybe(2) {
		c.logger.InfoContext(c.ctx, "perhaps before", "n", len(c.want))
		c.logged()
	}
	if c.maybe(2) {
		c.next()
	}
	c.loop()
	for range c.random.IntN(3) {
		c.turn()
		c.head("perhaps a turn")
		if c.maybe(2) {
			c.logger.InfoContext(c.ctx, "perhaps in a turn", "n", len(c.want))
			c.logged()
		}
		if c.maybe(2) {
			c.next()
		}
	}
	c.done()
	c.end()
}

// nested has a loop in a loop, both with calls and lines of their own.
//
//go:noinline
func (c *callTree) nested() {
	c.begin()
	c.head("nested")
	c.loop()
	for range c.random.IntN(3) {
		c.turn()
		c.logger.InfoContext(c.ctx, "phase", "n", len(c.want))
		c.logged()
		c.loop()
		for range c.random.IntN(3) {
			c.turn()
			c.head("inner")
			c.next()
			if c.maybe(3) {
				c.logger.InfoContext(c.ctx, "one done", "n", len(c.want))
				c.logged()
			}
		}
		c.done()
		c.next()
	}
	c.done()
	c.end()
}

// each yields some numbers, and logs between.
func (c *callTree) each(yield func(int) bool) {
	c.begin()
	defer c.end()
	c.head("each")
	c.loop()
	for i := range 3 {
		c.turn()
		c.head("yields")
		if !yield(i) {
			return
		}
		if c.maybe(3) {
			c.logger.InfoContext(c.ctx, "yielded", "n", len(c.want))
			c.logged()
		}
	}
	c.done()
}

// ranging loops over a function, in which its body is a call.
//
//go:noinline
func (c *callTree) ranging() {
	c.begin()
	c.head("ranging")
	for i := range c.each {
		c.begin()
		c.head("body")
		c.next()
		stop := c.maybe(4)
		if !stop && i < 2 {
			c.logger.InfoContext(c.ctx, "in the body", "n", len(c.want))
			c.logged()
		}
		c.end()
		if stop {
			break
		}
	}
	c.end()
}

// recovering goes on in its deferred calls from a panic of what it called. The one that
// recovers stands on what has panicked.
//
//go:noinline
func (c *callTree) recovering() {
	c.begin()
	depth := len(c.frames)
	defer func() { c.frames = c.frames[:depth-1] }()
	defer func() {
		c.frames = append(c.frames[:depth], activation{line: -1})
		c.head("after")
		c.next()
		c.end()
	}()
	defer func() {
		if recover() == nil {
			c.frames = c.frames[:depth]
		}
		c.begin()
		c.logger.InfoContext(c.ctx, "recovered", "n", len(c.want))
		c.logged()
		c.next()
		c.end()
	}()
	c.head("recovering")
	c.next()
	c.panicking()
}

//go:noinline
func (c *callTree) panicking() {
	c.begin()
	c.head("panicking")
	c.next()
	if c.maybe(2) {
		panic("on purpose")
	}
	c.end()
}

// A tally is how many lines of random programs stand where.
type tally struct {
	programs, lines int
	right           int // under the line that they belong under
	stale           int // under one of a call that has returned, or of an earlier turn
	lost            int // not under the one that they belong under, but further out
}

// compare counts where the lines of a program stand, and shows the first that is lost.
func (c *callTree) compare(t *testing.T, s story.Story, all *tally) {
	t.Helper()
	if len(s.Lines) != len(c.want) {
		t.Fatalf("got %d lines, want %d", len(s.Lines), len(c.want))
	}
	all.programs++
	all.lines += len(s.Lines)
	for i, parent := range story.Parents(s.Lines) {
		if n, _ := s.Lines[i].Attr("n"); n != strconv.Itoa(i) {
			t.Fatalf("line %d is number %s", i, n)
		}
		lost := false
		for above := c.want[i]; above >= 0 && !lost; {
			above = c.want[above]
			lost = above == parent
		}
		switch {
		case parent == c.want[i]:
			all.right++
		case lost:
			if all.lost++; all.lost == 1 {
				t.Errorf("line %d stands under %d, want %d:\n%s", i, parent, c.want[i], story.Format(s.Lines[:i+1]))
			}
		default:
			if all.stale++; c.heads && all.stale == 1 {
				t.Errorf("line %d stands under %d, want %d:\n%s", i, parent, c.want[i], story.Format(s.Lines[:i+1]))
			}
		}
	}
}

// programsEnv is how many random programs are run, for a longer run by hand.
const programsEnv = "DYNAMOSLOG_CALLTREE_PROGRAMS"

func runCallTrees(t *testing.T, heads bool) (all tally) {
	programs := 400
	if n, err := strconv.Atoi(os.Getenv(programsEnv)); err == nil {
		programs = n
	}
	for seed := range uint64(programs) {
		h, store := open(t, dynamoslog.Options{})
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		c := &callTree{random: rand.New(rand.NewPCG(seed, 11)), logger: slog.New(h), ctx: ctx, left: 300, heads: heads}
		c.begin()
		for c.left > 0 && !c.maybe(20) {
			c.next()
		}
		scope.End()
		if len(c.want) > 0 {
			c.compare(t, read(t, h, store, "job_1", ""), &all)
		}
		_ = h.Close()
	}
	t.Logf("%+v", all)
	return all
}

// Where every function and every turn of a loop begins with a line, the tree that is read
// back is that of the calls, for every line.
func TestCallTreeIsExact(t *testing.T) {
	if all := runCallTrees(t, true); all.right != all.lines {
		t.Errorf("%+v", all)
	}
}

// Elsewhere a line may stand under one of the same function that was called again, or of
// an earlier turn, as no stack and no code tells which; but no line loses its caller.
func TestCallTreeLosesNoCaller(t *testing.T) {
	if all := runCallTrees(t, false); all.lost > 0 || readsControlFlow && all.stale*100 > all.lines {
		t.Errorf("%+v", all)
	}
}

// readsControlFlow tells whether it is known here what can follow a call.
const readsControlFlow = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

func skipWithoutControlFlow(t *testing.T) {
	t.Helper()
	if !readsControlFlow {
		t.Skip("nobody knows here what can follow a call")
	}
}

package dynamoslog_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A callTree is a program that calls itself in random ways and knows who called
// whom: for every line, which one it stands under. No activation calls from one
// place twice, as no stack tells such calls apart.
type callTree struct {
	random *rand.Rand
	logger *slog.Logger
	ctx    context.Context
	left   int   // lines to log
	last   []int // by activation, outermost first: its last line so far, or -1
	want   []int // by line: the one it stands under, or -1
}

func (c *callTree) under() int {
	for i := len(c.last) - 2; i >= 0; i-- {
		if c.last[i] >= 0 {
			return c.last[i]
		}
	}
	return -1
}

// logged takes note of a line of the innermost activation.
func (c *callTree) logged() {
	c.want = append(c.want, c.under())
	c.last[len(c.last)-1] = len(c.want) - 1
	c.left--
}

// begin notes an activation, and returns what it does, in order: calls and lines,
// each from a place of its own.
func (c *callTree) begin() []int {
	c.last = append(c.last, -1)
	const places = 6
	steps := c.random.Perm(places)[:c.random.IntN(places)]
	if c.left <= 0 || len(c.last) > 60 {
		return nil
	}
	return steps
}

func (c *callTree) end() { c.last = c.last[:len(c.last)-1] }

// next calls one of the functions.
func (c *callTree) next() {
	switch c.random.IntN(6) {
	case 0:
		c.plain()
	case 1:
		c.inlinable()
	case 2:
		generically(c, 1)
	case 3:
		generically(c, "text")
	case 4:
		c.deferring()
	default:
		func() { c.plain() }()
	}
}

//go:noinline
func (c *callTree) plain() {
	for _, step := range c.begin() {
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
	c.end()
}

// inlinable logs, then calls: small enough to stand in its callers.
func (c *callTree) inlinable() {
	c.begin()
	c.logger.InfoContext(c.ctx, "inlinable", "n", len(c.want))
	c.logged()
	c.maybe()
	c.end()
}

func (c *callTree) maybe() {
	if c.random.IntN(2) == 0 && c.left > 0 && len(c.last) < 60 {
		c.next()
	}
}

func generically[T any](c *callTree, v T) {
	c.begin()
	c.next2()
	c.logger.InfoContext(c.ctx, "generic", "n", len(c.want), "v", v)
	c.logged()
	c.end()
}

//go:noinline
func (c *callTree) next2() { c.maybe() }

//go:noinline
func (c *callTree) deferring() {
	c.begin()
	defer c.end()
	defer func() {
		c.last = append(c.last, -1) // an activation of its own
		c.logger.InfoContext(c.ctx, "deferred", "n", len(c.want))
		c.logged()
		c.end()
	}()
	c.logger.InfoContext(c.ctx, "before", "n", len(c.want))
	c.logged()
	c.maybe()
}

// The tree that is read back is that of the calls, for every line.
func TestCallTreeIsExact(t *testing.T) {
	lines := 0
	for seed := range uint64(3000) {
		h, store := open(t, dynamoslog.Options{})
		ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
		c := &callTree{random: rand.New(rand.NewPCG(seed, 11)), logger: slog.New(h), ctx: ctx, left: 300}
		c.plain()
		scope.End()
		if len(c.want) == 0 {
			continue
		}
		s := read(t, h, store, "job_1", "")
		if len(s.Lines) != len(c.want) {
			t.Fatalf("seed %d: got %d lines, want %d", seed, len(s.Lines), len(c.want))
		}
		for i, parent := range story.Parents(s.Lines) {
			if n, _ := s.Lines[i].Attr("n"); n != strconv.Itoa(i) {
				t.Fatalf("seed %d: line %d is number %s", seed, i, n)
			}
			if parent != c.want[i] {
				t.Fatalf("seed %d: line %d stands under %d, want %d:\n%s", seed, i, parent, c.want[i], story.Format(s.Lines[:i+1]))
			}
		}
		lines += len(s.Lines)
	}
	t.Logf("%d lines", lines)
}

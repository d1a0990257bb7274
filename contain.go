package dynamoslog

import (
	"context"
	"log/slog"

	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/story"
)

// What is called of the user's may panic. That ends neither the program nor what is
// being stored: it is told once a minute, and what was asked for is done as well as
// it can be.

// contained returns a ReplaceAttr that does not panic. A value that it panics for is
// not shown: it may be one to be masked. Time, level and message stay.
func (c *core) contained(replace attrtext.ReplaceFunc) attrtext.ReplaceFunc {
	return func(groups []string, a slog.Attr) (replaced slog.Attr) {
		defer c.delivery.Caught("Options.ReplaceAttr panicked, and the attribute is not shown", func() {
			replaced = a
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return
			}
			replaced.Value = slog.StringValue("!PANIC in ReplaceAttr")
		})
		return replace(groups, a)
	}
}

// trace asks Options.Trace, if ctx is a context. Where that panics there is no trace.
func (c *core) trace(ctx context.Context) (t ids.Trace) {
	if ctx == nil {
		return ids.Trace{}
	}
	defer c.delivery.Caught("Options.Trace panicked, and the line has no trace", nil)
	return ids.NewTrace(c.opts.Trace(ctx))
}

// keep asks Options.Keep. Where that panics the story is kept.
func (c *core) keep(h story.Header) (kept bool) {
	defer c.delivery.Caught("Options.Keep panicked, and the story is kept", func() { kept = true })
	return c.opts.Keep(h)
}

// quietLevel returns the level below which calm stories have no lines, or nil where
// there is none.
func (c *core) quietLevel() (level *slog.Level) {
	defer c.delivery.Caught("Options.QuietLevel panicked, and all lines are kept", func() { level = nil })
	quiet := c.opts.QuietLevel.Level()
	return &quiet
}

// errorLevel returns the level of the line about an error that Run has ended with.
func (c *core) errorLevel(err error) (level slog.Level) {
	if c.opts.ErrorLevel == nil {
		return slog.LevelError
	}
	defer c.delivery.Caught("Options.ErrorLevel panicked, and the level is Error", func() { level = slog.LevelError })
	return c.opts.ErrorLevel(err)
}

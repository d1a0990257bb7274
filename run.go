package dynamoslog

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/panics"
)

// panicPatience is how long a panicking Run waits for its story to be stored, as
// the process may be about to end.
const panicPatience = 2 * time.Second

// Run tells a story around fn: it begins a scope, calls fn with its context and
// ends it. The last line is "done", with the time that fn took; or "failed" with fn's error,
// which Run returns, at level Error or what [Options.ErrorLevel] says, where below Warn it
// is "done" too; or its panic with the stack, which goes on after the story had two seconds to be stored:
// as the same value, and from below where it was, so that whoever prints the stack
// sees its origin.
func (h *Handler) Run(ctx context.Context, kind string, id any, fn func(context.Context) error) error {
	ctx, scope := Begin(ctx, kind, id)
	ctx, leave := scope.enter(ctx, scope.Key().String())
	defer leave()
	defer scope.End() // for runtime.Goexit
	start := time.Now()
	var err error
	panics.Guard(func() { err = fn(ctx) }, func(p *panics.Unwinding) {
		if p.Exits {
			return
		}
		h.log(ctx, p.Site(), slog.LevelError, p.Message())
		scope.End()
		h.store(ctx, panicPatience)
	})
	took := slog.Duration("took", time.Since(start).Round(time.Microsecond))
	if err == nil {
		h.log(ctx, callerPC(), slog.LevelInfo, "done", took)
		return nil
	}
	level, message := h.core.errorLevel(err), "failed"
	if level < slog.LevelWarn {
		message = "done"
	}
	h.log(ctx, callerPC(), level, message, slog.Any("error", err), took)
	return err
}

// store waits until all is stored that was told, or for so long.
func (h *Handler) store(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	h.core.delivery.Wait(ctx) // the panic goes on whether or not the store took the story
}

// log logs as if called at pc.
func (h *Handler) log(ctx context.Context, pc uintptr, level slog.Level, message string, attrs ...slog.Attr) {
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, message, pc)
	r.AddAttrs(attrs...)
	// What the handler refuses is in its fallback already.
	_ = h.Handle(ctx, r)
}

// callerPC returns where its caller is.
func callerPC() uintptr {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	return pcs[0]
}

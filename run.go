package dynamoslog

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// panicPatience is how long a panicking Run waits for its story to be stored, as
// the process may be about to end.
const panicPatience = 2 * time.Second

// Run tells a story around fn: it begins a scope, calls fn with its context and
// ends it. The last line is fn's error, at level Error, which Run returns; or its
// panic with the stack, which goes on after the story had two seconds to be stored.
func (h *Handler) Run(ctx context.Context, kind string, id any, fn func(context.Context) error) error {
	ctx, scope := Begin(ctx, kind, id)
	defer scope.End() // for runtime.Goexit
	var err error
	caught := catch(func() { err = fn(ctx) })
	if caught != nil {
		h.log(ctx, slog.LevelError, caught.message())
		scope.End()
		flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), panicPatience)
		defer cancel()
		// The panic goes on whether or not the store took the story.
		w := h.core.newWaiter()
		defer h.core.forgetWaiter(w)
		_ = h.core.await(flushCtx, w)
		panic(caught.value)
	}
	if err != nil {
		h.log(ctx, slog.LevelError, "failed", slog.Any("error", err))
	}
	return err
}

// log logs as a call of the caller's.
func (h *Handler) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, message, callerPC())
	r.AddAttrs(attrs...)
	// What the handler refuses is in its fallback already.
	_ = h.Handle(ctx, r)
}

// callerPC returns where the function that calls its caller is.
func callerPC() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}

// A caught panic is told after the stack was unwound, so that its line stands
// where the call was made, not below the frames that panicked.
type caughtPanic struct {
	value any
	stack []uintptr
}

// catch calls f and returns its panic, or nil.
func catch(f func()) (caught *caughtPanic) {
	defer func() {
		if value := recover(); value != nil {
			pcs := make([]uintptr, 64)
			const skip = 3 // runtime.Callers, this function and the runtime's panic
			caught = &caughtPanic{value, pcs[:runtime.Callers(skip, pcs)]}
		}
	}()
	f()
	return nil
}

// message tells the panic and, in further lines, the stack that it came from.
func (c *caughtPanic) message() string {
	var text strings.Builder
	text.WriteString("panic: " + fmt.Sprint(c.value))
	frames := runtime.CallersFrames(c.stack)
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, packagePath+".catch") {
			break
		}
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			text.WriteString("\n" + frame.Function + " " + filepath.Base(frame.File) + ":" + strconv.Itoa(frame.Line))
		}
		if !more {
			break
		}
	}
	return text.String()
}

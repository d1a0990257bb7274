package dynamoslog

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/panics"
)

// panicPatience is how long a panic that may end the process waits for its story to be
// stored.
const panicPatience = 2 * time.Second

// Run tells a story around fn: it begins a scope, calls fn with its context and
// ends it. The last line is "done", with the time that fn took; or "failed" with fn's error,
// which Run returns, at level Error or what [Options.ErrorLevel] says, where below Warn it
// is "done" too; or its panic with the stack, which goes on after the story had two seconds to be stored:
// as the same value, and from below where it was, so that whoever prints the stack
// sees its origin.
func (h *Handler) Run(ctx context.Context, kind string, id any, fn func(context.Context) error) error {
	c := new(requestContext)
	c.scope.surelyEnds = true
	ctx, request := c.beginRequest(ctx, ids.KeyText(kind, id), &RequestOptions{Logger: slog.New(h), Own: true, Crash: true})
	defer request.end() // for runtime.Goexit
	var err error
	panics.Guard(func() { err = fn(ctx) }, func(u *panics.Unwinding) {
		if !u.Exits {
			request.unwind(u, Outcome{Message: u.Message(), Level: slog.LevelError}, nil)
		}
	})
	end := Outcome{Err: err}
	if err != nil {
		end.Level = h.core.errorLevel(err)
	}
	request.finish(end, 0, nil)
	return err
}

// store waits until the story is stored with every handler that has lines of it, or for so
// long.
func (s *Scope) store(ctx context.Context, patience time.Duration) {
	s.seal()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var handlers sync.WaitGroup
	for b := range s.buffers {
		handlers.Go(func() { b.core.delivery.Wait(ctx) }) // the panic goes on whether or not the store took the story
	}
	handlers.Wait()
}

// callerPC returns the call of the function that calls it.
func callerPC() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}

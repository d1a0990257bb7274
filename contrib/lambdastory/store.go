package lambdastory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// reserve is what an invocation keeps of its time for what comes after it has waited for
	// the store.
	reserve = 20 * time.Millisecond
	// connectWithin bounds the call that opens the way to the store.
	connectWithin = 5 * time.Second
	// lastPatience is how long the end of the environment waits for the store. Lambda ends
	// the process half a second after SIGTERM.
	lastPatience = 400 * time.Millisecond
)

// connect opens the way to the store.
func (t *teller) connect() {
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	_, _ = t.opts.Store.Read(ctx, story.NewKey("lambda", functionName()), story.NewID(time.Time{})) // the handler tells what is wrong
}

// store waits until everything that was logged is stored, for Options.Patience, and not past
// an invocation's deadline.
func (t *teller) store(deadline time.Time) {
	if t.waits.spared(t.h.Stats().Parked) {
		return
	}
	ctx, cancel := t.patience(deadline)
	defer cancel()
	t.waits.tell(t.h.Flush(ctx), t.opts.OnError)
}

// storeLast is store for a process that a panic ends. What is not stored by then stays in
// the journal, or is written to the handler's fallback.
func (t *teller) storeLast(deadline time.Time) {
	ctx, cancel := t.patience(deadline)
	defer cancel()
	if t.h.Flush(ctx) != nil {
		cancel()
		_ = t.h.Shutdown(ctx) // which has said what is not stored
	}
}

func (t *teller) patience(deadline time.Time) (context.Context, context.CancelFunc) {
	patience := t.opts.Patience
	if !deadline.IsZero() {
		patience = min(patience, time.Until(deadline)-reserve)
	}
	return context.WithTimeout(context.Background(), patience)
}

// storeAtSIGTERM stores what is left when Lambda ends the environment.
func (t *teller) storeAtSIGTERM() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		<-ended
		ctx, cancel := context.WithTimeout(context.Background(), lastPatience)
		defer cancel()
		if err := t.h.Shutdown(ctx); err != nil {
			t.opts.OnError(fmt.Errorf("lambdastory: the environment ends: %w", err))
		}
	}()
}

// waits is what became of waiting for the store.
type waits struct {
	mu     sync.Mutex
	told   time.Time // when OnError was told; zero before
	failed time.Time // when the store could not be used; zero before
}

// spared reports whether it makes no sense to wait again: for a store that since parked
// cannot be used, ten seconds.
func (w *waits) spared(parked time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !parked.IsZero() && time.Since(w.failed) < 10*time.Second
}

// tell tells that not everything was stored in time, if the store is only slow.
func (w *waits) tell(err error, onError func(error)) {
	if err == nil {
		return
	}
	w.mu.Lock()
	now := time.Now()
	if errors.Is(err, story.ErrUnusable) {
		w.failed = now
	}
	slow := errors.Unwrap(err) == context.DeadlineExceeded // or else the store has said why, and the handler tells it
	silent := !slow || !w.told.IsZero() && now.Sub(w.told) < time.Minute
	if !silent {
		w.told = now
	}
	w.mu.Unlock()
	if !silent {
		onError(fmt.Errorf("lambdastory: not everything was stored in time, and will be beside a later invocation: %w", err))
	}
}

// output leads package log to standard error between invocations, when only aws-lambda-go
// uses it. Invocations are one after the other.
type output struct {
	program io.Writer // where it wrote before; nil while it writes there
}

func (o *output) toStderr() {
	if o != nil && o.program == nil && log.Writer() != os.Stderr {
		o.program = log.Writer()
		log.SetOutput(os.Stderr)
	}
}

func (o *output) toProgram() {
	if o != nil && o.program != nil {
		log.SetOutput(o.program)
		o.program = nil
	}
}

package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// callerFaults are about what programs do to the handler: callbacks that panic, hang
// or call it again, and calls of everything at once.
var callerFaults = []fault{
	{
		name: "a ReplaceAttr that panics", check: hasPanicked,
		setup: func(tr *trial) {
			tr.opts.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == "step" && a.Value.Int64()%5 == 4 {
					panic("in ReplaceAttr")
				}
				return a
			}
		},
	},
	{
		name: "a Keep that is slow and panics, beside Flush", tell: tellBesideFlush, check: hasPanicked,
		setup: func(tr *trial) {
			var asked atomic.Int64
			tr.opts.Keep = func(story.Header) bool {
				time.Sleep(time.Millisecond)
				if asked.Add(1)%4 == 0 {
					panic("in Keep")
				}
				return true
			}
		},
	},
	{
		name: "an OnError that flushes", fault: same(dynamotest.ServerError), lasts: time.Second,
		setup: func(tr *trial) {
			heard := tr.opts.OnError
			tr.opts.OnError = func(err error) {
				heard(err)
				if err := tr.h.Flush(context.Background()); err != nil {
					tr.Errorf("Flush in OnError: %v", err)
				}
			}
		},
		check: hasHeardSomething,
	},
	{
		name: "an OnError that logs and panics", fault: same(dynamotest.ServerError), lasts: time.Second, fallback: noneTold,
		setup: func(tr *trial) {
			heard := tr.opts.OnError
			tr.opts.OnError = func(err error) {
				heard(err)
				slog.New(tr.h).Error("in OnError", "err", err)
				panic("in OnError")
			}
		},
		check: hasHeardSomething,
	},
	{
		name: "a Fallback that is slow, a poison item", stays: true, rejects: true,
		fault: same(dynamotest.Where(dynamotest.Of("user_poison"), dynamotest.Invalid)),
		setup: func(tr *trial) { tr.opts.Fallback = slowWriter{&tr.output} },
		tell:  tellPoison, fallback: exactly("the poison"),
	},
	{
		name: "a Fallback that logs, shut down in an outage", fault: same(dynamotest.Throttled), stays: true, noFlush: true, patience: time.Second,
		setup:    func(tr *trial) { tr.opts.Fallback = selfLogging{tr} },
		fallback: allUnwritten,
	},
	{name: "a LogValuer that flushes and ends its story", tell: tellEndingValuers},
	{name: "strings that are overwritten after the call", tell: tellOverwritten, fault: same(dynamotest.Throttled), lasts: time.Second},
	{name: "keys that change in an outage", tell: tellRekeyed, moves: true, fault: same(dynamotest.Throttled), lasts: time.Second},
	{name: "Flush by many at once in an outage", tell: flushAtOnce, fault: same(dynamotest.RateExceeded), lasts: time.Second},
	{
		name: "Flush, Shutdown and Close at once", fault: func() dynamotest.Fault { return dynamotest.First(3, dynamotest.ServerError) },
		noFlush: true, during: endAtOnce,
	},
	{name: "one story of 100 goroutines", tell: tellTogether, fault: func() dynamotest.Fault { return dynamotest.Every(3, dynamotest.Throttled) }},
	{
		name: "two handlers on one table", others: true, tell: tellTwice,
		fault: func() dynamotest.Fault { return dynamotest.Every(3, dynamotest.AfterCommit(dynamotest.Reset)) },
	},
}

func hasPanicked(tr *trial, _ *result) { tr.hasHeard("panicked") }

func hasHeardSomething(tr *trial, _ *result) { tr.hasHeard("storing") }

type slowWriter struct{ io.Writer }

func (w slowWriter) Write(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return w.Writer.Write(p)
}

// A selfLogging logs what it is given with the handler that gave it.
type selfLogging struct{ tr *trial }

func (w selfLogging) Write(p []byte) (int, error) {
	slog.New(w.tr.h).Info("in the fallback")
	return w.tr.output.Write(p)
}

// flushAtOnce flushes again and again while others log, each time as far as a moment
// allows.
func flushAtOnce(tr *trial) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				ctx, cancel := context.WithTimeout(tr.Context(), rand.N(20*time.Millisecond))
				_ = tr.h.Flush(ctx) // what it could not store it stores later
				cancel()
			}
		})
	}
	wg.Wait()
}

// tellBesideFlush ends stories while others flush: each is with Keep once.
func tellBesideFlush(tr *trial) {
	var wg sync.WaitGroup
	wg.Go(func() { flushAtOnce(tr) })
	for i := range 100 {
		tr.tellOne("kept", i, fmt.Sprintf("kept %d", i))
	}
	wg.Wait()
}

func endAtOnce(tr *trial) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := tr.h.Flush(tr.Context()); err != nil {
				tr.Errorf("Flush: %v", err)
			}
		})
		wg.Go(func() {
			if err := tr.h.Shutdown(tr.Context()); err != nil {
				tr.Errorf("Shutdown: %v", err)
			}
		})
	}
	closeTwice(tr)
	wg.Wait()
}

// tellEndingValuers logs values that flush the handler and end the story that their
// line belongs to.
func tellEndingValuers(tr *trial) {
	for i := range 10 {
		b := tr.begin("user", fmt.Sprintf("ending %d", i))
		b.log(slog.LevelInfo, fmt.Sprintf("before the value ends story %d", i))
		b.log(slog.LevelInfo, fmt.Sprintf("the value ends story %d", i), "ends", valuer(func() slog.Value {
			ctx, cancel := context.WithTimeout(tr.Context(), time.Millisecond)
			defer cancel()
			_ = tr.h.Flush(ctx) // that it does not hang is what is tested
			b.end()
			return slog.StringValue("ended")
		}))
		tr.mu.Lock()
		tr.late[b.name()] = true
		tr.mu.Unlock()
	}
}

// tellOverwritten hands over strings that lie in a buffer which then is used again.
func tellOverwritten(tr *trial) {
	buffer := []byte("of nobody")
	reused := func(text string) string {
		buffer = append(buffer[:0], text...)
		return unsafe.String(&buffer[0], len(buffer))
	}
	for i := range 100 {
		want := fmt.Sprintf("user %d", i)
		b := tr.begin("reused", reused(want))
		reused("of nobody")
		b.scope.Set(slog.String("who", reused(want)))
		reused("of nobody")
		message := fmt.Sprintf("in the story of user %d", i)
		tr.remember(b.name(), message)
		b.logger.InfoContext(b.ctx, reused(message))
		reused("of nobody")
		b.end()
		tr.Cleanup(func() {
			s := tr.reread(name{story.Key{Kind: "reused", ID: want}, b.scope.ID()})
			if got := s.Attrs["who"]; got != want {
				tr.Errorf("the story of %s has the attribute who=%q", want, got)
			}
		})
	}
}

// tellRekeyed changes the keys of stories, of which the half has been handed over.
func tellRekeyed(tr *trial) {
	for i := range 20 {
		b := tr.begin("visitor", i)
		first, second := fmt.Sprintf("visitor %d comes", i), fmt.Sprintf("visitor %d has said who it is", i)
		if i%2 == 0 {
			b.log(slog.LevelInfo, first)
			ctx, cancel := context.WithTimeout(tr.Context(), time.Millisecond)
			_ = tr.h.Flush(ctx) // hands over, and cannot store
			cancel()
			b.scope.Rekey("member", i)
			b.logger.InfoContext(b.ctx, second)
			b.end()
			tr.remember(b.name(), second)
			continue
		}
		b.logger.InfoContext(b.ctx, first)
		b.scope.Rekey("member", i)
		tr.remember(b.name(), first)
		b.log(slog.LevelInfo, second)
		b.end()
	}
}

// tellTogether lets many goroutines log to one story: each one's lines keep their order.
func tellTogether(tr *trial) {
	b := tr.begin("user", "together")
	var mu sync.Mutex // so that the order is known
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for n := range 20 {
				mu.Lock()
				b.log(slog.LevelInfo, fmt.Sprintf("goroutine %d line %d", i, n))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	b.end()
}

// tellTwice logs stories of the same objects with a second handler.
func tellTwice(tr *trial) {
	opts := tr.opts
	opts.OnError = func(error) {}
	second := dynamoslog.New(tr.table, &opts)
	for i := range 20 {
		ctx, scope := dynamoslog.Begin(tr.Context(), "user", i%3)
		for n := range 12 {
			message := fmt.Sprintf("second handler, story %d line %d", i, n)
			tr.remember(name{scope.Key(), scope.ID()}, message)
			slog.New(second).InfoContext(ctx, message, "step", strings.Repeat("x", n))
		}
		scope.End()
	}
	ctx, cancel := context.WithTimeout(tr.Context(), flushPatience)
	defer cancel()
	if err := second.Shutdown(ctx); err != nil {
		tr.Errorf("Shutdown of the second handler: %v", err)
	}
}

package viewer

import (
	"context"
	"sync"
	"time"
)

const (
	recallFor  = 10 * time.Second
	mostRecall = 100 // answers that are kept at once
)

// A recall keeps what was read for some seconds, so that a page that many look at, or one
// often, costs the store one read. The zero value is ready for use, by several goroutines
// at once.
type recall[T any] struct {
	mu      sync.Mutex
	answers map[string]*answer[T] // by what was asked; guarded by mu
}

// An answer is what was read, once done is closed.
type answer[T any] struct {
	done  chan struct{}
	value T
	err   error
	until time.Time // when it is too old; zero while it is read, guarded by the recall's mu
}

// get returns what read has for a question, or had lately. Read goes on when the first who
// asked has left, since others may wait; it has so much time.
func (c *recall[T]) get(ctx context.Context, question string, timeout time.Duration, read func(context.Context) (T, error)) (T, error) {
	a, mine := c.answer(question, time.Now())
	if mine {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		defer c.finish(question, a)
		a.err = context.Canceled // where read panics
		a.value, a.err = read(ctx)
		return a.value, a.err
	}
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		return a.value, ctx.Err()
	}
}

// answer returns the answer to a question, and whether the caller is to find it.
func (c *recall[T]) answer(question string, now time.Time) (a *answer[T], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, a := range c.answers {
		if !a.until.IsZero() && !now.Before(a.until) {
			delete(c.answers, other)
		}
	}
	if a = c.answers[question]; a != nil {
		return a, false
	}
	a = &answer[T]{done: make(chan struct{})}
	if len(c.answers) < mostRecall {
		if c.answers == nil {
			c.answers = make(map[string]*answer[T])
		}
		c.answers[question] = a
	}
	return a, true
}

// finish makes an answer known. One that failed is forgotten.
func (c *recall[T]) finish(question string, a *answer[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.until = time.Now().Add(recallFor)
	if a.err != nil && c.answers[question] == a {
		delete(c.answers, question)
	}
	close(a.done)
}

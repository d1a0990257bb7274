package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// Shutdown returns so long after its context has ended, or before.
	grace = 40 * time.Millisecond
	// So fast, at least, text is made and written to the fallback: Shutdown leaves as
	// much of its time for what it holds.
	fallbackRate = 128 << 20 // bytes a second
)

// losses are lines that are not stored, by where they are.
type losses struct{ waiting, journal, fallback, dropped, unread int }

func (l *losses) add(other losses) {
	l.waiting += other.waiting
	l.journal += other.journal
	l.fallback += other.fallback
	l.dropped += other.dropped
	l.unread += other.unread
}

func (l losses) lines() int { return l.waiting + l.journal + l.fallback + l.dropped + l.unread }

// where tells where the lines are, and how many there if it is not one place.
func (l losses) where(waiting, journal string) string {
	var places []string
	for _, place := range []struct {
		lines int
		text  string
	}{
		{l.journal, "in the journal in " + journal},
		{l.fallback, "in Options.Fallback"},
		{l.dropped, "dropped, as memory was full"},
		{l.unread, "unreadable in the journal"},
		{l.waiting, waiting},
	} {
		switch place.lines {
		case 0:
		case l.lines():
			return place.text
		default:
			places = append(places, fmt.Sprintf("%d %s", place.lines, place.text))
		}
	}
	if len(places) == 0 { // only the ends of stories
		return waiting
	}
	return strings.Join(places, ", ")
}

// A waiter waits until all chunks up to a ticket are settled, and counts what of
// them is not stored.
type waiter struct {
	ticket  uint64
	left    int
	done    chan struct{}
	began   time.Time     // when it began to wait; zero before that
	refused int           // answers since then that the store cannot be used
	failed  chan struct{} // closed when that is so
	lost    losses
	stories map[*telling]bool // of which something is not stored
	filed   int               // more of them: that had left memory
}

func (w *waiter) settled(k *chunk) {
	if k.ticket > w.ticket {
		return
	}
	w.count(k)
	w.settledOne()
}

func (w *waiter) settledOne() {
	if w.left--; w.left == 0 {
		close(w.done)
	}
}

// count adds what of a chunk is not stored.
func (w *waiter) count(k *chunk) {
	lost := k.lost
	lost.waiting += k.count
	if lost.lines() > 0 || k.unstored || k.unsettled != nil {
		w.lost.add(lost)
		w.stories[k.telling] = true
	}
}

// UnwrittenError is returned by Flush, Shutdown and Close when not everything is
// stored: what waited for the store when they were called, or was open. Lines is 0
// where only the ends of stories are not.
type UnwrittenError struct {
	Lines, Stories int
	Where          string // where they are now
	err            error
}

func (e *UnwrittenError) Error() string {
	what, verb, they := count(e.Lines, "line", "lines"), "are", "they are"
	if e.Lines == 0 {
		what = "the end"
	}
	if e.Lines == 1 || e.Lines == 0 && e.Stories == 1 {
		verb, they = "is", "it is"
	} else if e.Lines == 0 {
		what = "the ends"
	}
	return fmt.Sprintf("dynamoslog: %s of %s %s not stored; %s %s: %s",
		what, count(e.Stories, "story", "stories"), verb, they, e.Where, unnamed{e.err})
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Unwrap returns the reasons: the context's error, and what the store said last.
func (e *UnwrittenError) Unwrap() error { return e.err }

var errRejected = errors.New("the store rejected them, or memory was full")

// Flush stores everything that was logged before the call, open stories included
// as far as they go, and waits for it. Where the context ends before, the store
// rejects something, or says that it cannot be used (an error that wraps
// [story.ErrUnusable]), the error is an *[UnwrittenError].
func (h *Handler) Flush(ctx context.Context) error {
	w := h.core.newWaiter()
	defer h.core.forgetWaiter(w)
	h.core.takeAbandoned()
	for _, b := range h.core.openNow(0, math.MaxInt) {
		b.mu.Lock()
		b.cut()
		b.mu.Unlock()
	}
	err := h.core.await(ctx, w)
	return h.core.report(w, err, "in memory, and will be tried again")
}

// newWaiter returns a waiter for what is announced, also from now on until await.
func (c *core) newWaiter() *waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &waiter{ticket: math.MaxUint64, left: c.left + 1, done: make(chan struct{}), failed: make(chan struct{}), stories: make(map[*telling]bool)}
	c.waiters = append(c.waiters, w)
	return w
}

// await waits until all that was announced so far is settled.
func (c *core) await(ctx context.Context, w *waiter) error {
	c.mu.Lock()
	w.ticket, w.began = c.ticket, time.Now()
	w.settledOne()
	if c.writer != nil {
		c.writer.hurry = true
		c.signal()
	}
	c.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-w.failed:
		return story.ErrUnusable
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	// So many answers that the store cannot be used are believed, as the first may come of
	// credentials that are being replaced; or one that took so long.
	refusals        = 3
	refusalPatience = 700 * time.Millisecond
)

// failWaiters notes that a call which began at a time has said that the store cannot be
// used, for those who waited then.
func (c *core) failWaiters(began, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		if w.began.IsZero() || began.Before(w.began) {
			continue
		}
		if w.refused++; w.refused == refusals || w.refused < refusals && now.Sub(w.began) > refusalPatience {
			w.refused = refusals
			close(w.failed)
		}
	}
}

// forgetWaiter ends a waiter.
func (c *core) forgetWaiter(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters = slices.DeleteFunc(c.waiters, func(other *waiter) bool { return other == w })
}

// report returns what is not stored of what a waiter waited for, or nil.
func (c *core) report(w *waiter, err error, waiting string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := waiter{lost: w.lost, stories: maps.Clone(w.stories), filed: w.filed}
	for e := c.unsettled.Front(); e != nil; e = e.Next() {
		if k := e.Value.(*chunk); k.ticket <= w.ticket && k.remains == nil {
			now.count(k)
		}
	}
	for _, f := range c.filed {
		if f.ticket <= w.ticket {
			now.lost.waiting += f.count
			now.filed++
		}
	}
	unwritten := &UnwrittenError{Lines: now.lost.lines(), Stories: len(now.stories) + now.filed, err: errRejected}
	if unwritten.Stories == 0 {
		return nil
	}
	if err != nil {
		unwritten.err = c.because(err)
	}
	unwritten.Where = now.lost.where(waiting, c.opts.Journal)
	return unwritten
}

// Close is Shutdown with five seconds.
func (h *Handler) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return h.Shutdown(ctx)
}

// Shutdown seals every open story, as Closed, stores what is left and ends the
// handler's goroutine. What cannot be stored before the context ends stays in the
// journal, for the next handler that uses it, or goes to Options.Fallback, and the
// error, an *[UnwrittenError], counts it. It does not wait for a store that says that it
// cannot be used, as where the table is missing. That an earlier process left more in the
// journal than could be stored is an error as well. What is logged later goes to
// the fallback.
//
// It returns 50 milliseconds after the context has ended at the latest, whatever
// the store, the disk and the fallback do: what they have not taken by then is
// counted as in memory. Shutting down again waits for the same end, and returns
// what is not stored then.
func (h *Handler) Shutdown(ctx context.Context) error {
	c := h.core
	c.mu.Lock()
	first := !c.closed
	if c.closed = true; first {
		c.ended = make(chan struct{})
	}
	ended := c.ended
	c.mu.Unlock()
	if first {
		go c.shutDown(ctx)
	}
	passed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(passed) }) })
	defer stop()
	select {
	case <-ended:
	case <-passed:
	}
	c.mu.Lock()
	end := c.atEnd
	c.mu.Unlock()
	if end.waiter == nil {
		return fmt.Errorf("dynamoslog: the handler is being shut down: %w", ctx.Err())
	}
	return errors.Join(c.report(end.waiter, end.err, "still in memory: there was no time left to write them to Options.Fallback"), end.journal)
}

// An atEnd is what Shutdown tells.
type atEnd struct {
	waiter  *waiter
	err     error // why it waits no longer
	journal error // what an earlier process left, or why the journal could not be closed
}

func (c *core) shutDown(ctx context.Context) {
	defer close(c.ended)
	end := atEnd{waiter: c.newWaiter()}
	c.takeAbandoned()
	for _, b := range c.openNow(0, math.MaxInt) {
		b.seal(story.Closed)
	}
	inTime, cancel := c.forFallback(ctx)
	defer cancel()
	if end.err = c.await(inTime, end.waiter); end.err == nil {
		end.journal = c.waitForRecovery(ctx)
	}
	tell := func(end atEnd) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.atEnd = end
	}
	tell(end)
	end.journal = errors.Join(end.journal, c.end())
	tell(end)
}

// forFallback ends a context a little earlier, so that there is time to write what
// is held to the fallback, where that is what has to be done.
func (c *core) forFallback(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || c.opts.Journal != "" && c.counts.unprotected.Load() == 0 {
		return context.WithCancel(ctx)
	}
	needed := time.Duration(c.buffered.Load()) * time.Second / fallbackRate
	return context.WithDeadline(ctx, deadline.Add(-min(needed, time.Until(deadline)/2)))
}

// end ends the goroutines, the handler's last.
func (c *core) end() error {
	c.mu.Lock()
	w := c.writer
	c.stopped = c.stopped || w == nil
	c.mu.Unlock()
	if w != nil {
		w.stop()
		<-w.done
	}
	c.endShedding()
	defer c.awaitNews()
	log := c.journal.Load()
	if log == nil {
		return nil
	}
	c.payOwed()
	c.forgetOwed()
	return log.Close()
}

// leave gives up a chunk that is not formatted: it stays in the journal, or goes to
// the fallback.
func (c *core) leave(k *chunk, why string) {
	kept := k.entry.complete || k.remains != nil
	if !kept && k.lines.Count > 0 {
		text, _ := k.telling.format(&k.lines, &sheet{})
		c.writeFallback(nameOf(k.header)+" "+why, text)
	}
	if k.resume == nil {
		k.telling.ended = k.telling.ended || k.ends()
		k.resume = k.telling.appendResume() // what comes after it goes on from there
	}
	c.lose(k, k.count, kept)
	c.settle(k)
}

// checkJournal finds out which chunks somebody has damaged in the journal, before they
// are left there: those whose lines are in memory go to the fallback, of others it counts
// what can be read.
func (c *core) checkJournal() {
	if log := c.journal.Load(); log == nil || log.Whole() {
		return
	}
	var waiting []*chunk
	c.mu.Lock()
	for e := c.unsettled.Front(); e != nil; e = e.Next() {
		if k := e.Value.(*chunk); k.entry.complete && k.remains == nil {
			waiting = append(waiting, k)
		}
	}
	c.mu.Unlock()
	for _, k := range waiting {
		c.checkChunk(k)
	}
}

func (c *core) checkChunk(k *chunk) {
	c.mu.Lock()
	entry, count := k.entry, k.count
	c.mu.Unlock()
	missing := count - c.lasting(entry, count)
	if missing == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.lines.Count > 0 || k.left > 0 {
		k.entry.complete = false
	} else {
		missing = min(missing, k.count)
		k.count -= missing
		k.lost.unread += missing
	}
}

// leaveFiled leaves what has left memory where it is.
func (c *core) leaveFiled() {
	unread := c.unreadFiled()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.filed {
		c.buffered.Add(-perFiled)
		c.left--
		for _, w := range c.waiters {
			if f.ticket <= w.ticket {
				w.lost.journal += f.count - unread[f.ticket]
				w.lost.unread += unread[f.ticket]
				w.filed++
				w.settledOne()
			}
		}
	}
	c.filed = nil
}

// unreadFiled returns by ticket how many lines that have left memory somebody has
// damaged in the journal.
func (c *core) unreadFiled() map[uint64]int {
	if log := c.journal.Load(); log == nil || log.Whole() {
		return nil
	}
	c.mu.Lock()
	filed := slices.Clone(c.filed)
	c.mu.Unlock()
	unread := make(map[uint64]int)
	for _, f := range filed {
		unread[f.ticket] = f.count - c.lasting(f.entry, f.count)
	}
	return unread
}

// lose counts lines of a chunk as left: in the journal, or in the fallback. It is
// called when they are there.
func (c *core) lose(k *chunk, lines int, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.unstored = true
	k.count -= lines
	if kept {
		k.lost.journal += lines
		k.entry.number = 0 // not done: it stays there
	} else {
		k.lost.fallback += lines
	}
}

package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
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

// A barrier waits until all chunks up to one are complete, and counts what of them is
// not stored. Delivery.mu guards it.
type barrier struct {
	sequence uint64
	left     int             // chunks that are not complete, and one until await was called
	done     chan struct{}   // closed when none is left
	began    time.Time       // when await was called; zero before that
	unusable int             // answers since then that the store cannot be used
	failed   chan struct{}   // closed when they are enough
	lost     losses          // of the chunks that are complete
	stories  map[*Story]bool // of which something is not stored
	spilled  int             // more of them: that had left memory
}

func (b *barrier) completed(k *Chunk) {
	if k.sequence > b.sequence {
		return
	}
	b.count(k)
	b.completedOne()
}

func (b *barrier) completedOne() {
	if b.left--; b.left == 0 {
		close(b.done)
	}
}

// count adds what of a chunk is not stored.
func (b *barrier) count(k *Chunk) {
	lost := k.lost
	lost.waiting += k.count
	if lost.lines() > 0 || k.unstored || k.phase != complete {
		b.lost.add(lost)
		b.stories[k.Story] = true
	}
}

// answered notes that a request which began at a time has been answered that the store
// cannot be used.
func (b *barrier) answered(began, now time.Time) {
	// So many answers are believed, as the first may come of credentials that are being
	// replaced; or one that took so long.
	const (
		refusals = 3
		patience = 700 * time.Millisecond
	)
	if b.began.IsZero() || began.Before(b.began) || b.unusable == refusals {
		return
	}
	if b.unusable++; b.unusable == refusals || now.Sub(b.began) > patience {
		b.unusable = refusals
		close(b.failed)
	}
}

// Left is what is not stored of what somebody waited for.
type Left struct {
	Lines, Stories int
	Where          string // where they are now
	Err            error  // why
}

var errRejected = errors.New("the store rejected them, or memory was full")

// Flush stores all that was handed over, and what the open stories have, and waits for
// it. It returns what is not stored, or nil.
func (d *Delivery) Flush(ctx context.Context) *Left {
	b := d.newBarrier()
	defer d.forgetBarrier(b)
	d.stories.HandOver(story.Open)
	err := d.await(ctx, b)
	left := d.leftOf(b, err, "in memory, and will be tried again")
	if left != nil {
		d.AwaitFallback(ctx) // what the store has rejected may be on its way there
	}
	return left
}

// Wait waits until all is stored that was handed over, or the context ends.
func (d *Delivery) Wait(ctx context.Context) {
	b := d.newBarrier()
	defer d.forgetBarrier(b)
	_ = d.await(ctx, b)
}

// newBarrier returns a barrier for what is announced, also from now on until await.
func (d *Delivery) newBarrier() *barrier {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &barrier{sequence: math.MaxUint64, left: d.pending + 1, done: make(chan struct{}), failed: make(chan struct{}), stories: make(map[*Story]bool)}
	d.barriers = append(d.barriers, b)
	return b
}

// await waits until all that was announced so far is complete.
func (d *Delivery) await(ctx context.Context, b *barrier) error {
	d.mu.Lock()
	b.sequence, b.began = d.sequence, time.Now()
	b.completedOne()
	if d.writer != nil {
		d.writer.flushRequested = true
		d.Wake()
	}
	d.mu.Unlock()
	select {
	case <-b.done:
		return nil
	case <-b.failed:
		return story.ErrUnusable
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse tells all who wait that the store has answered that it cannot be used.
func (d *Delivery) refuse(began, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.barriers {
		b.answered(began, now)
	}
}

func (d *Delivery) forgetBarrier(b *barrier) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.barriers = slices.DeleteFunc(d.barriers, func(other *barrier) bool { return other == b })
}

// leftOf returns what is not stored of what a barrier waited for, or nil.
func (d *Delivery) leftOf(b *barrier, err error, waiting string) *Left {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := barrier{lost: b.lost, stories: maps.Clone(b.stories), spilled: b.spilled}
	for k := d.incomplete.oldest; k != nil; k = k.newer {
		if k.sequence <= b.sequence && k.recovered == nil {
			now.count(k)
		}
	}
	for _, s := range d.spilled {
		if s.sequence <= b.sequence {
			now.lost.waiting += s.count
			now.spilled++
		}
	}
	left := &Left{Lines: now.lost.lines(), Stories: len(now.stories) + now.spilled, Err: errRejected}
	if left.Stories == 0 {
		return nil
	}
	if err != nil {
		left.Err = d.report.because(err)
	}
	left.Where = now.lost.where(waiting, d.cfg.Journal)
	return left
}

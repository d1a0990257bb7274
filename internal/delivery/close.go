package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	// Shutdown returns so long after its context has ended, or before.
	grace = 40 * time.Millisecond
	// So fast, at least, text is made and written to the fallback: Shutdown leaves as
	// much of its time for what it holds.
	fallbackRate = 128 << 20 // bytes a second
)

// An atEnd is what Shutdown tells.
type atEnd struct {
	barrier *barrier // nil while the open stories are being ended
	err     error    // why it waits no longer
	journal error    // what an earlier process left, or why the journal could not be closed
}

// Shutdown ends the open stories, stores what is left and ends the goroutine. It returns
// what is not stored, or nil, and what else went wrong. It returns 50 milliseconds after
// the context has ended at the latest, whatever the store, the disk and the fallback do.
// Shutting down again waits for the same end, and returns what is not stored then.
func (d *Delivery) Shutdown(ctx context.Context) (*Left, error) {
	d.mu.Lock()
	first := d.ended == nil
	if first {
		d.ended = make(chan struct{})
	}
	ended := d.ended
	d.mu.Unlock()
	if first {
		go d.shutDown(ctx)
	}
	passed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(passed) }) })
	defer stop()
	select {
	case <-ended:
		d.AwaitFallback(ctx) // what the store has rejected may be on its way there
	case <-passed:
	}
	d.mu.Lock()
	end := d.atEnd
	d.mu.Unlock()
	if end.barrier == nil {
		return nil, fmt.Errorf("dynamoslog: the handler is being shut down: %w", ctx.Err())
	}
	return d.leftOf(end.barrier, end.err, "still in memory: there was no time left to write them to Options.Fallback"), end.journal
}

func (d *Delivery) shutDown(ctx context.Context) {
	proflabel.Clear()
	defer close(d.ended)
	end := atEnd{barrier: d.newBarrier()}
	d.stories.HandOver(story.Closed)
	inTime, cancel := d.forFallback(ctx)
	defer cancel()
	if end.err = d.await(inTime, end.barrier); end.err == nil {
		end.journal = d.awaitRecovery(ctx)
	}
	tell := func(end atEnd) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.atEnd = end
	}
	tell(end)
	end.journal = errors.Join(end.journal, d.end())
	tell(end)
}

// forFallback ends a context a little earlier, so that there is time to write what
// is held to the fallback, where that is what has to be done.
func (d *Delivery) forFallback(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || d.Log != nil && d.Counts.Unprotected.Load() == 0 {
		return context.WithCancel(ctx)
	}
	needed := time.Duration(d.Budget.Held()) * time.Second / fallbackRate
	return context.WithDeadline(ctx, deadline.Add(-min(needed, time.Until(deadline)/2)))
}

// end ends the goroutines, the writer's first.
func (d *Delivery) end() error {
	d.mu.Lock()
	w := d.writer
	d.stopped = d.stopped || w == nil
	d.mu.Unlock()
	if w != nil {
		w.stop()
		<-w.done
	}
	d.endShedding()
	defer d.report.await()
	if d.Log == nil {
		return nil
	}
	return d.Log.Close()
}

// giveUp leaves what is not stored to the journal, or else writes it to the fallback.
func (w *writer) giveUp() {
	d := w.d
	d.checkJournal()
	w.recovery.giveUp(d)
	for _, s := range w.order {
		for len(s.parts) > 0 {
			w.leave(s.parts[0])
		}
	}
	d.leaveSpilled()
	for k := d.last(); k != nil; k = d.last() {
		if k.kept() {
			d.leave(k, "", 0)
		} else if w.take(k, time.Now(), false) > 0 {
			for len(k.Story.parts) > 0 {
				w.leave(k.Story.parts[0])
			}
		}
	}
	d.leaveSpilled() // what left memory meanwhile
	w.loseProblems()
}

// leave gives up a part. A header without which the text that is stored would be found by
// nobody stays in the journal with whatever of its chunk is there: the next process asks
// the store what it has of that.
func (w *writer) leave(p *part) {
	kept := p.chunk.kept()
	s := p.chunk.Story
	if p.isAlias() && !kept {
		if s.hasHeader { // else nothing is listed of it
			w.d.fallback.write(fmt.Sprintf("%s is not listed under %s: not stored before the handler was closed", nameOf(p.chunk.Header), p.Key), "", untilWritten)
		}
		w.remove(p, 0)
		return
	}
	headless := p.Header != nil && p.Text == "" && s.hasText && !s.hasHeader
	switch {
	case kept:
	case headless && p.chunk.Mark.Some():
		kept = true
	case headless:
		w.d.fallback.write(nameOf(p.chunk.Header)+": text of it is stored, and its header is not: lists do not show it", "", untilWritten)
	case p.Text != "":
		w.d.fallback.write(fmt.Sprintf("%s part %d not stored before the handler was closed", nameOf(p.chunk.Header), p.Number), p.Text, untilWritten)
	}
	w.d.lose(p.chunk, p.lines, kept)
	w.remove(p, 0)
}

// last takes what still waits, and ends the delivery where nothing does.
func (d *Delivery) last() *Chunk {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, held := range d.heldBack {
		if k := held.take(); k != nil {
			return k
		}
		delete(d.heldBack, key)
	}
	k := d.queue.take()
	d.stopped = k == nil
	return k
}

// checkJournal finds out which chunks somebody has damaged in the journal, before they
// are left there: those whose lines are in memory go to the fallback, of others it counts
// what can be read.
func (d *Delivery) checkJournal() {
	if d.Log == nil || d.Log.Whole() {
		return
	}
	var waiting []*Chunk
	d.mu.Lock()
	for k := d.incomplete.oldest; k != nil; k = k.newer {
		if k.Mark.Complete() && k.recovered == nil {
			waiting = append(waiting, k)
		}
	}
	d.mu.Unlock()
	for _, k := range waiting {
		d.checkChunk(k)
	}
}

func (d *Delivery) checkChunk(k *Chunk) {
	d.mu.Lock()
	mark, count := k.Mark, k.count
	d.mu.Unlock()
	missing := count - d.Log.Lasting(&mark, count)
	if missing == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if k.Lines.Count() > 0 || k.phase == composed {
		k.Mark.Spoil()
	} else {
		missing = min(missing, k.count)
		k.count -= missing
		k.lost.unread += missing
	}
}

// leaveSpilled leaves what has left memory where it is.
func (d *Delivery) leaveSpilled() {
	unread := d.unreadSpilled()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.spilled {
		d.Budget.Add(-perSpilled)
		d.pending--
		for _, b := range d.barriers {
			if s.sequence <= b.sequence {
				b.lost.journal += s.count - unread[s.sequence]
				b.lost.unread += unread[s.sequence]
				b.spilled++
				b.completedOne()
			}
		}
	}
	d.spilled = nil
}

// unreadSpilled returns by sequence how many lines that have left memory somebody has
// damaged in the journal.
func (d *Delivery) unreadSpilled() map[uint64]int {
	if d.Log == nil || d.Log.Whole() {
		return nil
	}
	d.mu.Lock()
	spilled := slices.Clone(d.spilled)
	d.mu.Unlock()
	unread := make(map[uint64]int)
	for _, s := range spilled {
		unread[s.sequence] = s.count - d.Log.Lasting(&s.mark, s.count)
	}
	return unread
}

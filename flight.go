package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	attemptLimit = 10 * time.Second // of one Put
	mostFlights  = 4                // at once, while the store takes everything: a far one takes its time
)

// A flight is a call to the store.
type flight struct {
	batch    []*parcel
	failures int // in a row, when it began
	began    time.Time
	err      error
}

// flightsAllowed returns how many calls may be under way: one where the store has not
// taken everything lately.
func (w *writer) flightsAllowed() int {
	if w.store.failures > 0 || w.parked || w.pace.rate > 0 || len(w.keys) > 0 {
		return 1
	}
	return mostFlights
}

// launch puts a batch, on a goroutine of its own.
func (w *writer) launch(batch []*parcel) {
	for _, p := range batch {
		w.stories[p.chunk.telling].flying = true
	}
	w.flights++
	w.since = time.Time{} // what is left lingered long enough
	go w.put(flight{batch: batch, failures: w.store.failures, began: time.Now()})
}

func (w *writer) put(f flight) {
	parts := make([]story.Part, len(f.batch))
	for i, p := range f.batch {
		parts[i] = p.Part
		p.Prepared = nil // another try makes it again
	}
	defer func() { w.landed <- f }()
	ctx, cancel := context.WithTimeout(w.ctx, attemptLimit)
	defer cancel()
	f.err = w.core.calls.Put(ctx, parts)
}

// land acts on the outcome of each part of a batch.
func (w *writer) land(f flight) {
	batch, err := f.batch, f.err
	w.flights--
	for _, p := range batch {
		w.stories[p.chunk.telling].flying = false
	}
	failures := failuresOf(err, len(batch))
	for i, p := range batch {
		failure, failed := failures[i]
		switch {
		case !failed:
			w.acknowledge(p)
		case failure.Outcome == story.Reject:
			w.reject(p, failure.Err)
		}
	}
	if w.ctx.Err() == nil { // else giveUp tells what is left
		w.setBack(f, failures)
	}
	w.compact()
}

// failuresOf returns the failures of a Put by index. An error that names no parts
// means that none is stored.
func failuresOf(err error, parts int) map[int]story.PutFailure {
	if err == nil {
		return nil
	}
	failures := make(map[int]story.PutFailure)
	if putErr := (*story.PutError)(nil); errors.As(err, &putErr) {
		for _, f := range putErr.Failures {
			failures[f.Index] = f
		}
		if len(failures) > 0 {
			return failures
		}
	}
	for i := range parts {
		failures[i] = story.PutFailure{Index: i, Outcome: story.Retry, Err: err}
	}
	return failures
}

func (w *writer) acknowledge(p *parcel) {
	counts := &w.core.counts
	counts.parts.Add(1)
	counts.lines.Add(int64(p.lines))
	if p.Header != nil && p.Header.State != story.Open && !p.Raise {
		counts.stories.Add(1)
	}
	counts.bytes.Add(int64(len(p.Text)))
	w.core.mu.Lock()
	p.chunk.count -= p.lines
	w.core.mu.Unlock()
	w.stories[p.chunk.telling].delay = delay{}
	w.remove(p)
}

func (w *writer) reject(p *parcel, err error) {
	w.core.counts.rejected.Add(1)
	w.core.fallback.add(fmt.Sprintf("%s part %d not stored: %v", nameOf(p.chunk.header), p.Number, err), p.Text, true) // one that hangs must not end storing
	w.core.lose(p.chunk, p.lines, false)
	w.remove(p)
}

// remove takes a settled part out of its story.
func (w *writer) remove(p *parcel) {
	out := w.stories[p.chunk.telling]
	for i, other := range out.parcels {
		if other == p {
			out.parcels = append(out.parcels[:i], out.parcels[i+1:]...)
			break
		}
	}
	if p.chunk.left--; p.chunk.left == 0 {
		w.core.settle(p.chunk)
	}
}

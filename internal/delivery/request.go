package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

const (
	attemptLimit = 10 * time.Second // of one Put
	mostRequests = 4                // at once, while the store takes everything: a far one takes its time
)

// A part is one on its way to the store.
type part struct {
	story.Part
	chunk   *Chunk
	lines   int      // that begin in it
	wasBusy bool     // it was refused before, as the store was busy
	removed bool     // it is stored or given up
	alone   [1]*part // room for its story's parts, while it is the only one
}

// newPart returns an empty part.
func (w *writer) newPart() *part {
	if last := len(w.unused) - 1; last >= 0 {
		p := w.unused[last]
		w.unused = w.unused[:last]
		return p
	}
	return &part{}
}

// reuse lets the parts of a request be used again that were removed, and the chunks that are
// complete by its answer.
func (w *writer) reuse(batch []*part) {
	for _, p := range batch {
		if p.removed && len(w.unused) < mostRequests*batchParts {
			*p = part{}
			w.unused = append(w.unused, p)
		}
	}
	for _, k := range w.finished {
		w.d.free(k)
	}
	clear(w.finished)
	w.finished = w.finished[:0]
}

// isAlias reports whether it is an alias, which lists a story that is stored without it.
func (p *part) isAlias() bool { return p.Header != nil && p.Header.IsAlias() }

// A request is a call to the store.
type request struct {
	batch    []*part
	failures int // in a row, when it began
	began    time.Time
	err      error // its answer
}

// requestsAllowed returns how many may be under way: one where the store has not
// taken everything lately. A key that takes no more slows down nobody else.
func (w *writer) requestsAllowed() int {
	if w.all.failures > 0 || w.parked || w.pace.rate > 0 {
		return 1
	}
	return mostRequests
}

// send puts a batch, on a goroutine of its own.
func (w *writer) send(batch []*part) {
	for _, p := range batch {
		p.chunk.Story.inFlight = true
		if own := w.keys[p.Key]; own != nil {
			own.inFlight = true
		}
	}
	w.requests++
	w.lingerSince = time.Time{} // what is left has waited long enough
	go w.request(request{batch: slices.Clone(batch), failures: w.all.failures, began: time.Now()})
}

func (w *writer) request(r request) {
	parts := make([]story.Part, len(r.batch))
	for i, p := range r.batch {
		parts[i] = p.Part
		p.Prepared = nil // another try makes it again
	}
	defer func() { w.answered <- r }()
	ctx, cancel := context.WithTimeout(w.ctx, attemptLimit)
	defer cancel()
	r.err = w.d.store.Put(ctx, parts)
}

// answer acts on the outcome of each part of a batch.
func (w *writer) answer(r request) {
	batch, err := r.batch, r.err
	w.requests--
	for _, p := range batch {
		p.chunk.Story.inFlight = false
		if own := w.keys[p.Key]; own != nil {
			own.inFlight = false
		}
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
		w.setBack(r, failures)
	}
	w.compact()
	w.reuse(batch)
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

func (w *writer) acknowledge(p *part) {
	counts := &w.d.Counts
	counts.Parts.Add(1)
	counts.Lines.Add(int64(p.lines))
	switch {
	case p.Header == nil || p.Header.State == story.Open || p.Raise:
	case p.isAlias():
		counts.Aliases.Add(1)
	default:
		counts.Stories.Add(1)
	}
	counts.Bytes.Add(int64(len(p.Text)))
	s := p.chunk.Story
	s.hasText, s.hasHeader = s.hasText || p.Number > 0, s.hasHeader || p.Number == 0 && !p.isAlias()
	s.backoff = nil
	w.remove(p, p.lines)
}

func (w *writer) reject(p *part, err error) {
	w.d.Counts.Rejected.Add(1)
	if p.isAlias() {
		w.d.fallback.add(fmt.Sprintf("%s is not listed under %s: %v", nameOf(p.chunk.Header), p.Key, err), "", true)
		w.remove(p, 0)
		return
	}
	w.d.fallback.add(fmt.Sprintf("%s part %d not stored: %v", nameOf(p.chunk.Header), p.Number, err), p.Text, true) // one that hangs must not end storing
	w.d.lose(p.chunk, p.lines, false)
	w.remove(p, 0)
}

// remove takes a part out of its story that is stored, with so many lines, or given up.
func (w *writer) remove(p *part, stored int) {
	k := p.chunk
	s := k.Story
	for i, other := range s.parts {
		if other == p {
			s.parts = append(s.parts[:i], s.parts[i+1:]...)
			break
		}
	}
	p.removed = true
	k.left--
	w.d.mu.Lock()
	k.count -= stored
	done := k.left == 0 && w.d.completeLocked(k)
	w.d.mu.Unlock()
	if done {
		w.d.writeDone(k)
	}
	if k.left == 0 {
		w.finished = append(w.finished, k)
	}
}

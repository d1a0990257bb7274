package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/storylog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A journal that found no room, or is damaged, does not tell all that its process
// did. What it has of a chunk may then be stored already, with lines that it lacks,
// and a story that looks as if it were open may have ended. Before such a chunk is
// stored the store is asked what it has.

// recovering is what a writer knows of the journals of processes that are gone.
type recovering struct {
	claimed chan claim    // what was found of them
	ended   chan struct{} // closed when nothing is left to be recovered
	orphans []*orphan     // that were claimed and are not removed

	phase    inquiry
	chunk    *Chunk           // of which it is in doubt whether it is stored; nil where phase is none
	answers  chan storedStory // what the store has of it
	askAgain backoff          // until the store is asked again
}

// An inquiry is what is being done about a chunk in doubt:
//
//	none ──▶ pending ──▶ asking ──▶ known ──▶ none
//	                      └─▲ the store does not answer
type inquiry uint8

const (
	noInquiry      inquiry = iota
	inquiryPending         // what came before it is not stored yet
	inquiryAsking          // the store is asked
	inquiryKnown           // it is to be taken next
)

func newRecovering() recovering {
	return recovering{claimed: make(chan claim), ended: make(chan struct{}), answers: make(chan storedStory, 1)}
}

// An orphan is the journal of a process that is gone.
type orphan struct {
	*storylog.Orphan
	left  int    // chunks that were taken and are not complete; guarded by Delivery.mu
	story *Story // of the chunk that was taken last
	last  *Chunk
}

// A recovery is what is known of a chunk that an orphan had.
type recovery struct {
	orphan *orphan
	resume []byte      // where its story goes on; nil where that follows from the chunk before, or was done
	after  *Chunk      // the one of its story before it; nil for the first
	keys   []story.Key // that the story had
}

// A claim is what was found of processes that are gone.
type claim struct {
	found []*storylog.Orphan
	err   error
}

// claim looks for it, on a goroutine of its own: the disk may hang.
func (w *writer) claim() {
	found, err := storylog.Claim(w.d.cfg.Journal, w.d.Budget, compose.Ended)
	select {
	case w.recovery.claimed <- claim{found, err}:
	case <-w.ctx.Done():
		for _, o := range found {
			_ = o.Close() // somebody else's again
		}
	}
}

func (w *writer) takeOrphans(c claim) {
	if c.err != nil {
		w.d.orphanTrouble(c.err)
	}
	for _, o := range c.found {
		w.recovery.orphans = append(w.recovery.orphans, &orphan{Orphan: o})
	}
	if len(w.recovery.orphans) == 0 {
		close(w.recovery.ended)
	}
}

// orphanTrouble tells of a journal that an earlier process left.
func (d *Delivery) orphanTrouble(err error) {
	d.tell(journalUnreadable, fmt.Errorf("dynamoslog: what an earlier process left in %s: %w", d.cfg.Journal, err))
}

// recover takes the next chunk of what earlier processes left, or nil, and
// removes orphans of which everything is complete.
func (w *writer) recover() *Chunk {
	r := &w.recovery
	switch r.phase {
	case inquiryKnown:
		k := r.chunk
		r.phase, r.chunk = noInquiry, nil
		return k
	case inquiryAsking:
		return nil
	case inquiryPending:
		w.askWhenDue()
		return nil
	}
	for len(r.orphans) > 0 {
		o := r.orphans[0]
		k, doubt := w.nextOf(o)
		if k != nil && doubt {
			r.phase, r.chunk = inquiryPending, k
			w.askWhenDue()
			return nil
		}
		if k != nil {
			return k
		}
		w.d.mu.Lock()
		left := o.left
		w.d.mu.Unlock()
		if left > 0 {
			return nil
		}
		if err := o.Remove(); err != nil {
			w.d.orphanTrouble(err)
		}
		if r.orphans = r.orphans[1:]; len(r.orphans) == 0 {
			close(r.ended)
		}
	}
	return nil
}

// nextOf takes the next chunk of an orphan, or nil, and whether it is in doubt that it is
// not stored yet.
func (w *writer) nextOf(o *orphan) (k *Chunk, doubt bool) {
	d := w.d
	for {
		next, more := o.Next(d.Lines)
		if records, err := o.Damage(); records > 0 || err != nil {
			d.Counts.Damaged.Add(int64(records))
			if err != nil {
				d.orphanTrouble(err)
			}
		}
		if !more {
			return nil, false
		}
		d.Counts.Recovered.Add(int64(next.Stored.Count()))
		if next.First {
			o.story, o.last = d.NewStory(), nil
		}
		if !next.Named {
			text := o.story.composer.Format(&next.Stored, &compose.Scratch{Index: d.cfg.Index})
			next.Stored.Release(d.Lines)
			d.fallback.add("recovered lines of a story whose name is lost", text, true)
			continue
		}
		k = &Chunk{Story: o.story, phase: queued, count: next.Stored.Count()}
		k.Lines, k.Header, k.Dropped = next.Stored, &next.Header, next.Dropped
		k.Place = compose.PlaceOf(next.Late, next.Whole, next.Header.State)
		if k.Header.State == story.Interrupted {
			k.Interrupt()
		}
		k.recovered = &recovery{orphan: o, resume: next.Resume, after: o.last, keys: next.Keys}
		o.last = k
		d.mu.Lock()
		o.left++
		d.mu.Unlock()
		return k, next.Doubt
	}
}

// askWhenDue asks about the chunk in doubt, once what came before it is stored.
func (w *writer) askWhenDue() {
	r := &w.recovery
	after := r.chunk.recovered.after
	w.d.mu.Lock()
	early := after != nil && after.phase != complete
	w.d.mu.Unlock()
	if !early {
		w.ask(0)
	}
}

// ask reads what is stored of the story of the chunk in doubt, after a delay, on a
// goroutine of its own.
func (w *writer) ask(after time.Duration) {
	r := &w.recovery
	r.phase = inquiryAsking
	go w.read(r.chunk.Header, r.chunk.recovered.keys, after)
}

// readLimit is how long reading one story may take.
const readLimit = time.Minute

// A storedStory is what the store has of a story.
type storedStory struct {
	compose.Stored
	err error
}

func (w *writer) read(h *story.Header, keys []story.Key, after time.Duration) {
	ctx, cancel := context.WithTimeout(w.ctx, after+readLimit)
	defer cancel()
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.recovery.answers <- w.d.readStored(ctx, h, keys)
	case <-ctx.Done():
		w.recovery.answers <- storedStory{err: ctx.Err()}
	}
}

// readStored reads what is stored of a story, under the key that is known, others that
// it is known to have had, and the one under which lists have it.
func (d *Delivery) readStored(ctx context.Context, h *story.Header, keys []story.Key) (stored storedStory) {
	keys = append(slices.DeleteFunc(slices.Clone(keys), func(key story.Key) bool { return key == h.Key }), h.Key)
	q := story.Query{Since: h.Start, Until: h.Start.Add(time.Microsecond)}
	for listed, err := range story.All(ctx, d.store, q) {
		if err != nil {
			return storedStory{err: err}
		}
		if listed.ID == h.ID {
			keys = append(slices.DeleteFunc(keys, func(key story.Key) bool { return key == listed.Key }), listed.Key)
		}
	}
	stored.Key = h.Key
	for _, key := range keys {
		parts, err := d.store.ReadParts(ctx, key, h.ID)
		switch {
		case errors.Is(err, story.ErrNotFound):
		case err != nil:
			return storedStory{err: err}
		default:
			stored.Moved = append(stored.Moved, stored.Parts...)
			stored.Key, stored.Parts = key, parts
		}
	}
	return stored
}

// reconcile acts on what the store has: the chunk in doubt is to be taken next, or the
// store is asked again.
func (w *writer) reconcile(stored storedStory) {
	r := &w.recovery
	k := r.chunk
	switch err := stored.err; {
	case err == nil:
		if k.recovered.resume != nil {
			_ = k.Story.composer.Resume(k.recovered.resume) // one that cannot be read says nothing
			k.recovered.resume = nil
		}
		k.Story.composer.Reconcile(&k.Chunk, stored.Stored, w.d.Lines)
		k.count = k.Lines.Count()
		r.askAgain, r.phase = backoff{}, inquiryKnown
	case w.ctx.Err() != nil:
		r.phase = inquiryPending // it is given up
	default:
		of, longest := fault, longestDelay
		if errors.Is(err, story.ErrUnusable) {
			of, longest = misconfigured, longestProbe
		}
		now := time.Now()
		r.askAgain.fail(now, longest)
		w.tell(of, fmt.Errorf("what is stored of %s %s cannot be read, before it is recovered: %w", k.Header.Key, k.Header.ID, unnamed{err}))
		w.ask(r.askAgain.left(now))
	}
}

// giveUp leaves what is not recovered to another process.
func (r *recovering) giveUp(d *Delivery) {
	if r.chunk != nil {
		r.chunk.Lines.Release(d.Lines)
	}
	r.phase, r.chunk = noInquiry, nil
	for _, o := range r.orphans {
		if err := o.Close(); err != nil {
			d.orphanTrouble(err)
		}
	}
	r.orphans = nil
}

// awaitRecovery waits until what earlier processes left is stored as well.
func (d *Delivery) awaitRecovery(ctx context.Context) error {
	d.mu.Lock()
	w := d.writer
	d.mu.Unlock()
	if w == nil || d.Log == nil {
		return nil
	}
	d.Wake()
	select {
	case <-w.recovery.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("dynamoslog: what an earlier process left is still in the journal in %s: %w", d.cfg.Journal, ctx.Err())
	}
}

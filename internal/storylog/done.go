package storylog

import (
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/record"
)

// A doneRecord is one that could not be written yet. Until it is, the chunk stays
// pinned: what is left of one of which the journal frees a part would be taken for
// all of it.
type doneRecord struct {
	number uint64 // of the story
	pin    Position
	text   []byte
}

func (d *doneRecord) size() int64 { return int64(cap(d.text) + 40) }

// Done writes that a chunk needs no recovery any more, and how far its story is written
// down after it.
func (l *Log) Done(m *Mark, p *Progress, text []byte) {
	if !m.owed {
		return
	}
	m.owed = false
	memory := l.records.Get().(*record.Writer)
	defer l.records.Put(memory)
	w := begin(*memory, kindDone, m.number)
	w.Uint(m.ordinal)
	w = append(w, text...)
	*memory = w
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := p.last.Load(); last == nil || last.ordinal < m.ordinal {
		p.last.Store(&resume{m.ordinal, text})
	}
	if m.pin == 0 {
		return
	}
	if d := (doneRecord{m.number, m.pin, w}); !l.conclude(d) {
		d.text = slices.Clone(d.text)
		l.pending = append(l.pending, d)
		l.opts.Budget.Add(d.size())
	}
}

// conclude writes a done record.
func (l *Log) conclude(d doneRecord) bool {
	return l.journal.Load().Conclude(d.number, d.pin, d.text) == nil
}

// Pending reports whether there are done records that could not be written yet.
func (l *Log) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending) > 0
}

// PayPending writes the done records that could not be written before.
func (l *Log) PayPending() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = slices.DeleteFunc(l.pending, func(d doneRecord) bool {
		written := l.conclude(d)
		if written {
			l.opts.Budget.Add(-d.size())
		}
		return written
	})
}

// forgetPending leaves what could not be written: the next process stores those chunks
// again, as the same items.
func (l *Log) forgetPending() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.pending {
		l.opts.Budget.Add(-d.size())
	}
	l.pending = nil
}

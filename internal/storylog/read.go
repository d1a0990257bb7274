package storylog

import (
	"errors"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/record"
)

// Whole reports whether nothing of the journal was damaged, as far as that can be seen
// quickly.
func (l *Log) Whole() bool {
	opened := l.journal.Load()
	return opened == nil || opened.Whole()
}

// walk reads the lines of a chunk, the last one first, as far as they can be read. It calls
// found with where each stands and what was read, which is used again unless keep is set.
func (l *Log) walk(m *Mark, count int, keep bool, found func(at Position, text []byte)) {
	near := l.journal.Load().NewReader()
	var texts []byte
	at := m.last
	for n := 0; at > m.pin && n < count; n++ {
		if !keep {
			texts = texts[:0]
		}
		start := len(texts)
		var err error
		if texts, err = near.Read(at, texts); err != nil {
			return
		}
		text := texts[start:]
		found(at, text)
		r := record.Reader{Left: text[1:]}
		r.Uint()
		at = m.pin + Position(r.Uint())
	}
}

// Lasting returns how many of a chunk's lines the next process will find: where the
// journal was damaged perhaps fewer than were written. Those before one that is damaged
// are not counted, although they may be there.
func (l *Log) Lasting(m *Mark, count int) (lines int) {
	opened := l.journal.Load()
	if !opened.Outlives(m.pin) {
		return 0
	}
	l.walk(m, count, false, func(at Position, _ []byte) {
		if opened.Outlives(at) {
			lines++
		}
	})
	return lines
}

// Lines reads the lines of a chunk back, and returns how many of so many could not be.
func (l *Log) Lines(m *Mark, count int, lines *linebuf.Lines, pool *linebuf.Pool) (lost int) {
	texts := make([][]byte, 0, count)
	l.walk(m, count, true, func(_ Position, text []byte) { texts = append(texts, text) })
	for _, text := range slices.Backward(texts) {
		addLine(lines, pool, text)
	}
	return count - lines.Count()
}

var errChunk = errors.New("a record that is none of a chunk")

// Handed reads what was written of a chunk.
func (l *Log) Handed(m *Mark) (Handed, error) {
	text, err := l.journal.Load().Read(m.at, nil)
	if err != nil {
		return Handed{}, err
	}
	_, r, ok := numberOf(text)
	if !ok {
		return Handed{}, errChunk
	}
	_, h := readChunk(r)
	if r.Failed {
		return Handed{}, errChunk
	}
	return h, nil
}

// addLine adds the line of a record, and returns false for another record.
func addLine(lines *linebuf.Lines, pool *linebuf.Pool, text []byte) bool {
	if len(text) == 0 || text[0] != kindLine {
		return false
	}
	r := record.Reader{Left: text[1:]}
	r.Uint()
	r.Uint()
	m, message, attrs, rest, ok := linebuf.Decode(r.Left)
	if r.Failed || !ok || len(rest) > 0 {
		return false
	}
	lines.Add(pool, &m, string(message), attrs)
	return true
}

package storylog

import (
	"errors"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/record"
)

// Whole reports whether nothing of the journal was damaged, as far as that can be seen
// quickly.
func (l *Log) Whole() bool {
	opened := l.journal.Load()
	return opened == nil || opened.Whole()
}

// positions returns where the lines of a chunk stand, the last one first, as far as they
// can be told.
func (l *Log) positions(m *Mark, count int, buf []byte) ([]Position, []byte) {
	opened := l.journal.Load()
	positions := make([]Position, 0, count)
	at := m.last
	for at > m.pin && len(positions) < count {
		text, err := opened.Read(at, buf[:0])
		if err != nil {
			break
		}
		buf = text
		positions = append(positions, at)
		r := record.Reader{Left: text[1:]}
		r.Uint()
		at = m.pin + Position(r.Uint())
	}
	return positions, buf
}

// Lasting returns how many of a chunk's lines the next process will find: where the
// journal was damaged perhaps fewer than were written. Those before one that is damaged
// are not counted, although they may be there.
func (l *Log) Lasting(m *Mark, count int) (lines int) {
	opened := l.journal.Load()
	if !opened.Outlives(m.pin) {
		return 0
	}
	positions, _ := l.positions(m, count, nil)
	for _, at := range positions {
		if opened.Outlives(at) {
			lines++
		}
	}
	return lines
}

// Lines reads the lines of a chunk back, and returns how many of so many could not be.
func (l *Log) Lines(m *Mark, count int, lines *linebuf.Lines, pool *linebuf.Pool) (lost int) {
	positions, buf := l.positions(m, count, nil)
	for i := len(positions) - 1; i >= 0; i-- {
		text, err := l.journal.Load().Read(positions[i], buf[:0])
		if err == nil {
			buf = text
			addLine(lines, pool, text)
		}
	}
	return count - lines.Count
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

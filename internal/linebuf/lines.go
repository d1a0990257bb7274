// Package linebuf keeps lines of stories in memory, each as a few bytes and its text.
package linebuf

import (
	"encoding/binary"
	"log/slog"

	"github.com/dynamoslog/dynamoslog/story"
)

// Lines are records in memory: their metadata and texts one after the other, in
// blocks, so that a story that grows is never copied and little is held in vain. The
// zero value has none. The fields that are exported are for reading, but for Kind, which may
// be set before the first line is added.
type Lines struct {
	Kind        Kind
	count       int32
	first, last *block
	Size        int // bytes written
	Held        int // bytes of memory that the blocks take
	// lost is what lines say that were dropped behind the last one of their lane, of the
	// next line of the lane, in other Lines. It is nil where there are none.
	lost map[int32]Gap
}

type block struct {
	next *block
	data []byte
}

// Count returns how many lines there are.
func (l *Lines) Count() int { return int(l.count) }

// Add appends a line; Room says how much memory it takes.
func (l *Lines) Add(pool *Pool, m *Meta, message string, attrs []byte) {
	l.count++
	if last := l.last; last != nil {
		if m.fits() && HeadSize+len(message)+len(attrs) <= cap(last.data)-len(last.data) {
			data := binary.LittleEndian.AppendUint64(last.data, m.word())
			data = binary.LittleEndian.AppendUint16(data, uint16(m.Attrs))
			data = append(append(data, message...), attrs...)
			l.Size += len(data) - len(last.data)
			last.data = data
			return
		}
	}
	var space [64]byte
	head := m.AppendTo(space[:0])
	rest := len(head) + len(message) + len(attrs)
	fill(l, pool, head, &rest)
	fill(l, pool, message, &rest)
	fill(l, pool, attrs, &rest)
}

// fill appends a piece of a line of which so much is to come.
func fill[T string | []byte](l *Lines, pool *Pool, piece T, rest *int) {
	for len(piece) > 0 {
		n := copy(l.free(pool, *rest), piece)
		l.last.data = l.last.data[:len(l.last.data)+n]
		l.Size += n
		piece, *rest = piece[n:], *rest-n
	}
}

// free returns free space, at least a byte of it, for the rest of a line.
func (l *Lines) free(pool *Pool, wanted int) []byte {
	if l.last == nil || len(l.last.data) == cap(l.last.data) {
		l.Grow(pool, l.blockSize(pool, l.Size, wanted))
	}
	return l.last.data[len(l.last.data):cap(l.last.data)]
}

// Grow adds a block of a size.
func (l *Lines) Grow(pool *Pool, size int) {
	added := pool.get(size)
	switch l.last {
	case nil:
		l.first = added
	case l.first: // at once, as others of the kind begin before these are released
		pool.learn(l.Kind, l.Size+size)
		l.first.next = added
	default:
		l.last.next = added
	}
	l.last = added
	l.Held += cap(added.data) + perBlock
}

// Room returns how much memory a line would take beyond what is held already.
func (l *Lines) Room(pool *Pool, m *Meta) int {
	size := m.size() + int(m.Message) + int(m.Attrs)
	free := 0
	if l.last != nil {
		free = cap(l.last.data) - len(l.last.data)
	}
	if size <= free {
		return 0
	}
	return l.blockSize(pool, l.Size+free, size-free) + perBlock
}

// blockSize returns the size of a further block: as much as is wanted, and of the first one
// as much as lines of the kind usually take in all, up to mostFirst. Of another one half, which is free on the
// average, is twice what all blocks take beside their data: smaller ones would take a little
// less, and Handle longer, as more lines go on in another one.
func (l *Lines) blockSize(pool *Pool, written, wanted int) int {
	if wanted > largestBlock {
		return wanted
	}
	if l.first == nil {
		return roundUp(max(wanted, pool.usual(l.Kind)))
	}
	size := leastBlock
	for size < wanted || size < largestBlock && size*size/(4*perBlock) < written {
		size *= 2
	}
	return size
}

// A line in the common case is made where it is to stay: what is appended to
// Free()[HeadSize+len(message):] are its attributes, and Commit writes what stands before
// them.

// Free returns the free space in the last block, as the capacity of what it returns.
func (l *Lines) Free() []byte {
	if l.last == nil {
		return nil
	}
	return l.last.data[len(l.last.data):]
}

// Commit completes a line whose attributes are in Free: word is its [Word].
func (l *Lines) Commit(word uint64, message string, attrs int) {
	start, size := len(l.last.data), HeadSize+len(message)+attrs
	l.last.data = l.last.data[:start+size]
	data := l.last.data[start:]
	binary.LittleEndian.PutUint64(data, word)
	binary.LittleEndian.PutUint16(data[8:], uint16(attrs))
	copy(data[HeadSize:], message)
	l.Size += size
	l.count++
}

// Release gives the memory back.
func (l *Lines) Release(pool *Pool) {
	if l.first == l.last { // else it was learned before
		pool.learn(l.Kind, l.Size)
	}
	for b := l.first; b != nil; {
		next := b.next
		pool.put(b)
		b = next
	}
	*l = Lines{}
}

// KeepFrom drops the lines below a level and returns how many.
func (l *Lines) KeepFrom(pool *Pool, level slog.Level) (dropped int) {
	return l.Keep(pool, func(m Meta, _, _ string) bool { return m.Level >= level })
}

// Keep drops the lines for which wanted returns false, and returns how many. What those
// say of the next line of their lane, they say of the next that is kept.
func (l *Lines) Keep(pool *Pool, wanted func(m Meta, message, attrs string) bool) (dropped int) {
	gaps := make(map[int32]Gap) // by lane, since the last line kept
	kept := Lines{}             // of no kind, as it is to take little
	l.Each(func(m Meta, message, attrs string) {
		gap := gaps[m.Lane]
		if !wanted(m, message, attrs) {
			dropped++
			gap.Add(m.Place)
			gaps[m.Lane] = gap
			return
		}
		if m.Place.Frames > 0 {
			m.Place = gap.Before(m.Place)
			delete(gaps, m.Lane)
		}
		kept.Add(pool, &m, message, []byte(attrs))
	})
	for lane, before := range l.lost {
		gap := gaps[lane]
		gap.Join(before)
		gaps[lane] = gap
	}
	l.Release(pool)
	*l = kept
	if len(gaps) > 0 {
		l.lost = gaps
	}
	return dropped
}

// TakeLost returns what the lines that were dropped last say of the next one, by lane,
// and forgets that.
func (l *Lines) TakeLost() map[int32]Gap {
	lost := l.lost
	l.lost = nil
	return lost
}

// MostText returns how much text the lines become at most, in bytes.
func (l *Lines) MostText() (size int) {
	l.Each(func(_ Meta, message, attrs string) { size += story.LineBound(message, attrs) })
	return size
}

package dynamoslog

import (
	"encoding/binary"
	"log/slog"
	"math"
	"sync"
	"unsafe"

	"github.com/dynamoslog/dynamoslog/story"
)

// A lineFacts is what a buffer keeps of a line beside its text.
type lineFacts struct {
	offset  int64 // milliseconds since the story's start
	level   slog.Level
	lane    int32
	frames  int32 // of the stack, from the call site to the root; 0 if unknown
	shared  int32 // frames of the same activation as in the line before it in its lane
	message uint32
	attrs   uint32 // lengths in bytes
}

// fits reports whether a compact word can hold facts. It takes them one by one, as
// does compactWord, so that they stay in registers on the way of most lines.
func fits(offset int64, level slog.Level, lanes, frames, message, attrs int) bool {
	return uint64(offset) < 1<<22 && uint64(level+32) < 1<<6 && lanes < 1<<6 &&
		frames < 1<<9 && uint(message) < 1<<11 && uint(attrs) < 1<<16
}

// compactWord packs facts that fit, all but the length of the attributes. Its lowest
// bit is set.
func compactWord(offset int64, level slog.Level, lane, frames, shared, message int) uint64 {
	return 1 | uint64(offset)<<1 | uint64(level+32)<<23 | uint64(lane)<<29 |
		uint64(frames)<<35 | uint64(shared)<<44 | uint64(message)<<53
}

func (f *lineFacts) fits() bool {
	return fits(f.offset, f.level, int(f.lane), int(max(f.frames, f.shared)), int(f.message), int(f.attrs))
}

func (f *lineFacts) word() uint64 {
	return compactWord(f.offset, f.level, int(f.lane), int(f.frames), int(f.shared), int(f.message))
}

// compactSize is that of the word and, behind it, the length of the attributes.
const compactSize = 8 + 2

// appendTo appends the facts as they stand before a line's text in memory and in
// the journal: ten bytes for most lines.
func (f *lineFacts) appendTo(out []byte) []byte {
	if f.fits() {
		out = binary.LittleEndian.AppendUint64(out, f.word())
		return binary.LittleEndian.AppendUint16(out, uint16(f.attrs))
	}
	out = append(out, 0)
	out = binary.AppendVarint(out, f.offset)
	out = binary.AppendVarint(out, int64(f.level))
	for _, n := range [...]uint32{uint32(f.lane), uint32(f.frames), uint32(f.shared), f.message, f.attrs} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return out
}

// size returns how many bytes appendTo appends.
func (f *lineFacts) size() int {
	if f.fits() {
		return compactSize
	}
	var space [64]byte
	return len(f.appendTo(space[:0]))
}

// decodeFacts reads what appendTo wrote, and returns what follows it.
func decodeFacts(text []byte) (facts lineFacts, rest []byte, ok bool) {
	switch {
	case len(text) == 0:
		return facts, nil, false
	case text[0]&1 == 0:
		return decodeLargeFacts(text[1:])
	case len(text) < compactSize:
		return facts, nil, false
	}
	word := binary.LittleEndian.Uint64(text)
	bits := func(from, count int) uint64 { return word >> from & (1<<count - 1) }
	facts = lineFacts{
		offset: int64(bits(1, 22)), level: slog.Level(bits(23, 6)) - 32, lane: int32(bits(29, 6)),
		frames: int32(bits(35, 9)), shared: int32(bits(44, 9)), message: uint32(bits(53, 11)),
		attrs: uint32(binary.LittleEndian.Uint16(text[8:])),
	}
	return facts, text[compactSize:], true
}

func decodeLargeFacts(text []byte) (facts lineFacts, rest []byte, ok bool) {
	next := func(read func([]byte) (int64, int)) int64 {
		n, size := read(text)
		if ok = ok && size > 0; ok {
			text = text[size:]
		}
		return n
	}
	unsigned := func(text []byte) (int64, int) {
		n, size := binary.Uvarint(text)
		if n > math.MaxUint32 {
			return 0, 0
		}
		return int64(n), size
	}
	ok = true
	facts.offset = next(binary.Varint)
	level := next(binary.Varint)
	facts.level = slog.Level(level)
	facts.lane, facts.frames, facts.shared = int32(next(unsigned)), int32(next(unsigned)), int32(next(unsigned))
	facts.message, facts.attrs = uint32(next(unsigned)), uint32(next(unsigned))
	return facts, text, ok && int64(facts.level) == level && facts.lane >= 0 && facts.frames >= 0 && facts.shared >= 0
}

// decodeLine reads the line that text begins with, and returns what follows it.
// It returns false for text that is no line.
func decodeLine(text []byte) (facts lineFacts, message, attrs, rest []byte, ok bool) {
	facts, text, ok = decodeFacts(text)
	size := uint64(facts.message) + uint64(facts.attrs) // more than an int holds where it has 32 bits
	if !ok || size > uint64(len(text)) {
		return lineFacts{}, nil, nil, nil, false
	}
	return facts, text[:facts.message], text[facts.message:size], text[size:], true
}

// lines are records in memory: their facts and texts one after the other, in
// blocks, so that a story that grows is never copied and little is held in vain.
type lines struct {
	first, last *block
	count       int
	size        int // bytes written
	held        int // bytes of the blocks
}

type block struct {
	next *block
	data []byte
}

const (
	leastBlock   = 512
	largestBlock = 8 << 10
	perBlock     = 32 // bytes that a block takes beside its data
)

// blocks keeps blocks for reuse, by the binary logarithm of their size.
type blocks [5]sync.Pool

// add appends a line; room says what it takes.
func (l *lines) add(pool *blocks, facts *lineFacts, message string, attrs []byte) {
	l.count++
	if last := l.last; last != nil {
		if facts.fits() && compactSize+len(message)+len(attrs) <= cap(last.data)-len(last.data) {
			data := binary.LittleEndian.AppendUint64(last.data, facts.word())
			data = binary.LittleEndian.AppendUint16(data, uint16(facts.attrs))
			data = append(append(data, message...), attrs...)
			l.size += len(data) - len(last.data)
			last.data = data
			return
		}
	}
	var space [64]byte
	head := facts.appendTo(space[:0])
	rest := len(head) + len(message) + len(attrs)
	fill(l, pool, head, &rest)
	fill(l, pool, message, &rest)
	fill(l, pool, attrs, &rest)
}

// fill appends a piece of a line of which so much is to come.
func fill[T string | []byte](l *lines, pool *blocks, piece T, rest *int) {
	for len(piece) > 0 {
		n := copy(l.free(pool, *rest), piece)
		l.last.data = l.last.data[:len(l.last.data)+n]
		l.size += n
		piece, *rest = piece[n:], *rest-n
	}
}

// free returns free space, at least a byte of it, for the rest of a line.
func (l *lines) free(pool *blocks, wanted int) []byte {
	if l.last == nil || len(l.last.data) == cap(l.last.data) {
		l.grow(pool, blockSize(l.size, wanted))
	}
	return l.last.data[len(l.last.data):cap(l.last.data)]
}

// grow adds a block.
func (l *lines) grow(pool *blocks, size int) {
	added := pool.get(size)
	if l.first == nil {
		l.first = added
	} else {
		l.last.next = added
	}
	l.last = added
	l.held += cap(added.data) + perBlock
}

// room returns how much memory a line would take beyond what is held already.
func (l *lines) room(facts *lineFacts) int {
	size := facts.size() + int(facts.message) + int(facts.attrs)
	free := 0
	if l.last != nil {
		free = cap(l.last.data) - len(l.last.data)
	}
	if size <= free {
		return 0
	}
	return blockSize(l.size+free, size-free) + perBlock
}

// blockSize is an eighth of what is written, so that little is free of what is
// held, or as much as is wanted.
func blockSize(written, wanted int) int {
	size := leastBlock
	for size < largestBlock && size < written/8 {
		size *= 2
	}
	return max(size, wanted)
}

func (p *blocks) get(size int) *block {
	if pool := p.of(size); pool != nil {
		if b, ok := pool.Get().(*block); ok {
			return b
		}
	}
	return &block{data: make([]byte, 0, size)}
}

// of returns the pool for blocks of a size, or nil for one that only a large line takes.
func (p *blocks) of(size int) *sync.Pool {
	for i := range p {
		if size == leastBlock<<i {
			return &p[i]
		}
	}
	return nil
}

// release gives the memory back.
func (l *lines) release(pool *blocks) {
	for b := l.first; b != nil; {
		next := b.next
		if kept := pool.of(cap(b.data)); kept != nil {
			b.next, b.data = nil, b.data[:0]
			kept.Put(b)
		}
		b = next
	}
	*l = lines{}
}

// each calls f for every line with its message and attributes, which are valid
// until f returns.
func (l *lines) each(f func(facts lineFacts, message, attrs string)) {
	var across []byte // a line that begins in one block and goes on in the next
	for b := l.first; b != nil; b = b.next {
		data := b.data
		if len(across) > 0 {
			across = append(across, data...)
			data = across
		}
		for {
			facts, message, attrs, rest, ok := decodeLine(data)
			if !ok {
				break
			}
			f(facts, view(message), view(attrs))
			data = rest
		}
		across = append(across[:0], data...)
	}
}

// view returns bytes as a string, without a copy.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// keepFrom drops the lines below a level and returns how many.
func (l *lines) keepFrom(pool *blocks, level slog.Level) (dropped int) {
	return l.keep(pool, func(facts lineFacts, _, _ string) bool { return facts.level >= level })
}

// keep drops the lines for which wanted returns false, and returns how many. The next
// line of a lane then shares with the one before it what all of them shared.
func (l *lines) keep(pool *blocks, wanted func(facts lineFacts, message, attrs string) bool) (dropped int) {
	least := make(map[int32]int32) // by lane: of the lines dropped since the last one kept
	kept := lines{}
	l.each(func(facts lineFacts, message, attrs string) {
		shared, lost := least[facts.lane]
		if !wanted(facts, message, attrs) {
			dropped++
			if facts.frames > 0 && (!lost || facts.shared < shared) {
				least[facts.lane] = facts.shared
			}
			return
		}
		if lost && facts.frames > 0 {
			facts.shared = min(facts.shared, shared)
			delete(least, facts.lane)
		}
		kept.add(pool, &facts, message, []byte(attrs))
	})
	l.release(pool)
	*l = kept
	return dropped
}

// mostText returns how much text the lines become at most.
func (l *lines) mostText() (size int) {
	l.each(func(_ lineFacts, message, attrs string) { size += story.LineBound(message, attrs) })
	return size
}

package dynamoslog

import (
	"encoding/binary"
	"log/slog"
	"sync"
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

// appendTo appends the facts as they stand before a line's text in memory and in
// the journal: ten bytes for most lines.
func (f lineFacts) appendTo(out []byte) []byte {
	out = binary.AppendVarint(out, f.offset)
	out = binary.AppendVarint(out, int64(f.level))
	for _, n := range [...]uint32{uint32(f.lane), uint32(f.frames), uint32(f.shared), f.message, f.attrs} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return out
}

// decodeLine reads the line that text begins with, and returns what follows it.
// It returns false for text that appendTo did not write.
func decodeLine(text []byte) (facts lineFacts, message, attrs, rest []byte, ok bool) {
	next := func(read func([]byte) (int64, int)) int64 {
		n, size := read(text)
		if ok = ok && size > 0; ok {
			text = text[size:]
		}
		return n
	}
	unsigned := func(text []byte) (int64, int) {
		n, size := binary.Uvarint(text)
		return int64(uint32(n)), size
	}
	ok = true
	facts.offset, facts.level = next(binary.Varint), slog.Level(next(binary.Varint))
	facts.lane, facts.frames, facts.shared = int32(next(unsigned)), int32(next(unsigned)), int32(next(unsigned))
	facts.message, facts.attrs = uint32(next(unsigned)), uint32(next(unsigned))
	size := int(facts.message) + int(facts.attrs)
	if !ok || size > len(text) || facts.lane < 0 || facts.frames < 0 || facts.shared < 0 {
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
func (l *lines) add(pool *blocks, facts lineFacts, message string, attrs []byte) {
	var space [64]byte
	head := facts.appendTo(space[:0])
	rest := len(head) + len(message) + len(attrs)
	for len(head) > 0 {
		n := copy(l.free(pool, rest), head)
		l.advance(n)
		head, rest = head[n:], rest-n
	}
	for len(message) > 0 {
		n := copy(l.free(pool, rest), message)
		l.advance(n)
		message, rest = message[n:], rest-n
	}
	for len(attrs) > 0 {
		n := copy(l.free(pool, rest), attrs)
		l.advance(n)
		attrs, rest = attrs[n:], rest-n
	}
	l.count++
}

// free returns free space, at least a byte of it, for the rest of a line.
func (l *lines) free(pool *blocks, wanted int) []byte {
	if l.last == nil || len(l.last.data) == cap(l.last.data) {
		added := pool.get(blockSize(l.size, wanted))
		if l.first == nil {
			l.first = added
		} else {
			l.last.next = added
		}
		l.last = added
		l.held += cap(added.data) + perBlock
	}
	return l.last.data[len(l.last.data):cap(l.last.data)]
}

func (l *lines) advance(n int) {
	l.last.data = l.last.data[:len(l.last.data)+n]
	l.size += n
}

// room returns how much memory a line would take beyond what is held already.
func (l *lines) room(facts lineFacts) int {
	var space [64]byte
	size := len(facts.appendTo(space[:0])) + int(facts.message) + int(facts.attrs)
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

// text returns everything that was written, in out where that is large enough.
func (l *lines) text(out []byte) []byte {
	out = out[:0]
	for b := l.first; b != nil; b = b.next {
		out = append(out, b.data...)
	}
	return out
}

// each calls f for every line with its message and attributes.
func (l *lines) each(f func(facts lineFacts, message, attrs string)) {
	text := l.text(make([]byte, 0, l.size))
	whole := string(text)
	for len(text) > 0 {
		facts, message, attrs, rest, ok := decodeLine(text)
		if !ok {
			return // cannot be: only add writes here
		}
		end := len(whole) - len(rest)
		middle := end - len(attrs)
		f(facts, whole[middle-len(message):middle], whole[middle:end])
		text = rest
	}
}

// keepFrom drops the lines below a level and returns how many. The next line of
// a lane then shares with the one before it what all of them shared.
func (l *lines) keepFrom(pool *blocks, level slog.Level) (dropped int) {
	least := make(map[int32]int32) // by lane: of the lines dropped since the last one kept
	kept := lines{}
	l.each(func(facts lineFacts, message, attrs string) {
		shared, lost := least[facts.lane]
		if facts.level < level {
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
		kept.add(pool, facts, message, []byte(attrs))
	})
	l.release(pool)
	*l = kept
	return dropped
}

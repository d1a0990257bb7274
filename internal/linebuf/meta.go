package linebuf

import (
	"encoding/binary"
	"log/slog"
	"math"
	"time"
)

// A Meta is what is kept of a line beside its text.
type Meta struct {
	Offset  int64 // in milliseconds, since the story's start
	Level   slog.Level
	Lane    int32
	Place   Place
	Message uint32 // length in bytes
	Attrs   uint32 // the same
}

// Since returns the line's offset as a duration.
func (m *Meta) Since() time.Duration { return time.Duration(m.Offset) * time.Millisecond }

// Fits reports whether [Word] can hold what is known of a line. It takes that one by
// one, as does Word, so that it stays in registers on the way of most lines. Lanes may be
// more than the line's own.
func Fits(offset int64, level slog.Level, lanes, frames, message, attrs int) bool {
	return uint64(offset) < 1<<22 && uint64(level+32) < 1<<6 && lanes < 1<<6 &&
		frames < 1<<9 && uint(message) < 1<<11 && uint(attrs) < 1<<16
}

// Word packs what fits, all but the length of the attributes. Its lowest bit is set.
func Word(offset int64, level slog.Level, lane int, p Place, message int) uint64 {
	shares := p.shares()
	if shares >= 1<<9 {
		shares = max(p.Limit(), 0) // says the same as long as no line is dropped
	}
	return 1 | uint64(offset)<<1 | uint64(level+32)<<23 | uint64(lane)<<29 |
		uint64(p.Frames)<<35 | uint64(shares)<<44 | uint64(message)<<53
}

// fits reports whether [Word] holds all that is known of the line.
func (m *Meta) fits() bool {
	return m.Place.shares() < 1<<9 && Fits(m.Offset, m.Level, int(m.Lane), m.Place.Frames, int(m.Message), int(m.Attrs))
}

func (m *Meta) word() uint64 {
	return Word(m.Offset, m.Level, int(m.Lane), m.Place, int(m.Message))
}

// HeadSize is how many bytes stand before the message of a line that fits: the word
// and, behind it, the length of the attributes.
const HeadSize = 8 + 2

// AppendTo appends the metadata as it stands before a line's text in memory and in
// the journal: ten bytes for most lines.
func (m *Meta) AppendTo(out []byte) []byte {
	if m.fits() {
		out = binary.LittleEndian.AppendUint64(out, m.word())
		return binary.LittleEndian.AppendUint16(out, uint16(m.Attrs))
	}
	out = append(out, 0)
	out = binary.AppendVarint(out, m.Offset)
	out = binary.AppendVarint(out, int64(m.Level))
	for _, n := range [...]uint32{uint32(m.Lane), uint32(m.Place.Frames), uint32(m.Place.shares()), m.Message, m.Attrs} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return out
}

// size returns how many bytes AppendTo appends.
func (m *Meta) size() int {
	if m.fits() {
		return HeadSize
	}
	var space [64]byte
	return len(m.AppendTo(space[:0]))
}

// decodeHead reads what AppendTo wrote, and returns what follows it.
func (m *Meta) decodeHead(text []byte) (rest []byte, ok bool) {
	switch {
	case len(text) == 0:
		return nil, false
	case text[0]&1 == 0:
		*m, rest, ok = decodeLargeMeta(text[1:])
		return rest, ok
	case len(text) < HeadSize:
		return nil, false
	}
	word := binary.LittleEndian.Uint64(text)
	bits := func(from, count int) uint64 { return word >> from & (1<<count - 1) }
	*m = Meta{
		Offset: int64(bits(1, 22)), Level: slog.Level(bits(23, 6)) - 32, Lane: int32(bits(29, 6)),
		Place: placeOf(int(bits(35, 9)), int(bits(44, 9))), Message: uint32(bits(53, 11)),
		Attrs: uint32(binary.LittleEndian.Uint16(text[8:])),
	}
	return text[HeadSize:], true
}

func decodeLargeMeta(text []byte) (m Meta, rest []byte, ok bool) {
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
	m.Offset = next(binary.Varint)
	level := next(binary.Varint)
	m.Level = slog.Level(level)
	m.Lane = int32(next(unsigned))
	frames, shares := int32(next(unsigned)), int32(next(unsigned))
	m.Place = placeOf(int(frames), int(shares))
	m.Message, m.Attrs = uint32(next(unsigned)), uint32(next(unsigned))
	return m, text, ok && int64(m.Level) == level && m.Lane >= 0 && frames >= 0 && shares >= 0
}

// Decode reads the line that text begins with, and returns what follows it.
// It returns false for text that is no line.
func Decode(text []byte) (m Meta, message, attrs, rest []byte, ok bool) {
	if message, attrs, rest, ok = m.decode(text); !ok {
		return Meta{}, nil, nil, nil, false
	}
	return m, message, attrs, rest, true
}

// decode reads the line that text begins with, but for where it fails as Decode does.
func (m *Meta) decode(text []byte) (message, attrs, rest []byte, ok bool) {
	text, ok = m.decodeHead(text)
	size := uint64(m.Message) + uint64(m.Attrs) // more than an int holds where it has 32 bits
	if !ok || m.Place.Shared > m.Place.Frames || size > uint64(len(text)) {
		return nil, nil, nil, false
	}
	return text[:m.Message], text[m.Message:size], text[size:], true
}

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A segment file is a header, records with zeros between and after them, and the header
// once more, so that damage in one place cannot make every record unreadable. Numbers are
// little-endian, records stand at multiples of 8.
//
//	header   0 magic        8 version      12 size of the segment
//	        16 sequence    24 nonce        32 1 where a record found no room
//	        33 zeros
//	        60 crc32c of the bytes before
//
//	record   0 commit: mark, crc32c of what follows; zero until all of it is there
//	         8 head: length of the payload, tag
//	        16 payload, padded with zeros
//
// Magic, version and checksum keep their places in every version.
const (
	magic        = "dslogseg"
	version      = 1
	headerSize   = 64
	recordHeader = 16
	recordMark   = 0x6b72616d
	wordSize     = 8

	refusedAt = 32 // in the header

	minSegment = 4 << 10
	maxSegment = 1 << 30 // a segment counts its bytes in 32 bits
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// An identity is what the header says. The nonce is random: bytes of the file's
// earlier life, of another file or of a message that imitates a record do not
// know it, and so never pass for records.
type identity struct {
	size  int64
	seq   uint64
	nonce uint64
	seed  uint32 // of the checksums
	// refused says that an append failed when this was the newest segment.
	refused bool
}

func newIdentity(size int64, seq, nonce uint64) identity {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], seq)
	binary.LittleEndian.PutUint64(b[8:], nonce)
	return identity{size: size, seq: seq, nonce: nonce, seed: crc32.Checksum(b[:], castagnoli)}
}

func (id *identity) base() Position { return Position(id.seq * uint64(id.size)) }

// end is the offset after the last record's last possible byte.
func (id *identity) end() int64 { return id.size - headerSize }

func (id *identity) header() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint32(b[12:], uint32(id.size))
	binary.LittleEndian.PutUint64(b[16:], id.seq)
	binary.LittleEndian.PutUint64(b[24:], id.nonce)
	if id.refused {
		b[refusedAt] = 1
	}
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

var errForeign = errors.New("not a segment")

func parseHeader(b []byte) (identity, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic ||
		binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return identity{}, errForeign
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > version {
		return identity{}, fmt.Errorf("%w: %d, this program knows %d", ErrVersion, v, version)
	} else if v < version {
		return identity{}, errForeign
	}
	id := newIdentity(int64(binary.LittleEndian.Uint32(b[12:])),
		binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:]))
	id.refused = b[refusedAt] != 0
	if id.size < minSegment || id.size > maxSegment || id.size%wordSize != 0 {
		return identity{}, errForeign
	}
	return id, nil
}

// recordSize is what a payload takes in a segment.
func recordSize(payload int64) int64 {
	return (recordHeader + payload + wordSize - 1) &^ (wordSize - 1)
}

// tag ties a record's length to its place in this segment, so that what is no
// record is told at once, without a checksum over as many bytes as it pretends
// to have.
func (id *identity) tag(off, length int64) uint32 {
	x := uint64(off)<<32 | uint64(length)
	x ^= id.nonce
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return uint32(x >> 32)
}

func (id *identity) head(off, length int64) uint64 {
	return uint64(id.tag(off, length))<<32 | uint64(length)
}

// length returns the length that the head of a record at off tells, and whether
// it is the head of a record at all.
func (id *identity) length(off int64, head uint64) (int64, bool) {
	length := int64(uint32(head))
	return length, length <= id.end()-off-recordHeader && head == id.head(off, length)
}

// commit is the word that makes a record valid; b is the record from its head to
// the end of its payload.
func (id *identity) commit(b []byte) uint64 {
	return uint64(crc32.Update(id.seed, castagnoli, b))<<32 | recordMark
}

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A segment is one file of a log that is being written. A recycled file gets a
// new segment: an appender that still holds the old one finds it full.
type segment struct {
	identity
	file atomic.Pointer[os.File]
	data []byte      // the mapped file; nil where there is no mapping, and once the segment is full
	last atomic.Bool // for records that make others free: see Conclude

	refusal sync.Once // that a record found no room is noted

	// The keeper's:
	folder *folder
	name   string      // in folder
	info   os.FileInfo // of file, to notice when name is another's
	gone   bool        // somebody removed the file
	synced int64       // bytes written at the last sync

	pins atomic.Int64
	room room
}

// whole says whether nobody has cut the file short or removed it.
func (s *segment) whole() bool {
	info, err := s.file.Load().Stat()
	return err == nil && info.Size() >= s.size && !nameless(info)
}

// named says whether nobody has removed the file.
func (s *segment) named() bool {
	info, err := s.file.Load().Stat()
	return err == nil && !nameless(info)
}

func (s *segment) path() string { return filepath.Join(s.folder.path, s.name) }

// noteRefusal notes in the header that a record found no room. That takes no room by
// itself. The copy at the end comes first: while the one at the beginning is torn, it
// is the one that counts.
func (s *segment) noteRefusal() {
	s.refusal.Do(func() {
		noted := s.identity
		noted.refused = true
		file, header := s.file.Load(), noted.header()
		// A file that takes not even this cannot be helped, and one that is freed needs no note.
		if _, err := file.WriteAt(header, s.end()); err == nil {
			_, _ = file.WriteAt(header, 0)
		}
	})
}

// put writes a record into its reservation.
func (s *segment) put(off, length int64, head []byte, message string, attrs []byte) error {
	if s.data == nil {
		return s.putFile(off, length, head, message, attrs)
	}
	return s.putMapped(off, length, head, message, attrs)
}

// putMapped writes to the mapping. A file that somebody truncated, or whose disk
// broke, faults, which must not be the program's end.
func (s *segment) putMapped(off, length int64, head []byte, message string, attrs []byte) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s: %v", ErrFailed, s.file.Load().Name(), r)
		}
	}()
	b := s.data[off : off+recordHeader+length]
	storeHead(b[wordSize:], s.head(off, length))
	p := b[recordHeader:]
	p = p[copy(p, head):]
	p = p[copy(p, message):]
	copy(p, attrs)
	store(b, s.commit(b[wordSize:]))
	return nil
}

// storeHead stores the head of a record in a mapping: all of it or, where the process
// is killed, none. Half of one would pass for damage.
func storeHead(b []byte, head uint64) {
	if bits.UintSize == 64 {
		// One instruction, cheaper than an atomic one. PutUint64 would be eight under the race detector.
		*(*uint64)(unsafe.Pointer(&b[0])) = littleEndian(head)
		return
	}
	store(b, head)
}

// store stores a word of a mapping atomically.
func store(b []byte, word uint64) {
	(*atomic.Uint64)(unsafe.Pointer(&b[0])).Store(littleEndian(word))
}

// littleEndian returns the number that has v's little-endian bytes in memory.
func littleEndian(v uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	return binary.NativeEndian.Uint64(b[:])
}

var recordBuffers = sync.Pool{New: func() any { return new([]byte) }}

const largestPooled = 64 << 10

func (s *segment) putFile(off, length int64, head []byte, message string, attrs []byte) error {
	pooled := recordBuffers.Get().(*[]byte)
	b := append((*pooled)[:0], make([]byte, recordHeader)...)
	binary.LittleEndian.PutUint64(b[wordSize:], s.head(off, length))
	b = append(b, head...)
	b = append(b, message...)
	b = append(b, attrs...)
	binary.LittleEndian.PutUint64(b, s.commit(b[wordSize:]))
	_, err := s.file.Load().WriteAt(b, off)
	if cap(b) <= largestPooled {
		*pooled = b
		recordBuffers.Put(pooled)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return nil
}

// read appends the payload of the record at off to buf.
func (id *identity) read(file io.ReaderAt, off int64, buf []byte) ([]byte, error) {
	start := len(buf)
	const guess = 512 // most records need one call
	buf, n, err := readAt(file, off, buf, min(guess, id.end()-off))
	if n < recordHeader {
		if err == nil {
			err = errDamaged
		}
		return buf[:start], err
	}
	b := buf[start:]
	commit := binary.LittleEndian.Uint64(b)
	length, ok := id.length(off, binary.LittleEndian.Uint64(b[wordSize:]))
	if !ok {
		return buf[:start], errDamaged
	}
	if want := recordHeader + length; want > int64(n) {
		var more int
		buf, more, err = readAt(file, off+int64(n), buf[:start+n], want-int64(n))
		if int64(n+more) < want {
			return buf[:start], errors.Join(errDamaged, err)
		}
	}
	b = buf[start : start+recordHeader+int(length)]
	if commit != id.commit(b[wordSize:]) {
		return buf[:start], errDamaged
	}
	copy(b, b[recordHeader:])
	return buf[:start+int(length)], nil
}

// readAt appends up to n bytes to buf and returns how many there were.
func readAt(file io.ReaderAt, off int64, buf []byte, n int64) ([]byte, int, error) {
	start := len(buf)
	buf = append(buf, make([]byte, max(n, 0))...)
	got, err := file.ReadAt(buf[start:], off)
	return buf[:start+got], got, err
}

var errDamaged = errors.New("journal: no intact record there")

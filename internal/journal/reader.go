package journal

import (
	"io"
	"os"
)

// A Reader reads records that lie near each other by few calls. It is used by one goroutine
// at a time, and sees of what it has read before only what was there then.
type Reader struct {
	log     *Log
	segment *segment
	near    window
}

// NewReader returns a reader of records that are pinned while it reads them.
func (l *Log) NewReader() *Reader { return &Reader{log: l} }

// Read does so as [Log.Read].
func (r *Reader) Read(pos Position, buf []byte) ([]byte, error) {
	s := r.log.find(pos)
	if s == nil {
		return buf, ErrFreed
	}
	if s != r.segment {
		r.segment, r.near = s, window{file: s.file.Load(), data: r.near.data[:0]}
	}
	return s.read(&r.near, int64(pos-s.base()), buf)
}

// A window is a piece of a file, which is read again where something beside it is wanted.
type window struct {
	file *os.File
	off  int64
	data []byte
}

const (
	leastWindow   = 8 << 10
	largestWindow = 64 << 10
)

// ReadAt implements [io.ReaderAt].
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > largestWindow {
		return w.file.ReadAt(p, off)
	}
	if end := off + int64(len(p)); off < w.off || end > w.off+int64(len(w.data)) {
		if err := w.move(off, end); err != nil && err != io.EOF {
			return 0, err
		}
	}
	n := copy(p, w.data[min(off-w.off, int64(len(w.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// move reads a piece of which what is wanted is at the end, or the beginning where what was
// read before stands before it: each time a larger one.
func (w *window) move(off, end int64) error {
	size := min(max(2*int64(len(w.data)), leastWindow), largestWindow)
	start := max(end-size, 0)
	if len(w.data) > 0 && off >= w.off {
		start = off
	}
	if int64(cap(w.data)) < size {
		w.data = make([]byte, 0, size)
	}
	n, err := w.file.ReadAt(w.data[:size], start)
	w.off, w.data = start, w.data[:n]
	return err
}

// Package record writes and reads the fields of binary records: numbers, texts and the
// headers of stories.
package record

import (
	"encoding/binary"
	"log/slog"
	"math"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A Writer is a record, to which its methods append.
type Writer []byte

// Uint appends a number that is not negative.
func (w *Writer) Uint(n uint64) { *w = binary.AppendUvarint(*w, n) }

// Int appends a number.
func (w *Writer) Int(n int64) { *w = binary.AppendVarint(*w, n) }

// Text appends a text.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	*w = append(*w, s...)
}

// Ints appends a list of numbers.
func (w *Writer) Ints(list []int) {
	w.Uint(uint64(len(list)))
	for _, n := range list {
		w.Int(int64(n))
	}
}

// Keys appends a list of keys.
func (w *Writer) Keys(keys []story.Key) {
	w.Uint(uint64(len(keys)))
	for _, key := range keys {
		w.Text(key.Kind)
		w.Text(key.ID)
	}
}

// Header appends the header of a story, all but its parts, its cause and its aliases.
func (w *Writer) Header(h story.Header) {
	w.Text(h.Key.Kind)
	w.Text(h.Key.ID)
	w.Text(h.ID)
	w.Int(h.Start.UnixMicro())
	w.Int(int64(h.Updated.Sub(h.Start)))
	w.Int(int64(h.Duration))
	w.Text(string(h.State))
	w.Int(int64(h.MaxLevel))
	w.Int(int64(h.LineCount))
	w.Text(h.Title)
	w.Uint(uint64(len(h.Attrs)))
	for name, value := range h.Attrs {
		w.Text(name)
		w.Text(value)
	}
}

// A Reader reads what a Writer wrote, in the same order. It fails for anything else,
// and then returns zeros.
type Reader struct {
	Left   []byte // what is not read yet
	Failed bool   // something else was found, or the end
}

// Take reads so many bytes, which stay in the record's memory.
func (r *Reader) Take(size int) []byte {
	if r.Failed = r.Failed || size < 0 || size > len(r.Left); r.Failed {
		return nil
	}
	taken := r.Left[:size]
	r.Left = r.Left[size:]
	return taken
}

// Uint reads what Writer.Uint wrote.
func (r *Reader) Uint() uint64 {
	n, size := binary.Uvarint(r.Left)
	if r.Failed = r.Failed || size <= 0; r.Failed {
		return 0
	}
	r.Take(size)
	return n
}

// Int reads what Writer.Int wrote.
func (r *Reader) Int() int64 {
	n, size := binary.Varint(r.Left)
	if r.Failed = r.Failed || size <= 0; r.Failed {
		return 0
	}
	r.Take(size)
	return n
}

// Number reads what a whole int was written as. One that an int of this system does
// not hold fails.
func (r *Reader) Number() int {
	n := r.Uint()
	if r.Failed = r.Failed || n > math.MaxInt; r.Failed {
		return 0
	}
	return int(n)
}

// Signed reads what an int was written as, like Number.
func (r *Reader) Signed() int {
	n := r.Int()
	if r.Failed = r.Failed || n < math.MinInt || n > math.MaxInt; r.Failed {
		return 0
	}
	return int(n)
}

// Count reads a number of things that take a byte each at least.
func (r *Reader) Count() int {
	n := r.Uint()
	if r.Failed = r.Failed || n > uint64(len(r.Left)); r.Failed {
		return 0
	}
	return int(n)
}

// Text reads what Writer.Text wrote.
func (r *Reader) Text() string { return string(r.Take(r.Count())) }

// Ints reads what Writer.Ints wrote.
func (r *Reader) Ints() (list []int) {
	for range r.Count() {
		list = append(list, r.Signed())
	}
	return list
}

// Keys reads what Writer.Keys wrote.
func (r *Reader) Keys() (keys []story.Key) {
	for range r.Count() {
		keys = append(keys, story.Key{Kind: r.Text(), ID: r.Text()})
	}
	return keys
}

// Header reads what Writer.Header wrote.
func (r *Reader) Header() (h story.Header) {
	h.Key = story.Key{Kind: r.Text(), ID: r.Text()}
	h.ID = r.Text()
	h.Start = time.UnixMicro(r.Int()).UTC()
	h.Updated = h.Start.Add(time.Duration(r.Int()))
	h.Duration = time.Duration(r.Int())
	h.State = story.State(r.Text())
	h.MaxLevel = slog.Level(r.Signed())
	h.LineCount = r.Signed()
	h.Title = r.Text()
	if n := r.Count(); n > 0 {
		h.Attrs = make(map[string]string, n)
		for range n {
			name := r.Text()
			h.Attrs[name] = r.Text()
		}
	}
	return h
}

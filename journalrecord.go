package dynamoslog

import (
	"encoding/binary"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// The records of the journal. Each begins with its kind and the number that its
// story has in the journal; see [entry] for what they mean.
const (
	recordStory = 's' // ordinal of the chunk that begins, flags, header, ordinal of the last chunk done and resume
	recordLine  = 'l' // where the line before stands, line
	recordChunk = 'c' // ordinal, flags, lines refused, lines, where the last one stands, header
	recordDone  = 'd' // ordinal, resume
)

const (
	flagLate   = 1 << iota // lines that came after the story's end
	flagWhole              // all of the story
	flagResume             // there is a resume
)

// A recordWriter appends to a record.
type recordWriter []byte

// beginRecord begins a record in the memory of another.
func beginRecord(memory []byte, kind byte, number uint64) recordWriter {
	w := recordWriter(append(memory[:0], kind))
	w.uint(number)
	return w
}

func (w *recordWriter) uint(n uint64) { *w = binary.AppendUvarint(*w, n) }
func (w *recordWriter) int(n int64)   { *w = binary.AppendVarint(*w, n) }

func (w *recordWriter) string(s string) {
	w.uint(uint64(len(s)))
	*w = append(*w, s...)
}

func (w *recordWriter) ints(list []int) {
	w.uint(uint64(len(list)))
	for _, n := range list {
		w.int(int64(n))
	}
}

func (w *recordWriter) header(h story.Header) {
	w.string(h.Key.Kind)
	w.string(h.Key.ID)
	w.string(h.ID)
	w.int(h.Start.UnixMicro())
	w.int(int64(h.Updated.Sub(h.Start)))
	w.int(int64(h.Duration))
	w.string(string(h.State))
	w.int(int64(h.MaxLevel))
	w.int(int64(h.LineCount))
	w.string(h.Title)
	w.uint(uint64(len(h.Attrs)))
	if len(h.Attrs) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(h.Attrs)) {
		w.string(name)
		w.string(h.Attrs[name])
	}
}

const (
	resumeEnded = 16
	resumeLevel = 32 // the level of the final header stands at the end
)

// appendResume returns a resume as a record holds it.
func (t *telling) appendResume() []byte {
	w := make(recordWriter, 0, 64)
	w.resume(t)
	return w
}

// resumeHasEnded reports whether a resume is of a story that has ended.
func resumeHasEnded(resume []byte) bool {
	r := recordReader{text: resume}
	for range 2 { // the key
		r.take(r.count())
	}
	for range 2 { // parts and lines
		r.uint()
	}
	return r.uint()&resumeEnded != 0
}

// resume writes how far a story was written down.
func (w *recordWriter) resume(t *telling) {
	w.string(t.key.Kind)
	w.string(t.key.ID)
	w.uint(uint64(t.parts))
	w.uint(uint64(t.lines))
	flags := uint64(0)
	if t.begun {
		flags |= 1
	}
	if t.refused {
		flags |= 2
	}
	if t.shed {
		flags |= 4
	}
	if t.empty {
		flags |= 8
	}
	if t.ended {
		flags |= resumeEnded
	}
	flags |= resumeLevel
	w.uint(flags)
	w.uint(uint64(t.tree.indent))
	w.uint(uint64(len(t.tree.lanes)))
	for _, b := range t.tree.lanes {
		w.int(int64(b.frames))
		w.int(int64(b.base))
		w.ints(b.real)
		w.ints(b.shown)
	}
	w.uint(uint64(len(t.former)))
	for key, f := range t.former {
		w.string(key.Kind)
		w.string(key.ID)
		w.uint(uint64(f.parts))
		w.uint(uint64(f.lines))
	}
	w.int(int64(t.level))
}

// A recordReader reads what a recordWriter wrote. It fails for anything else,
// and then returns zeros.
type recordReader struct {
	text   []byte
	failed bool
}

func (r *recordReader) take(size int) []byte {
	if r.failed = r.failed || size < 0 || size > len(r.text); r.failed {
		return nil
	}
	taken := r.text[:size]
	r.text = r.text[size:]
	return taken
}

func (r *recordReader) uint() uint64 {
	n, size := binary.Uvarint(r.text)
	if r.failed = r.failed || size <= 0; r.failed {
		return 0
	}
	r.take(size)
	return n
}

func (r *recordReader) int() int64 {
	n, size := binary.Varint(r.text)
	if r.failed = r.failed || size <= 0; r.failed {
		return 0
	}
	r.take(size)
	return n
}

// number reads what a whole int was written as. One that an int of this system does
// not hold fails.
func (r *recordReader) number() int {
	n := r.uint()
	if r.failed = r.failed || n > math.MaxInt; r.failed {
		return 0
	}
	return int(n)
}

// signed reads what an int was written as, like number.
func (r *recordReader) signed() int {
	n := r.int()
	if r.failed = r.failed || n < math.MinInt || n > math.MaxInt; r.failed {
		return 0
	}
	return int(n)
}

// count reads a number of things that take a byte each at least.
func (r *recordReader) count() int {
	n := r.uint()
	if r.failed = r.failed || n > uint64(len(r.text)); r.failed {
		return 0
	}
	return int(n)
}

func (r *recordReader) string() string { return string(r.take(r.count())) }

func (r *recordReader) ints() (list []int) {
	for range r.count() {
		list = append(list, r.signed())
	}
	return list
}

func (r *recordReader) header() (h story.Header) {
	h.Key = story.Key{Kind: r.string(), ID: r.string()}
	h.ID = r.string()
	h.Start = time.UnixMicro(r.int()).UTC()
	h.Updated = h.Start.Add(time.Duration(r.int()))
	h.Duration = time.Duration(r.int())
	h.State = story.State(r.string())
	h.MaxLevel = slog.Level(r.signed())
	h.LineCount = r.signed()
	h.Title = r.string()
	if n := r.count(); n > 0 {
		h.Attrs = make(map[string]string, n)
		for range n {
			name := r.string()
			h.Attrs[name] = r.string()
		}
	}
	return h
}

func (r *recordReader) resume() *telling {
	t := &telling{}
	t.key = story.Key{Kind: r.string(), ID: r.string()}
	t.parts, t.lines = r.number(), r.number()
	flags := r.uint()
	t.begun, t.refused, t.shed = flags&1 != 0, flags&2 != 0, flags&4 != 0
	t.empty, t.ended = flags&8 != 0, flags&resumeEnded != 0
	t.tree.indent = Indent(r.number())
	for range r.count() {
		b := branch{frames: r.signed(), base: r.signed()}
		b.real, b.shown = r.ints(), r.ints()
		t.tree.lanes = append(t.tree.lanes, b)
	}
	if n := r.count(); n > 0 {
		t.former = make(map[story.Key]formerKey, n)
		for range n {
			key := story.Key{Kind: r.string(), ID: r.string()}
			t.former[key] = formerKey{r.number(), r.number()}
		}
	}
	if flags&resumeLevel != 0 {
		t.level = slog.Level(r.int())
	}
	return t
}

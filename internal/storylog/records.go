package storylog

import (
	"github.com/dynamoslog/dynamoslog/internal/record"
	"github.com/dynamoslog/dynamoslog/story"
)

// The kinds of records. Each record begins with its kind and the number that its story
// has in the journal.
const (
	kindStory = 's' // ordinal of the chunk that begins, flags, header, keys of aliases, ordinal of the last chunk done and resume
	kindLine  = 'l' // where the line before stands, line
	kindChunk = 'c' // ordinal, flags, lines dropped, lines, where the last one stands, header, keys of aliases
	kindDone  = 'd' // ordinal, resume
)

const (
	flagLate   = 1 << iota // lines that came after the story's end
	flagWhole              // all of the story
	flagResume             // there is a resume
	flagAlso               // behind the header stand the keys of its aliases
)

// begin begins a record in the memory of another.
func begin(memory []byte, kind byte, number uint64) record.Writer {
	w := record.Writer(append(memory[:0], kind))
	w.Uint(number)
	return w
}

// numberOf returns the number of the story that a record is about.
func numberOf(text []byte) (number uint64, r *record.Reader, ok bool) {
	if len(text) == 0 {
		return 0, nil, false
	}
	r = &record.Reader{Left: text[1:]}
	number = r.Uint()
	return number, r, !r.Failed
}

func chunkRecord(memory []byte, m *Mark, h *Handed) record.Writer {
	w := begin(memory, kindChunk, m.number)
	w.Uint(m.ordinal)
	flags := uint64(0)
	if h.Late {
		flags |= flagLate
	}
	if h.Whole {
		flags |= flagWhole
	}
	w.Uint(flags | alsoFlag(h.Header))
	w.Uint(uint64(h.Dropped))
	w.Uint(uint64(h.Lines))
	w.Uint(uint64(m.last))
	writeHeader(&w, h.Header)
	return w
}

func alsoFlag(h story.Header) uint64 {
	if len(h.Also) > 0 {
		return flagAlso
	}
	return 0
}

func writeHeader(w *record.Writer, h story.Header) {
	w.Header(h)
	if len(h.Also) > 0 {
		w.Keys(h.Also)
	}
}

func readHeader(r *record.Reader, flags uint64) story.Header {
	h := r.Header()
	if flags&flagAlso != 0 {
		h.Also = r.Keys()
	}
	return h
}

// readChunk reads a chunk record after its kind and number.
func readChunk(r *record.Reader) (ordinal uint64, h Handed) {
	ordinal = r.Uint()
	flags := r.Uint()
	h.Late, h.Whole = flags&flagLate != 0, flags&flagWhole != 0
	h.Dropped, h.Lines = r.Number(), r.Number()
	r.Uint() // where the last line stands
	h.Header = readHeader(r, flags)
	return ordinal, h
}

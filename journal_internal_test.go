package dynamoslog

import (
	"encoding/binary"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

func someHeader() story.Header {
	start := time.UnixMicro(1764000000123456).UTC()
	return story.Header{
		Key: story.Key{Kind: "user", ID: "\xff42"}, ID: "2025-11-24T16:00:00.123456Z-7f3k2m", Start: start, Updated: start.Add(time.Second),
		Duration: time.Second, State: story.Open, MaxLevel: slog.LevelWarn, LineCount: 7, Title: "Starting\x00",
		Attrs: map[string]string{"plan": "free", "host": "a"},
	}
}

func TestRecordsReadBack(t *testing.T) {
	var w recordWriter
	w.header(someHeader())
	told := &telling{key: story.Key{Kind: "user", ID: "42"}, parts: 3, lines: 500, begun: true}
	told.tree = tree{indent: ByCaller, lanes: []branch{{frames: 9, base: 2, real: []int{2, 5}, shown: []int{0, 3}}, {}}}
	w.resume(told)
	r := recordReader{text: w}
	if got := r.header(); !reflect.DeepEqual(got, someHeader()) {
		t.Errorf("got %+v", got)
	}
	if got := r.resume(); !reflect.DeepEqual(got, told) || r.failed || len(r.text) > 0 {
		t.Errorf("got %+v", got)
	}
	for size := range w {
		r := recordReader{text: w[:size]}
		r.header()
		if r.resume(); !r.failed {
			t.Errorf("%d bytes of %d read as if they were all", size, len(w))
		}
	}
}

// What is longer than its record, or than an int, is no record. Where an int has 32
// bits, that is more.
func TestForgedNumbersAreNoRecord(t *testing.T) {
	reads := map[string]func(*recordReader){
		"count": func(r *recordReader) { r.count() }, "string": func(r *recordReader) { _ = r.string() },
		"ints": func(r *recordReader) { r.ints() }, "number": func(r *recordReader) { r.number() },
		"signed": func(r *recordReader) { r.signed() },
	}
	for name, read := range reads {
		for _, n := range []uint64{1<<32 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 1} {
			r := recordReader{text: append(binary.AppendUvarint(nil, n), "text"...)}
			fits := name == "number" && n <= math.MaxInt || name == "signed" && math.MaxInt == math.MaxInt64
			if read(&r); r.failed == fits {
				t.Errorf("%s of %d: failed is %v", name, n, r.failed)
			}
		}
	}
}

// FuzzRecover reads arbitrary records: none makes it panic, and no line comes twice.
func FuzzRecover(f *testing.F) {
	k := &chunk{header: someHeader(), whole: true}
	k.entry.number = 1
	line := (&linebuf.Meta{Message: 2}).AppendTo(newLineRecord(nil, 1, 1, 0))
	begin := beginRecord(nil, recordStory, 1)
	begin.uint(0)
	begin.uint(flagResume)
	begin.header(someHeader())
	begin.uint(5)
	begin.resume(&telling{begun: true})
	done := beginRecord(nil, recordDone, 1)
	done.uint(0)
	done.resume(&telling{begun: true})
	var seed []byte
	for _, record := range [][]byte{begin, append(line, "hi"...), chunkRecord(nil, k), append(line, "ho"...), done} {
		seed = append(binary.AppendUvarint(seed, uint64(len(record))), record...)
	}
	f.Add(seed)
	for _, forged := range forgedLengths() {
		record := append(newLineRecord(nil, 1, 1, 0), forged...)
		f.Add(append(binary.AppendUvarint(slices.Clone(seed), uint64(len(record))), record...))
	}
	for _, n := range []uint64{math.MaxInt32 + 1, math.MaxUint32, math.MaxInt64, math.MaxUint64} {
		record := beginRecord(nil, recordChunk, 1)
		for _, field := range []uint64{1, 0, n, n, n} { // ordinal, flags, lines refused, lines, the last one's place
			record.uint(field)
		}
		record.header(someHeader())
		f.Add(append(binary.AppendUvarint(slices.Clone(seed), uint64(len(record))), record...))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := recordReader{text: text}
		var records [][]byte
		for len(r.text) > 0 && !r.failed {
			records = append(records, r.take(r.count()))
		}
		seen := make(map[journal.Position]bool)
		for _, s := range new(remains).remaindersOf(func(yield func(journal.Position, []byte) bool) {
			for i, record := range records {
				if !yield(journal.Position(i+1), record) {
					return
				}
			}
		}, 0, math.MaxUint64) {
			for _, k := range s.chunks {
				for _, at := range k.lines {
					if seen[at] || records[at-1][0] != recordLine {
						t.Fatalf("record %d comes twice, or is no line", at)
					}
					seen[at] = true
					addRecord(&k.chunk.lines, &linebuf.Pool{}, records[at-1])
				}
				told := &telling{}
				if resume, ok := s.resumes[k.chunk.entry.ordinal-1]; ok {
					reader := &recordReader{text: resume}
					told.resumeFrom(reader.resume())
				}
				told.format(&k.chunk.lines, &sheet{})
			}
		}
	})
}

// forgedLengths returns lines that say that they are longer than they are, which an int
// of 32 bits cannot hold, alone or in all.
func forgedLengths() (lines [][]byte) {
	for _, m := range []linebuf.Meta{
		{Message: math.MaxInt32, Attrs: 1}, {Message: 1 << 31}, {Attrs: 1 << 31}, {Message: 1 << 31, Attrs: 1 << 31},
		{Message: math.MaxUint32, Attrs: 1}, {Message: math.MaxUint32, Attrs: math.MaxUint32}, {Message: math.MaxUint32 - 10, Attrs: 20},
	} {
		lines = append(lines, append(m.AppendTo(nil), "some text"...))
	}
	return lines
}

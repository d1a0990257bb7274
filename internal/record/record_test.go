package record_test

import (
	"encoding/binary"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/record"
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
	var w record.Writer
	w.Uint(math.MaxUint64)
	w.Header(someHeader())
	w.Ints([]int{-1, 0, 1 << 30})
	keys := []story.Key{{Kind: "order", ID: "93"}, {Kind: "user", ID: "\xff"}}
	w.Keys(keys)
	w.Keys(nil)
	w.Int(math.MinInt64)
	read := func(text []byte) *record.Reader {
		r := &record.Reader{Left: text}
		n, header, list := r.Uint(), r.Header(), r.Ints()
		some, none, last := r.Keys(), r.Keys(), r.Int()
		if r.Failed {
			return r
		}
		if n != math.MaxUint64 || !reflect.DeepEqual(header, someHeader()) || !slices.Equal(list, []int{-1, 0, 1 << 30}) || !slices.Equal(some, keys) || none != nil || last != math.MinInt64 {
			t.Errorf("got %d, %+v, %v, %d", n, header, list, last)
		}
		return r
	}
	if r := read(w); r.Failed || len(r.Left) > 0 {
		t.Errorf("failed: %v, %d bytes are left", r.Failed, len(r.Left))
	}
	for size := range w {
		if !read(w[:size]).Failed {
			t.Errorf("%d bytes of %d read as if they were all", size, len(w))
		}
	}
}

// What is longer than its record, or than an int, is no record. Where an int has 32
// bits, that is more.
func TestForgedNumbersAreNoRecord(t *testing.T) {
	reads := map[string]func(*record.Reader){
		"count": func(r *record.Reader) { r.Count() }, "text": func(r *record.Reader) { _ = r.Text() },
		"ints": func(r *record.Reader) { r.Ints() }, "number": func(r *record.Reader) { r.Number() },
		"signed": func(r *record.Reader) { r.Signed() },
	}
	for name, read := range reads {
		for _, n := range []uint64{1<<32 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 1} {
			r := record.Reader{Left: append(binary.AppendUvarint(nil, n), "text"...)}
			fits := name == "number" && n <= math.MaxInt || name == "signed" && math.MaxInt == math.MaxInt64
			if read(&r); r.Failed == fits {
				t.Errorf("%s of %d: failed is %v", name, n, r.Failed)
			}
		}
	}
}

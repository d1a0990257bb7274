package linebuf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type heldLine struct {
	facts          Meta
	message, attrs string
}

func randomLine(r *rand.Rand) heldLine {
	text := func(most int) string {
		out := make([]byte, r.IntN(most+1))
		for i := range out {
			out[i] = byte(r.IntN(256))
		}
		return string(out)
	}
	most := 1 << r.IntN(14)
	l := heldLine{message: text(most), attrs: text(most)}
	frames := r.IntN(1 << r.IntN(30))
	l.facts = Meta{
		Place:  Place{Frames: frames, Shared: r.IntN(frames + 1), Turned: frames > 0 && r.IntN(2) == 0},
		Offset: r.Int64() >> r.IntN(64), Level: slog.Level(r.IntN(20) - 8), Lane: r.Int32N(1 << r.IntN(31)),
		Message: uint32(len(l.message)), Attrs: uint32(len(l.attrs)),
	}
	return l
}

// all returns the lines, whose texts stay valid until they are released.
func all(l *Lines) (found []heldLine) {
	for r := l.Read(make([]byte, 0, 300)); r.Next(); {
		found = append(found, heldLine{r.Meta, r.Message, r.Attrs})
	}
	return found
}

func TestLinesHoldWhatWasAdded(t *testing.T) {
	pool := &Pool{}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var l Lines
		var want []heldLine
		for range r.IntN(200) {
			line := randomLine(r)
			before, room := l.Held, l.Room(pool, &line.facts)
			l.Add(pool, &line.facts, line.message, []byte(line.attrs))
			if l.Held-before != room {
				t.Fatalf("seed %d: a line took %d bytes, room says %d", seed, l.Held-before, room)
			}
			want = append(want, line)
		}
		if got := all(&l); !slices.Equal(got, want) || l.Count() != len(want) {
			t.Fatalf("seed %d: got %d lines, want %d, or they differ", seed, len(got), len(want))
		}
		if free := l.Held - l.Size; len(want) > 20 && free > l.Size/2+leastBlock {
			t.Errorf("seed %d: %d bytes of %d are free", seed, free, l.Held)
		}
		l.Release(pool)
		if l.Count() != 0 || l.Held != 0 || len(all(&l)) != 0 {
			t.Errorf("seed %d: released lines are still there", seed)
		}
	}
}

// forgedLengths returns lines that say that they are longer than they are: as long
// as a length may be, as much as an int of 32 bits cannot hold, alone or in all.
func forgedLengths() (lines [][]byte) {
	for _, facts := range []Meta{
		{Message: math.MaxInt32, Attrs: 1}, {Message: math.MaxInt32, Attrs: math.MaxInt32}, {Message: 1 << 31}, {Attrs: 1 << 31},
		{Message: 1 << 31, Attrs: 1 << 31}, {Message: math.MaxUint32, Attrs: 1}, {Message: 1, Attrs: math.MaxUint32},
		{Message: math.MaxUint32, Attrs: math.MaxUint32}, {Message: math.MaxUint32 - 10, Attrs: 20},
	} {
		lines = append(lines, append(facts.AppendTo(nil), "some text"...))
	}
	for _, at := range []int{2, 3, 4, 5, 6} { // lane, frames, shared, and the two lengths
		facts := [...]uint64{0, 0, 0, 0, 0, 1, 1}
		facts[at] = 1<<32 + 1
		line := []byte{0}
		for _, n := range facts {
			line = binary.AppendUvarint(line, n)
		}
		lines = append(lines, append(line, "some text"...))
	}
	return lines
}

func TestForgedLengthsAreNoLine(t *testing.T) {
	for _, text := range forgedLengths() {
		if facts, _, _, _, ok := Decode(text); ok {
			t.Errorf("%x is the line %+v", text, facts)
		}
	}
}

func FuzzDecodeLine(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		line := randomLine(r)
		f.Add(append(line.facts.AppendTo(nil), line.message+line.attrs...))
	}
	for _, forged := range forgedLengths() {
		f.Add(forged)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		facts, message, attrs, rest, ok := Decode(text)
		if !ok {
			return
		}
		again := append(append(facts.AppendTo(nil), message...), attrs...)
		second, m, a, _, ok := Decode(again)
		if !ok || second != facts || !bytes.Equal(m, message) || !bytes.Equal(a, attrs) || len(rest) > len(text) {
			t.Errorf("%v reads back as %v", facts, second)
		}
	})
}

func BenchmarkHoldLine(b *testing.B) {
	pool := &Pool{}
	attrs := []byte("component=flexibility tries=7 user=42")
	for _, count := range []int{1, 50, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.ReportAllocs()
			var l Lines
			facts := Meta{Offset: 1234, Place: Place{Frames: 20, Shared: 19}, Message: 30, Attrs: uint32(len(attrs))}
			for b.Loop() {
				if l.Count() == count {
					l.Release(pool)
				}
				l.Add(pool, &facts, "No exercises for current filte", attrs)
			}
		})
	}
}

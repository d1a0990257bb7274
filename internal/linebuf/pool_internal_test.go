package linebuf

import (
	"log/slog"
	"strings"
	"testing"
)

func TestBlockSizes(t *testing.T) {
	pool, sizes := &Pool{}, []int{}
	for size := 1; size <= largestBlock; size++ {
		of := pool.of(size)
		if rounded := roundUp(size); rounded < size || rounded > max(size*5/4, leastBlock) || (of != nil) != (rounded == size) {
			t.Fatalf("for %d bytes a block has %d", size, rounded)
		}
		if of != nil {
			if want := &pool.blocks[len(sizes)]; of != want {
				t.Errorf("blocks of %d bytes are not the %dth ones", size, len(sizes))
			}
			sizes = append(sizes, size)
		}
	}
	if len(sizes) != len(pool.blocks) {
		t.Errorf("there are blocks of %d bytes", sizes)
	}
	if pool.of(largestBlock+1) != nil || pool.of(2*largestBlock) != nil || pool.of(0) != nil {
		t.Error("others are kept, too")
	}
}

// firstBlockOf makes lines of a kind that take about so much, and returns how large their first block is.
func firstBlockOf(pool *Pool, of Kind, size int) int {
	l := Lines{Kind: of}
	for l.Size < size {
		l.Add(pool, &Meta{Message: 50}, strings.Repeat("x", 50), nil)
	}
	defer l.Release(pool)
	return cap(l.first.data)
}

// The first block of lines has room for all of them, once there were some of their kind, and
// is as small as before for others.
func TestFirstBlockByKind(t *testing.T) {
	pool, long, short, unknown := &Pool{}, KindOf(0x47a1c0), KindOf(0x47a250), Kind(0)
	if long == short || long == unknown || short == unknown {
		t.Fatalf("they are of one kind: %d, %d", long, short)
	}
	for _, step := range []struct {
		kind        Kind
		size, times int
		want        int
	}{
		{unknown, 900, 30, leastBlock},
		{long, 900, 30, 1024},
		{short, 50, 30, leastBlock},
		{long, 9000, 1, 1024}, // one alone changes little
		{long, 900, 1, 1280},
		{long, 900, 30, 1024},
		{long, 50, 200, leastBlock},
		{long, 90000, 200, mostFirst},
	} {
		got := 0
		for range step.times {
			got = firstBlockOf(pool, step.kind, step.size)
		}
		if got != step.want {
			t.Errorf("kind %d, %d bytes: the first block has %d at last, want %d", step.kind, step.size, got, step.want)
		}
	}
}

// Lines that are dropped give their memory back, however many their kind usually has.
func TestKeepTakesLittle(t *testing.T) {
	pool, kind := &Pool{}, KindOf(0x47a1c0)
	for range 50 {
		firstBlockOf(pool, kind, 2000)
	}
	l := Lines{Kind: kind}
	for range 20 {
		l.Add(pool, &Meta{Message: 50}, strings.Repeat("x", 50), nil)
	}
	l.Add(pool, &Meta{Message: 4, Level: slog.LevelWarn}, "warn", nil)
	if dropped := l.KeepFrom(pool, slog.LevelWarn); dropped != 20 || l.Held != leastBlock+perBlock {
		t.Errorf("%d lines are dropped, and %d bytes held", dropped, l.Held)
	}
}

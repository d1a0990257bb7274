package journal

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A segment is freed at once when the last one who gives a place up comes after those who
// have sealed it and written to it.
func TestFreedAfterTheLastPlaceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := Open(t.TempDir(), Options{SegmentSize: minSegment, Limit: 8 * minSegment})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s, late := l.current.Load(), &shard{}
		const size = 512
		if _, ok := s.take(late, size); !ok {
			t.Fatal("a new segment has no place")
		}
		l.rotate(s)
		synctest.Wait()
		if l.Oldest() != s.base() {
			t.Fatal("freed while a place is taken")
		}
		s.shard(1).written.Add(size)
		l.rotate(s)
		synctest.Wait()
		if l.Oldest() == s.base() {
			t.Error("nobody told that the segment is full")
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Little of a segment is lost to extents, whatever the size of its records.
func TestLittleIsLost(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for size := int64(64 << 10); size <= 16<<20; size *= 2 {
		for _, mean := range []int64{50, 100, 200, 500, 1000, 2000, 5000} {
			s := &segment{identity: newIdentity(size, 1, 1)}
			s.room.reserved.Store(headerSize)
			used := int64(0)
			for {
				n := recordSize(mean/2 + r.Int64N(mean))
				if _, ok := s.reserve(s.shard(r.Uint64()), n); !ok {
					break
				}
				used += n
			}
			if percent := 100 * used / (s.end() - headerSize); percent < 90 {
				t.Errorf("records of %d bytes fill %d %% of %d", mean, percent, size)
			}
		}
	}
}

// Places do not overlap, those of a series grow, and a segment is full when the last one
// is done, not before.
func TestPlaces(t *testing.T) {
	for round := range 200 {
		s := &segment{identity: newIdentity(minSegment<<(round%9), 1, 1)}
		s.room.reserved.Store(headerSize)
		taken := make([]atomic.Bool, s.size/wordSize)
		var all sync.WaitGroup
		for g := range 2 + round%7 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(g)))
				to, last := s.shard(uint64(g%(1+round%4))), int64(0)
				for {
					n := recordSize(r.Int64N(s.size / 8))
					off, ok := s.reserve(to, n)
					if !ok {
						s.seal()
						return
					}
					if off <= last || off < headerSize || off+n > s.end() {
						t.Errorf("%d bytes at %d, after %d", n, off, last)
					}
					last = off
					for at := off / wordSize; at < (off+n)/wordSize; at++ {
						if taken[at].Swap(true) {
							t.Errorf("%d is in two places", at*wordSize)
						}
					}
					if s.full() {
						t.Error("full while a place is written to")
					}
					s.done(to, n)
				}
			})
		}
		if all.Wait(); !s.full() {
			t.Fatalf("%d bytes of %d are written or given up", s.written(), s.end()-headerSize)
		}
	}
}

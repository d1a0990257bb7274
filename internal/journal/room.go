package journal

import "sync/atomic"

// A room is how the records of a segment find their places. Each goes by its series to one
// of some shards, which take an extent of the segment at a time: those who append to several
// series at once then write to no memory in common, neither to counters nor beside each
// other in the segment.
type room struct {
	_        [64]byte     // what others read is not beside the counters, to which all write
	reserved atomic.Int64 // the offset behind the last extent
	_        [56]byte
	closed   atomic.Bool // set when no more records find a place
	_        [60]byte
	shards   [shards]shard
}

const (
	shards            = 16
	extentsPerSegment = 1 << 10
	// So many records an extent holds at least. A larger one has an extent for itself, so that
	// little is left of extents in which the next record finds no place.
	recordsPerExtent = 8
)

// A shard has an extent of the segment, and counts what is written.
type shard struct {
	extent  atomic.Uint64 // an extent, noExtent once closed
	written atomic.Int64  // bytes of records that are complete, and of places that are given up
	_       [48]byte
}

// An extent is a piece of a segment: the offset of the next record in it, and where it ends.
type extent = uint64

const noExtent extent = 1<<64 - 1 // of which nothing is left, and to which nothing is added

func extentOf(next, end int64) extent { return extent(next)<<32 | extent(end) }

func bounds(e extent) (next, end int64) { return int64(e >> 32), int64(uint32(e)) }

func leftOf(e extent) int64 {
	next, end := bounds(e)
	return end - next
}

func (s *segment) shard(series uint64) *shard { return &s.room.shards[series%shards] }

// reserve returns the offset of n bytes for a record, behind those of the shard before it.
// Where the segment has too few left it returns false.
func (s *segment) reserve(to *shard, n int64) (off int64, ok bool) {
	for {
		e := to.extent.Load()
		if e == noExtent {
			return 0, false
		}
		off, end := bounds(e)
		if off+n > end {
			if !s.extend(to, e, s.extentFor(n)) {
				return 0, false
			}
		} else if to.extent.CompareAndSwap(e, extentOf(off+n, end)) {
			return off, true
		}
	}
}

// extentFor returns the size of an extent that begins with a record of n bytes.
func (s *segment) extentFor(n int64) int64 {
	if size := s.size / extentsPerSegment &^ (wordSize - 1); n*recordsPerExtent <= size {
		return size
	}
	return n
}

// extend replaces a shard's extent by a further one of so many bytes, if it still has that one.
func (s *segment) extend(to *shard, old extent, size int64) (ok bool) {
	off, ok := s.take(to, size)
	if !ok {
		return false
	}
	if to.extent.CompareAndSwap(old, extentOf(off, off+size)) {
		to.written.Add(leftOf(old))
	} else { // another one was as fast
		to.written.Add(size)
	}
	return true
}

// take returns the offset of so many bytes that no shard has. Where there are too few, the
// first call gives them up.
func (s *segment) take(to *shard, size int64) (off int64, ok bool) {
	off = s.room.reserved.Add(size) - size
	if off+size <= s.end() {
		return off, true
	}
	if off < s.end() {
		to.written.Add(s.end() - off)
	}
	return 0, false
}

// seal makes every further reservation fail. Whoever seals a segment looks after that at
// whether it is full.
func (s *segment) seal() {
	s.room.closed.Store(true)
	s.take(&s.room.shards[0], s.size)
	for i := range s.room.shards {
		shard := &s.room.shards[i]
		shard.written.Add(leftOf(shard.extent.Swap(noExtent)))
	}
}

// done counts a reservation as written, and reports whether it was the last one of a
// segment that is sealed.
func (s *segment) done(to *shard, n int64) (last bool) {
	to.written.Add(n)
	return s.room.closed.Load() && s.full()
}

// written returns how many bytes of the segment nobody writes to any more.
func (s *segment) written() (sum int64) {
	for i := range s.room.shards {
		sum += s.room.shards[i].written.Load()
	}
	return sum
}

// full says that nobody writes to the segment any more.
func (s *segment) full() bool { return s.written() == s.size-2*headerSize }

// unused says that nobody writes to the segment or needs a record of it any more.
func (s *segment) unused() bool { return s.full() && s.pins.Load() == 0 }

package dynamoslog

import (
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const warn = slog.LevelWarn

// Stats tells what a handler has done so far.
type Stats struct {
	Lines       int64            // stored
	Parts       int64            // stored; one item each
	Stories     int64            // whose end is stored
	Bytes       int64            // of text stored, before compression
	Quiet       int64            // lines left out by Options.QuietLevel
	NotKept     int64            // stories refused by Options.Keep
	Dropped     int64            // lines dropped because memory was full
	DroppedBy   map[string]int64 // the same, of stories that waited for the store, by kind
	Unprotected int64            // lines that the journal could not take; they are in memory only
	Recovered   int64            // lines that an earlier process left in the journal, and that were read from it
	Damaged     int64            // records of the journal that could not be read back
	Rejected    int64            // parts that the store can never hold; they went to the fallback
	Retries     int64            // parts that have to be put again, each time
	RetriesBy   map[string]int64 // the same: "busy", "fault", "misconfigured"
	Buffered    int64            // bytes held for what is not stored yet
	Open        int              // stories being written
	Oldest      time.Time        // when the oldest lines that wait for the store were handed to it; zero if none do
	Parked      time.Time        // since when the store takes nothing for a misconfiguration; zero if it does
	WriteUnits  float64          // consumed, where the store is a story.Meter, as Table is
}

type counters struct {
	lines, parts, stories, bytes, quiet, notKept, dropped, rejected atomic.Int64
	unprotected, recovered, damaged                                 atomic.Int64

	mu      sync.Mutex
	byKind  map[string]int64
	retries map[string]int64
	parked  time.Time
}

func (c *counters) retry(kind trouble) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retries == nil {
		c.retries = make(map[string]int64)
	}
	c.retries[string(kind)]++
}

func (c *counters) drop(kind string, lines int) {
	c.dropped.Add(int64(lines))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKind == nil {
		c.byKind = make(map[string]int64)
	}
	c.byKind[kind] += int64(lines)
}

func (c *counters) setParked(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked = since
}

// Stats returns what the handler, and all derived from the same New, have done.
func (h *Handler) Stats() Stats {
	c := h.core
	s := Stats{
		Lines: c.counts.lines.Load(), Parts: c.counts.parts.Load(), Stories: c.counts.stories.Load(),
		Quiet: c.counts.quiet.Load(), NotKept: c.counts.notKept.Load(), Dropped: c.counts.dropped.Load(),
		Rejected: c.counts.rejected.Load(), Bytes: c.counts.bytes.Load(), Buffered: c.buffered.Load(),
	}
	s.Unprotected, s.Recovered, s.Damaged = c.counts.unprotected.Load(), c.counts.recovered.Load(), c.counts.damaged.Load()
	c.counts.mu.Lock()
	s.DroppedBy, s.Parked = maps.Clone(c.counts.byKind), c.counts.parked
	s.RetriesBy = maps.Clone(c.counts.retries)
	for _, n := range s.RetriesBy {
		s.Retries += n
	}
	c.counts.mu.Unlock()
	c.mu.Lock()
	s.Open = len(c.open)
	if oldest := c.unsettled.Front(); oldest != nil {
		s.Oldest = oldest.Value.(*chunk).since
	}
	c.mu.Unlock()
	s.WriteUnits = c.consumed()
	return s
}

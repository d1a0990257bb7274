package dynamoslog

import (
	"time"
)

// Stats tells what a handler has done so far.
type Stats struct {
	Lines       int64            // stored
	Parts       int64            // stored; one item each
	Stories     int64            // whose end is stored
	Aliases     int64            // stored: items by which stories are listed under further keys
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

// Stats returns what the handler, and all derived from the same New, have done.
func (h *Handler) Stats() Stats {
	c := h.core
	n := &c.delivery.Counts
	s := Stats{
		Lines: n.Lines.Load(), Parts: n.Parts.Load(), Stories: n.Stories.Load(), Aliases: n.Aliases.Load(), Bytes: n.Bytes.Load(),
		Quiet: n.Quiet.Load(), NotKept: n.NotKept.Load(), Dropped: n.Dropped.Load(), Rejected: n.Rejected.Load(),
		Unprotected: n.Unprotected.Load(), Recovered: n.Recovered.Load(), Damaged: n.Damaged.Load(),
		Buffered: c.delivery.Budget.Held(), Open: c.stories.count(), Oldest: c.delivery.Oldest(), WriteUnits: c.delivery.Consumed(),
	}
	s.DroppedBy, s.RetriesBy, s.Parked = n.Details()
	for _, retries := range s.RetriesBy {
		s.Retries += retries
	}
	return s
}

package delivery

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Counters count what has become of lines and parts.
type Counters struct {
	Lines, Parts, Stories, Bytes atomic.Int64 // stored
	Aliases                      atomic.Int64 // stored
	Quiet, NotKept, Dropped      atomic.Int64
	Unprotected, Recovered       atomic.Int64 // lines that are in memory only, and that an earlier process left
	Damaged, Rejected            atomic.Int64 // records of journals, and parts

	mu      sync.Mutex
	byKind  map[string]int64 // Dropped
	retries map[class]int64
	parked  time.Time // since when the store takes nothing for a misconfiguration; zero if it does
}

// Drop counts lines of stories of a kind as dropped for want of memory.
func (c *Counters) Drop(kind string, lines int) {
	c.Dropped.Add(int64(lines))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKind == nil {
		c.byKind = make(map[string]int64)
	}
	c.byKind[kind] += int64(lines)
}

func (c *Counters) retry(of class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retries == nil {
		c.retries = make(map[class]int64)
	}
	c.retries[of]++
}

func (c *Counters) setParked(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked = since
}

// Details returns what Dropped is by kind, how often parts had to be put again by the
// class of the reason, and since when the store takes nothing for a misconfiguration.
func (c *Counters) Details() (droppedBy, retriesBy map[string]int64, parked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retries != nil {
		retriesBy = make(map[string]int64, len(c.retries))
	}
	for of, n := range c.retries {
		retriesBy[string(of)] = n
	}
	return maps.Clone(c.byKind), retriesBy, c.parked
}

// Oldest returns when the oldest chunk that waits was handed over; zero if none does.
func (d *Delivery) Oldest() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if oldest := d.incomplete.oldest; oldest != nil {
		return oldest.since
	}
	return time.Time{}
}

package dynamoslog

import (
	"fmt"
	"unsafe"
	"weak"

	"github.com/dynamoslog/dynamoslog/story"
)

// A filedChunk is one that left memory: its place in the journal is all that is kept.
type filedChunk struct {
	ticket  uint64
	entry   chunkEntry
	count   int
	telling weak.Pointer[telling] // as long as its story may get late lines
}

const perFiled = 2 * int64(unsafe.Sizeof(filedChunk{})) // with what a list of them has to spare

// spill lets a chunk's lines leave memory, and a small story whole, all but its
// place in the journal. It returns false where that does not hold all of it, and
// whether the chunk is gone. The caller holds c.mu.
func (c *core) spill(k *chunk) (spilled, gone bool) {
	if !k.entry.complete || k.lines.count == 0 {
		return false, false
	}
	// Late lines need to know of parts before them, which only larger stories have.
	small := k.whole && !k.refusedByKeep && k.fitsHeader()
	k.lines.release(&c.blocks)
	if !small {
		c.resize(k, perStory)
		return true, false
	}
	c.filed = append(c.filed, filedChunk{k.ticket, k.entry, k.count, weak.Make(k.telling)})
	k.entry.number = 0 // it is not done
	c.unsettled.Remove(k.unsettled)
	k.unsettled = nil
	c.resize(k, 0)
	c.buffered.Add(perFiled)
	return true, true
}

// fitsHeader reports whether the chunk's text surely goes into the part with the header.
func (k *chunk) fitsHeader() bool {
	if !story.FitsHeader(k.lines.size) {
		return false // without a look at each line
	}
	most := k.lines.mostText()
	if k.refused > 0 {
		most += story.LineBound(k.droppedNote(), "")
	}
	return story.FitsHeader(most)
}

// unfile takes a chunk back into memory.
func (c *core) unfile(f filedChunk) *chunk {
	text, err := c.journal.Load().Read(f.entry.at, nil)
	r := recordReader{text: text}
	if err == nil {
		r.take(1)
		r.uint()
	}
	k := readChunk(&r)
	if k.telling = f.telling.Value(); k.telling == nil {
		k.telling = c.newTelling()
	}
	k.ticket, k.entry, k.count = f.ticket, f.entry, f.count
	if err != nil || r.failed { // what it is about is lost, and the lines with it
		c.counts.damaged.Add(int64(f.count) + 1)
		c.hasNews(unreadable, fmt.Errorf("dynamoslog: a story of %d lines that had left memory cannot be read from the journal in %s: %w", f.count, c.opts.Journal, err))
		k.count, k.lost.unread, k.unreadable = 0, f.count, true
	}
	k.size = perStory
	c.buffered.Add(k.size - perFiled)
	return k
}

// load reads the lines of a chunk that was spilled, and counts those that cannot
// be read.
func (c *core) load(k *chunk) {
	if k.lines.count > 0 || k.entry.number == 0 || !k.entry.complete || k.unreadable {
		return
	}
	lost := c.readLines(k)
	c.mu.Lock()
	k.lost.unread += lost
	c.mu.Unlock()
	c.counts.damaged.Add(int64(lost))
	c.resize(k, int64(k.lines.held)+perStory)
}

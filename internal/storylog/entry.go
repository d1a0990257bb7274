// Package storylog keeps stories in a journal while they are told and not stored yet, and
// finds again what a process that is gone has left in its own.
//
// What a journal holds of a story is
//
//	story, line…, chunk, line…, chunk, …   by those who log
//	done, done, …                          when chunks are stored, one for each
//
// A story record says what it is about, and comes again when that changes; a chunk
// record that the lines before it were handed over; a done record that the chunk
// was stored, or dropped and counted, and how far the story is written down then:
// whether it has ended, among others.
//
// Every chunk pins the record before its first line, so that all of its records
// are kept until it is done, and the done record as long as any of them. After the
// story's end, and after a chunk record that found no room, the next line begins
// with a story record again, which tells the chunk's ordinal.
package storylog

import (
	"sync/atomic"

	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Position is a place in the journal. Later ones are larger.
type Position = journal.Position

// An Entry is the place of an open story in the journal. Its zero value is that of a
// story of which nothing is there. The lock of the story guards it.
type Entry struct {
	number  uint64   // of the story, given with its first record or chunk; 0 before that
	ordinal uint64   // of the chunk that is being filled
	pin     Position // the record before the chunk's first line; 0 where that has to be a story record
	last    Position // the chunk's last line; 0 before that
	version int64    // of what the story is about when it was last written
	missing bool     // set when a line of the chunk is not in the journal
}

// Within reports whether the journal holds something for the story before a position.
func (e *Entry) Within(tail Position) bool { return e.pin != 0 && e.pin < tail }

// A Mark is the place of a chunk in the journal. The zero value is that of a chunk which
// is not there.
type Mark struct {
	number   uint64   // of the story
	ordinal  uint64   // of the chunk within it
	pin      Position // 0 if nothing of the chunk is in the journal
	at       Position // the chunk record
	last     Position // the chunk's last line
	complete bool     // all of its lines are there
	owed     bool     // a done record has to be written when the chunk is stored
}

// Complete reports whether all of the chunk's lines are in the journal.
func (m *Mark) Complete() bool { return m.complete }

// Some reports whether something of the chunk is in the journal, if not all of it.
func (m *Mark) Some() bool { return m.pin != 0 }

// Spoil takes note that lines of the chunk were damaged in the journal.
func (m *Mark) Spoil() { m.complete = false }

// Owed reports whether Done has to be called when the chunk is stored.
func (m *Mark) Owed() bool { return m.owed }

// Stay lets the chunk stay in the journal, for the next process: it will not be done.
func (m *Mark) Stay() { m.owed = false }

// Handed is what a chunk record tells of a chunk.
type Handed struct {
	Header  story.Header
	Late    bool // of lines that came after the story's end
	Whole   bool // all of the story
	Dropped int  // lines that were dropped for want of memory
	Lines   int
}

// goesOn reports whether further lines of the story go on from the chunk's record.
func (h *Handed) goesOn() bool { return h.Header.State == story.Open && !h.Late }

// ends reports whether the story ends with the chunk.
func (h *Handed) ends() bool { return h.Header.State != story.Open && !h.Late }

// A Progress is how far a story was written down after the last of its chunks that is
// done. Its zero value is for a story of which none is.
type Progress struct{ last atomic.Pointer[resume] }

type resume struct {
	ordinal uint64 // of the chunk
	text    []byte
}

// load returns the progress so far, or nil where there is none.
func (p *Progress) load() *resume {
	if p == nil {
		return nil
	}
	return p.last.Load()
}

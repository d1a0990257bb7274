package dynamoslog

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// An entry is a story's place in the journal. What the journal holds of it is
//
//	story, line…, chunk, line…, chunk, …   by those who log
//	done, done, …                          by the writer, one for each chunk
//
// A story record says what it is about, and comes again when that changes; a chunk
// record that the lines before it were handed over; a done record that the chunk
// was stored, or dropped and counted, and how far the story is written down then:
// whether it has ended, among others.
// Every chunk pins the record before its first line, so that all of its records
// are kept until it is done, and the done record as long as any of them. After the
// story's end, and after a chunk record that found no room, the next line begins
// with a story record again, which tells the chunk's ordinal.
type entry struct {
	number  uint64           // of the story, given with its first record or chunk; 0 before that
	ordinal uint64           // of the chunk that is being filled
	pin     journal.Position // the record before its first line; 0 where that has to be a story record
	last    journal.Position // its last line; 0 before that
	version int64            // of what the story is about when it was last written
	missing bool             // not all lines since the last chunk are in the journal
}

// A resumePoint is how far a story is written down after a chunk is done.
type resumePoint struct {
	ordinal uint64 // of the chunk
	text    []byte
}

// resumePoint returns where the journal resumes the story, or nil. The caller holds b.mu.
func (b *buffer) resumePoint() *resumePoint {
	if b.telling == nil {
		return nil
	}
	return b.telling.resume.Load()
}

// A chunkEntry is a chunk's place in the journal.
type chunkEntry struct {
	number   uint64 // the story's; 0 where no done record is to be written: it is, or the chunk stays
	ordinal  uint64
	pin      journal.Position // 0 if nothing of the chunk is in the journal
	at       journal.Position // the chunk record
	last     journal.Position // the chunk's last line
	complete bool             // all of its lines are there
}

const defaultJournalLimit = 256 << 20

// openJournal opens the journal before the first story, and waits for a second at most:
// on a disk that hangs, lines are in memory only until it is open. It is called
// without a lock.
func (c *core) openJournal() {
	const patience = time.Second
	if c.opts.Journal == "" || c.journal.Load() != nil || c.journalLate.Load() {
		return
	}
	c.journalOnce.Do(func() {
		c.journalOpened = make(chan struct{})
		go c.makeJournal()
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.journalOpened:
	case <-timer.C:
	}
	c.journalLate.Store(true)
}

func (c *core) makeJournal() {
	defer close(c.journalOpened)
	log, err := journal.Open(c.opts.Journal, journal.Options{
		Limit: c.opts.JournalLimit, Sync: c.opts.JournalSync, OnError: c.journalTrouble,
	})
	if err != nil {
		c.journalTrouble(err)
		return
	}
	c.mu.Lock()
	stopped := c.stopped
	if !stopped {
		c.journal.Store(log)
	}
	c.mu.Unlock()
	if stopped { // meanwhile
		_ = log.Close()
	}
}

// journalTrouble tells of a journal that cannot be written, and of one that can again.
func (c *core) journalTrouble(err error) {
	if err == nil {
		c.hasNews(writable, fmt.Errorf("dynamoslog: the journal in %s works again", c.opts.Journal))
		return
	}
	c.hasNews(unwritable, fmt.Errorf("dynamoslog: lines are kept in memory only: %w", err))
}

// leftTrouble tells of a journal that an earlier process left.
func (c *core) leftTrouble(err error) {
	c.hasNews(unreadable, fmt.Errorf("dynamoslog: what an earlier process left in %s: %w", c.opts.Journal, err))
}

// journalLine writes a line to the journal. The caller holds b.mu.
func (b *buffer) journalLine(facts linebuf.Meta, message string, attrs []byte) {
	if b.core.opts.Journal == "" {
		return
	}
	log, e := b.core.journal.Load(), &b.entry
	if log == nil { // it is not open yet
		b.unprotected()
		return
	}
	// The facts are written again when they change, or when a lane comes, whose name is one.
	if version := b.facts.version.Load()<<32 + int64(min(len(b.lanes.all), namedLanes)); e.pin == 0 || e.version != version {
		if b.journalStory(e.pin == 0) {
			e.version = version
		}
	}
	if e.pin == 0 {
		b.unprotected()
		return
	}
	var space [96]byte
	head := facts.AppendTo(newLineRecord(space[:0], e.number, e.pin, e.last))
	at, err := log.Append(false, head, message, attrs)
	if err != nil {
		b.unprotected()
		return
	}
	e.last = at
}

// newLineRecord begins the record of a line: that of the line before is found by
// its distance from the chunk's pin.
func newLineRecord(out []byte, number uint64, pin, last journal.Position) []byte {
	out = binary.AppendUvarint(append(out, recordLine), number)
	return binary.AppendUvarint(out, uint64(max(last, pin)-pin))
}

// unprotected counts a line that is in memory only.
func (b *buffer) unprotected() {
	b.entry.missing = true
	b.core.counts.unprotected.Add(1)
}

// journalStory writes what the story is about, and where it is pinned from now
// on, if it begins there. It returns false where there is no room. The caller holds b.mu.
func (b *buffer) journalStory(pin bool) (written bool) {
	e := &b.entry
	memory := b.core.records.Get().(*recordWriter)
	defer b.core.records.Put(memory)
	w := beginRecord(*memory, recordStory, b.journalNumber())
	w.uint(e.ordinal)
	flags := uint64(0)
	if b.ended {
		flags |= flagLate
	}
	resume := b.resumePoint()
	if resume != nil {
		flags |= flagResume
	}
	w.uint(flags)
	w.header(b.header(story.Open))
	if resume != nil {
		w.uint(resume.ordinal)
		w = append(w, resume.text...)
	}
	*memory = w
	at, err := b.core.journal.Load().Append(pin, w, "", nil)
	if err == nil && pin {
		e.pin, e.last = at, 0
	}
	return err == nil
}

// journalNumber returns the number that the story has in the journal. The caller
// holds b.mu.
func (b *buffer) journalNumber() uint64 {
	if b.entry.number == 0 {
		b.entry.number = b.core.journaled.Add(1)
	}
	return b.entry.number
}

// journalChunk writes that the lines so far were handed over. The caller holds b.mu.
func (b *buffer) journalChunk(k *chunk) {
	if b.core.opts.Journal == "" {
		return
	}
	e := &b.entry
	k.entry = chunkEntry{number: b.journalNumber(), ordinal: e.ordinal, pin: e.pin, last: e.last}
	complete := !e.missing
	e.ordinal++
	e.last, e.missing = 0, false
	if e.pin == 0 {
		return // nothing of it is there
	}
	goesOn := k.header.State == story.Open && !k.late
	memory := b.core.records.Get().(*recordWriter)
	defer b.core.records.Put(memory)
	record := chunkRecord(*memory, k)
	*memory = record
	at, err := b.core.journal.Load().Append(goesOn, record, "", nil)
	k.entry.at, k.entry.complete = at, err == nil && complete
	if e.pin = 0; goesOn && err == nil {
		e.pin = at
	}
}

func chunkRecord(memory []byte, k *chunk) recordWriter {
	w := beginRecord(memory, recordChunk, k.entry.number)
	w.uint(k.entry.ordinal)
	flags := uint64(0)
	if k.late {
		flags |= flagLate
	}
	if k.whole {
		flags |= flagWhole
	}
	w.uint(flags)
	w.uint(uint64(k.refused))
	w.uint(uint64(k.lines.Count))
	w.uint(uint64(k.entry.last))
	w.header(k.header)
	return w
}

// readChunk reads a chunk record after its kind and number.
func readChunk(r *recordReader) *chunk {
	k := &chunk{}
	k.entry.ordinal = r.uint()
	flags := r.uint()
	k.late, k.whole = flags&flagLate != 0, flags&flagWhole != 0
	k.refused, k.count = r.number(), r.number()
	k.entry.last = journal.Position(r.uint())
	k.header = r.header()
	return k
}

// journalDone writes that a chunk needs no recovery any more.
func (c *core) journalDone(k *chunk) {
	e := &k.entry
	if e.number == 0 {
		return
	}
	resume := &resumePoint{ordinal: e.ordinal, text: k.resume}
	if resume.text == nil { // dropped before it was written down
		resume.text = (&telling{key: k.header.Key, refused: true, shed: true, ended: k.ends()}).appendResume()
	}
	w := beginRecord(nil, recordDone, e.number)
	w.uint(e.ordinal)
	e.number = 0
	c.owed.mu.Lock()
	defer c.owed.mu.Unlock()
	if last := k.telling.resume.Load(); last == nil || last.ordinal < resume.ordinal {
		k.telling.resume.Store(resume)
	}
	if e.pin == 0 {
		return
	}
	if d := (done{e.pin, append(w, resume.text...)}); !c.conclude(d) {
		c.owed.list = append(c.owed.list, d)
		c.buffered.Add(d.size())
	}
}

// A done is a record that could not be written yet. Until it is, the chunk stays
// pinned: what is left of one of which the journal frees a part would be taken for
// all of it.
type done struct {
	pin    journal.Position
	record []byte
}

// owed are the done records that have to be written yet, and their lock keeps them
// in order.
type owed struct {
	mu   sync.Mutex
	list []done
}

func (o *owed) some() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.list) > 0
}

// payOwed writes the done records that could not be written before.
func (c *core) payOwed() {
	c.owed.mu.Lock()
	defer c.owed.mu.Unlock()
	c.owed.list = slices.DeleteFunc(c.owed.list, func(d done) bool {
		written := c.conclude(d)
		if written {
			c.buffered.Add(-d.size())
		}
		return written
	})
}

// forgetOwed leaves what could not be written: the next process stores those chunks
// again, as the same items.
func (c *core) forgetOwed() {
	c.owed.mu.Lock()
	defer c.owed.mu.Unlock()
	for _, d := range c.owed.list {
		c.buffered.Add(-d.size())
	}
	c.owed.list = nil
}

func (c *core) conclude(d done) bool { return c.journal.Load().Conclude(d.pin, d.record) == nil }

func (d *done) size() int64 { return int64(cap(d.record) + 32) }

// positions returns where the lines of a chunk stand, the last one first, as far as they
// can be told.
func (c *core) positions(e chunkEntry, count int, buf []byte) ([]journal.Position, []byte) {
	log := c.journal.Load()
	positions := make([]journal.Position, 0, count)
	at := e.last
	for at > e.pin && len(positions) < count {
		text, err := log.Read(at, buf[:0])
		if err != nil {
			break
		}
		buf = text
		positions = append(positions, at)
		r := recordReader{text: text[1:]}
		r.uint()
		at = e.pin + journal.Position(r.uint())
	}
	return positions, buf
}

// lasting returns how many lines of a chunk the next process will find: where the
// journal was damaged perhaps fewer than were written. Those before one that is damaged
// are not counted, although they may be there.
func (c *core) lasting(e chunkEntry, count int) (lines int) {
	log := c.journal.Load()
	if !log.Outlives(e.pin) {
		return 0
	}
	positions, _ := c.positions(e, count, nil)
	for _, at := range positions {
		if log.Outlives(at) {
			lines++
		}
	}
	return lines
}

// readLines reads the lines of a chunk back from the journal, and returns how
// many could not be.
func (c *core) readLines(k *chunk) (lost int) {
	positions, buf := c.positions(k.entry, k.count, nil)
	for i := len(positions) - 1; i >= 0; i-- {
		text, err := c.journal.Load().Read(positions[i], buf[:0])
		if err == nil {
			buf = text
			addRecord(&k.lines, &c.blocks, text)
		}
	}
	return k.count - k.lines.Count
}

// addRecord adds the line of a journal's record, and returns false for another record.
func addRecord(l *linebuf.Lines, pool *linebuf.Pool, text []byte) bool {
	if len(text) == 0 || text[0] != recordLine {
		return false
	}
	r := recordReader{text: text[1:]}
	r.uint()
	r.uint()
	facts, message, attrs, rest, ok := linebuf.Decode(r.text)
	if r.failed || !ok || len(rest) > 0 {
		return false
	}
	l.Add(pool, &facts, string(message), attrs)
	return true
}

// freeJournal lets open stories go on in newer segments when half of the journal
// is in use: what they have is handed over, or their facts are written again. It looks
// at them once for each segment, or again after a second.
func (w *writer) freeJournal(now time.Time) {
	c := w.core
	log := c.journal.Load()
	if log == nil || log.Size() < c.journalLimit()/2 {
		return
	}
	tail := log.Tail()
	if tail == w.freed && now.Sub(w.freedAt) < time.Second {
		return
	}
	w.freed, w.freedAt = tail, now
	for _, b := range c.openNow(0, math.MaxInt) {
		b.mu.Lock()
		if b.entry.pin != 0 && b.entry.pin < tail {
			if b.held.Count > 0 {
				b.cut()
			}
			b.moveEntry(tail)
		}
		b.mu.Unlock()
	}
}

func (c *core) journalLimit() int64 {
	if c.opts.JournalLimit > 0 {
		return c.opts.JournalLimit
	}
	return defaultJournalLimit
}

// moveEntry pins a story of which nothing waits, but which is open, where the
// journal ends now. The caller holds b.mu.
func (b *buffer) moveEntry(tail journal.Position) {
	e := &b.entry
	resume := b.resumePoint()
	if e.pin == 0 || e.pin >= tail || resume == nil || resume.ordinal+1 != e.ordinal {
		return
	}
	before := e.pin
	if b.journalStory(true); e.pin != before {
		b.core.journal.Load().Unpin(before)
	}
}

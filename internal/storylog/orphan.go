package storylog

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/internal/record"
	"github.com/dynamoslog/dynamoslog/story"
)

// An Orphan is the journal of a process that is gone, with the stories in it that are
// not known to be stored. One goroutine at a time uses it.
type Orphan struct {
	journal *journal.Remains
	budget  *budget.Budget // of the index
	ended   func(resume []byte) bool
	scanned bool
	damaged bool        // records of it cannot be read
	partial bool        // records of what its process did may be missing, as it is damaged or had no room
	numbers []uint64    // of stories that are not in the index yet
	stories []*orphaned // the index: those that are still to be taken, the oldest first
	index   int64       // bytes of memory that the index takes
	report  error       // what Damage tells, until it has
	records int         // that could not be read, until Damage has told
}

const (
	perOrphaned   = 1 << 10  // bytes of memory that a story in the index takes beside its lines, about
	scannedAtOnce = 16 << 10 // stories, where there is memory for them
)

// Claim returns the journals in a directory that belong to nobody. They are then those of
// this process, until Close or Remove. Ended tells of a resume whether its story has ended.
// Those found are returned although there is an error about others.
func Claim(dir string, b *budget.Budget, ended func(resume []byte) bool) ([]*Orphan, error) {
	found, err := journal.Adopt(dir)
	orphans := make([]*Orphan, len(found))
	for i, j := range found {
		orphans[i] = &Orphan{journal: j, budget: b, ended: ended}
	}
	return orphans, err
}

// Close leaves it to another process.
func (o *Orphan) Close() error {
	o.budget.Add(-o.index)
	o.index = 0
	return o.journal.Close()
}

// Remove deletes it, when all that Next returned is stored.
func (o *Orphan) Remove() error { return o.journal.Remove() }

// Damage returns once how many records could not be read, and an error about them.
func (o *Orphan) Damage() (records int, err error) {
	records, err = o.records, o.report
	o.records, o.report = 0, nil
	return records, err
}

// Recovered is a chunk of an orphan.
type Recovered struct {
	Handed
	Ordinal uint64
	Stored  linebuf.Lines // the lines that could be read
	First   bool          // of its story that is returned
	Named   bool          // what it is about is known
	// Doubt is set where the chunk may be stored already, perhaps with further lines.
	Doubt  bool
	Resume []byte      // how far the story was written down before it; nil where that is not known, or nothing was
	Keys   []story.Key // that the story had, as far as is known, the last one last
}

// Next returns the next chunk, of each story in the order in which they were made.
// Where a record cannot be read any more, its line is missing.
func (o *Orphan) Next(pool *linebuf.Pool) (Recovered, bool) {
	for {
		for len(o.stories) > 0 {
			s := o.stories[0]
			if len(s.chunks) == 0 {
				o.stories[0] = nil
				o.stories = o.stories[1:]
				continue
			}
			return o.take(s, pool), true
		}
		if !o.scan() {
			return Recovered{}, false
		}
	}
}

// take reads the next chunk of a story.
func (o *Orphan) take(s *orphaned, pool *linebuf.Pool) Recovered {
	from := s.chunks[0]
	s.chunks = s.chunks[1:]
	r := Recovered{Handed: from.Handed, Ordinal: from.ordinal, First: !s.taken, Named: s.known, Doubt: from.doubt, Keys: s.keys}
	s.taken = true
	var buf []byte
	for _, at := range from.lines {
		text, err := o.journal.Read(at, buf[:0])
		if err != nil || !addLine(&r.Stored, pool, text) {
			o.records++
			continue
		}
		buf = text
	}
	r.Doubt = r.Doubt || r.Stored.Count() < len(from.lines)
	if resume, ok := s.resumes[r.Ordinal-1]; ok {
		r.Resume = resume
	} else if r.Ordinal != s.next { // how far the story is stored is not known
		r.Doubt = true
	}
	if s.next = r.Ordinal + 1; r.Doubt {
		s.next = 0 // nor is it after that
	}
	return r
}

var errIntact = errors.New("what is intact is stored")

// scan indexes the next stories, so many at a time: all of them may be more than there
// is memory for. It returns whether there were more.
func (o *Orphan) scan() bool {
	if !o.scanned {
		o.scanned = true
		o.numbers = numbersOf(o.journal.All())
		if d := o.journal.Damage(); d.Records > 0 || d.Files > 0 {
			o.damaged = true
			o.records += d.Records
			why := d.Err
			if why == nil {
				why = errIntact
			}
			o.report = fmt.Errorf("damaged: %d records and %d files could not be read: %w", d.Records, d.Files, why)
		}
	}
	o.partial = o.damaged || o.journal.Refused()
	o.budget.Add(-o.index)
	if o.index = 0; len(o.numbers) == 0 {
		return false
	}
	many := min(scannedAtOnce, max(int(o.budget.Eighths(1)/perOrphaned), 64), len(o.numbers))
	first, last := o.numbers[0], o.numbers[many-1]
	o.numbers = o.numbers[many:]
	o.stories = o.orphanedOf(o.journal.All(), first, last)
	o.index = int64(8 * cap(o.numbers))
	for _, s := range o.stories {
		o.index += perOrphaned
		for _, k := range s.chunks {
			o.index += int64(8 * cap(k.lines))
		}
	}
	o.budget.Add(o.index)
	return true
}

// numbersOf returns the numbers of all stories, in order.
func numbersOf(records iter.Seq2[Position, []byte]) (numbers []uint64) {
	const many = 1 << 20
	sorted := 0
	for _, text := range records {
		if number, _, ok := numberOf(text); ok {
			numbers = append(numbers, number)
		}
		if len(numbers) > sorted+many {
			slices.Sort(numbers)
			numbers = slices.Compact(numbers)
			sorted = len(numbers)
		}
	}
	slices.Sort(numbers)
	return slices.Clip(slices.Compact(numbers))
}

// orphanedOf returns the stories of which something is left, the oldest first, of
// those whose numbers are within bounds.
func (o *Orphan) orphanedOf(records iter.Seq2[Position, []byte], first, last uint64) (stories []*orphaned) {
	byNumber := make(map[uint64]*orphaned)
	for at, text := range records {
		number, reader, ok := numberOf(text)
		if !ok || number < first || number > last {
			continue
		}
		s := byNumber[number]
		if s == nil {
			s = &orphaned{damaged: o.damaged, hasEnded: o.ended, resumes: make(map[uint64][]byte)}
			byNumber[number] = s
		}
		s.read(text[0], reader, at)
	}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		s := byNumber[number]
		if s.close(o.partial); len(s.chunks) > 0 {
			stories = append(stories, s)
		}
	}
	return stories
}

// An orphaned story is what is left of one.
type orphaned struct {
	header   story.Header // as it was when it was last written
	known    bool         // the header was found
	damaged  bool         // records of the journal are damaged
	ended    bool         // further lines are late ones
	hasEnded func(resume []byte) bool
	ordinal  uint64 // of the chunk that is being filled
	chunks   []*orphanedChunk
	lines    []Position        // of the chunk that is being filled
	resumes  map[uint64][]byte // after the chunks of these ordinals
	keys     []story.Key       // that it had, the last one last
	next     uint64            // ordinal of the chunk that goes on from those that were taken; 0 if that is not known
	taken    bool              // a chunk was
}

type orphanedChunk struct {
	Handed
	ordinal uint64
	doubt   bool
	lines   []Position
}

// read takes note of a record of the story.
func (s *orphaned) read(kind byte, r *record.Reader, at Position) {
	switch kind {
	case kindLine:
		s.lines = append(s.lines, at)
	case kindStory:
		s.readStory(r)
	case kindChunk:
		ordinal, h := readChunk(r)
		if r.Failed {
			return
		}
		s.setHeader(h.Header)
		s.ended = s.ended || h.ends()
		s.ordinal = ordinal + 1
		if _, done := s.resumes[ordinal]; !done {
			s.chunks = append(s.chunks, &orphanedChunk{h, ordinal, len(s.lines) != h.Lines, s.lines})
		}
		s.lines = nil
	case kindDone:
		s.readDone(r)
	}
}

func (s *orphaned) readStory(r *record.Reader) {
	ordinal, flags := r.Uint(), r.Uint()
	header := readHeader(r, flags)
	if r.Failed {
		return
	}
	switch {
	case s.known:
		s.closeBefore(ordinal, flags&flagLate != 0)
	case !s.damaged: // the record before its lines so far is freed: they are done
		s.lines = nil
	}
	s.setHeader(header)
	s.ordinal, s.ended = ordinal, s.ended || flags&flagLate != 0
	if flags&flagResume != 0 {
		after := r.Uint()
		s.resumes[after] = slices.Clone(r.Left)
	}
}

func (s *orphaned) readDone(r *record.Reader) {
	ordinal := r.Uint()
	s.resumes[ordinal] = slices.Clone(r.Left)
	s.ended = s.ended || s.hasEnded(r.Left)
	s.chunks = slices.DeleteFunc(s.chunks, func(k *orphanedChunk) bool { return k.ordinal == ordinal })
	if s.ordinal == ordinal { // its chunk record is missing
		s.lines, s.ordinal = nil, ordinal+1
	}
	if len(s.chunks) == 0 && len(s.lines) == 0 { // most stories: little is kept of them
		if s.ended {
			s.header.Title, s.header.Attrs, s.header.Also = "", nil, nil
		}
		maps.DeleteFunc(s.resumes, func(before uint64, _ []byte) bool { return before < ordinal })
	}
}

// setHeader takes note of what the story is about.
func (s *orphaned) setHeader(h story.Header) {
	s.header, s.known = h, true
	if !slices.Contains(s.keys, h.Key) {
		s.keys = append(s.keys, h.Key)
	}
}

// add adds a chunk of the lines that no chunk record tells of. Their story is left in a
// state.
func (s *orphaned) add(state story.State, whole, doubt bool) {
	h := Handed{Header: s.header, Late: s.ended, Whole: whole, Lines: len(s.lines)}
	h.Header.State = state
	s.chunks = append(s.chunks, &orphanedChunk{h, s.ordinal, doubt, s.lines})
	s.lines = nil
}

// closeBefore makes a chunk of lines whose chunk record is missing, as others follow.
func (s *orphaned) closeBefore(ordinal uint64, late bool) {
	if ordinal == s.ordinal || len(s.lines) == 0 {
		return
	}
	state := story.Open
	if late && !s.ended {
		state = story.Sealed
	}
	s.add(state, false, true)
}

// close makes a chunk of the lines that were not handed over. A story that was
// being written ends as interrupted, even if all of its lines are stored. Where the
// journal is partial they may have been handed over, and the story may have ended.
func (s *orphaned) close(partial bool) {
	switch {
	case !s.known: // the record that says what the lines are about is damaged
		if len(s.lines) > 0 {
			s.chunks = append(s.chunks, &orphanedChunk{lines: s.lines})
		}
	case len(s.lines) == 0 && (s.ended || s.ordinal == 0 && !partial):
	case s.ended:
		s.add(story.Open, false, partial)
	case s.header.State == story.Sealed: // it waited for last lines only
		s.add(story.Sealed, s.ordinal == 0, partial)
	default:
		s.add(story.Interrupted, s.ordinal == 0, partial)
	}
}

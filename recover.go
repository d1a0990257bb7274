package dynamoslog

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// remains are the journal of a process that is gone, and the stories in it that
// are not known to be stored.
type remains struct {
	journal *journal.Remains
	stories []*remainder // that are still to be taken
	scanned bool
	damaged bool     // records of it cannot be read
	partial bool     // records of what its process did may be missing, as it is damaged or had no room
	numbers []uint64 // of stories that are not listed yet
	left    int      // chunks that are taken and not settled
	index   int64    // bytes of memory of the stories
}

const (
	perRemainder  = 1 << 10  // bytes of memory that a remainder takes beside its lines, about
	scannedAtOnce = 16 << 10 // stories, where there is memory for them
)

// A remainder is what is left of a story.
type remainder struct {
	first   journal.Position
	header  story.Header // as it was when it was last written
	known   bool         // the header was found
	damaged bool         // records of the journal are damaged
	ended   bool         // further lines are late ones
	ordinal uint64       // of the chunk that is being filled
	chunks  []*chunkRemainder
	lines   []journal.Position // of that chunk
	resumes map[uint64][]byte  // after the chunks of these ordinals
	keys    []story.Key        // that it had, the last one last
	telling *telling
	told    uint64 // ordinal of the chunk that goes on where telling will stand
	last    *chunk // that was taken; nil before the first
}

type chunkRemainder struct {
	chunk *chunk
	lines []journal.Position
}

// An adoption is what was found of processes that are gone.
type adoption struct {
	found []*journal.Remains
	err   error
}

// adopt looks for it, on a goroutine of its own: the disk may hang.
func (w *writer) adopt() {
	found, err := journal.Adopt(w.core.opts.Journal)
	select {
	case w.adopted <- adoption{found, err}:
	case <-w.ctx.Done():
		for _, r := range found {
			_ = r.Close() // somebody else's again
		}
	}
}

func (w *writer) takeRemains(a adoption) {
	if a.err != nil {
		w.core.leftTrouble(a.err)
	}
	for _, j := range a.found {
		w.remains = append(w.remains, &remains{journal: j})
	}
	if len(w.remains) == 0 {
		close(w.recovered)
	}
}

func orNothing(err error) error {
	if err == nil {
		return fmt.Errorf("what is intact is stored")
	}
	return err
}

// scan lists what is left of the next stories, so many at a time: all of them may be
// more than there is memory for. It returns whether there were more.
func (r *remains) scan(c *core) bool {
	if !r.scanned {
		r.scanned = true
		r.numbers = numbersOf(r.journal.All())
		if d := r.journal.Damage(); d.Records > 0 || d.Files > 0 {
			r.damaged = true
			c.counts.damaged.Add(int64(d.Records))
			c.leftTrouble(fmt.Errorf("damaged: %d records and %d files could not be read: %w", d.Records, d.Files, orNothing(d.Err)))
		}
	}
	r.partial = r.damaged || r.journal.Refused()
	c.buffered.Add(-r.index)
	if r.index = 0; len(r.numbers) == 0 {
		return false
	}
	many := min(scannedAtOnce, max(int(c.eighths(1)/perRemainder), 64), len(r.numbers))
	first, last := r.numbers[0], r.numbers[many-1]
	r.numbers = r.numbers[many:]
	r.stories = r.remaindersOf(r.journal.All(), first, last)
	r.index = int64(8 * cap(r.numbers))
	for _, s := range r.stories {
		r.index += perRemainder
		for _, k := range s.chunks {
			r.index += int64(8 * cap(k.lines))
		}
	}
	c.buffered.Add(r.index)
	return true
}

// numberOf returns the number of the story that a record is about.
func numberOf(text []byte) (number uint64, r *recordReader, ok bool) {
	if len(text) == 0 {
		return 0, nil, false
	}
	r = &recordReader{text: text[1:]}
	number = r.uint()
	return number, r, !r.failed
}

// numbersOf returns the numbers of all stories, in order.
func numbersOf(records iter.Seq2[journal.Position, []byte]) (numbers []uint64) {
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

// remaindersOf returns the stories of which something is left, the oldest first, of
// those whose numbers are within bounds.
func (r *remains) remaindersOf(records iter.Seq2[journal.Position, []byte], first, last uint64) (stories []*remainder) {
	byNumber := make(map[uint64]*remainder)
	for at, text := range records {
		number, reader, ok := numberOf(text)
		if !ok || number < first || number > last {
			continue
		}
		s := byNumber[number]
		if s == nil {
			s = &remainder{first: at, damaged: r.damaged, resumes: make(map[uint64][]byte)}
			byNumber[number] = s
		}
		s.read(text[0], reader, at)
	}
	for _, s := range slices.SortedFunc(maps.Values(byNumber), func(a, b *remainder) int {
		return cmp.Compare(a.first, b.first)
	}) {
		if s.close(r.partial); len(s.chunks) > 0 {
			stories = append(stories, s)
		}
	}
	return stories
}

// read takes note of a record of the story.
func (s *remainder) read(kind byte, r *recordReader, at journal.Position) {
	switch kind {
	case recordLine:
		s.lines = append(s.lines, at)
	case recordStory:
		ordinal, flags := r.uint(), r.uint()
		header := r.header()
		if r.failed {
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
			after := r.uint()
			s.resumes[after] = slices.Clone(r.text)
		}
	case recordChunk:
		k := readChunk(r)
		if r.failed {
			return
		}
		s.setHeader(k.header)
		s.ended = s.ended || k.ends()
		s.ordinal = k.entry.ordinal + 1
		k.doubt = len(s.lines) != k.count
		if _, done := s.resumes[k.entry.ordinal]; !done {
			s.chunks = append(s.chunks, &chunkRemainder{k, s.lines})
		}
		s.lines = nil
	case recordDone:
		ordinal := r.uint()
		s.resumes[ordinal] = slices.Clone(r.text)
		s.ended = s.ended || resumeHasEnded(r.text)
		s.chunks = slices.DeleteFunc(s.chunks, func(k *chunkRemainder) bool { return k.chunk.entry.ordinal == ordinal })
		if s.ordinal == ordinal { // its chunk record is missing
			s.lines, s.ordinal = nil, ordinal+1
		}
		if len(s.chunks) == 0 && len(s.lines) == 0 { // most stories: little is kept of them
			if s.ended {
				s.header.Title, s.header.Attrs = "", nil
			}
			maps.DeleteFunc(s.resumes, func(before uint64, _ []byte) bool { return before < ordinal })
		}
	}
}

// setHeader takes note of what the story is about.
func (s *remainder) setHeader(h story.Header) {
	s.header, s.known = h, true
	if !slices.Contains(s.keys, h.Key) {
		s.keys = append(s.keys, h.Key)
	}
}

// closeBefore makes a chunk of lines whose chunk record is missing, as others follow.
func (s *remainder) closeBefore(ordinal uint64, late bool) {
	if ordinal == s.ordinal || len(s.lines) == 0 {
		return
	}
	k := &chunk{header: s.header, late: s.ended, doubt: true}
	k.entry.ordinal = s.ordinal
	if k.header.State = story.Open; late && !s.ended {
		k.header.State = story.Sealed
	}
	s.chunks = append(s.chunks, &chunkRemainder{k, s.lines})
	s.lines = nil
}

// close makes a chunk of the lines that were not handed over. A story that was
// being written ends as interrupted, even if all of its lines are stored. Where the
// journal is partial they may have been handed over, and the story may have ended.
func (s *remainder) close(partial bool) {
	if !s.known { // the record that says what the lines are about is damaged
		if len(s.lines) > 0 {
			s.chunks = append(s.chunks, &chunkRemainder{&chunk{}, s.lines})
		}
		return
	}
	if len(s.lines) == 0 && (s.ended || s.ordinal == 0 && !partial) {
		return
	}
	k := &chunk{header: s.header, late: s.ended, whole: s.ordinal == 0 && !s.ended, doubt: partial}
	k.entry.ordinal = s.ordinal
	if k.header.State = story.Interrupted; s.ended {
		k.header.State = story.Open
	}
	s.chunks = append(s.chunks, &chunkRemainder{k, s.lines})
}

// next reads the next chunk, in the order in which each story's were made, or
// returns nil. Where a record is damaged meanwhile, its line is missing.
func (r *remains) next(c *core) *chunk {
	for len(r.stories) > 0 {
		s := r.stories[0]
		if len(s.chunks) == 0 {
			r.stories[0] = nil
			r.stories = r.stories[1:]
			continue
		}
		from := s.chunks[0]
		s.chunks = s.chunks[1:]
		k := from.chunk
		r.load(c, k, from.lines)
		if s.telling == nil {
			s.telling = c.newTelling()
		}
		if !s.known {
			text, _ := s.telling.format(&k.lines, &sheet{})
			k.lines.Release(&c.blocks)
			c.fallback.add("recovered lines of a story whose name is lost", text, true)
			continue
		}
		if resume, ok := s.resumes[k.entry.ordinal-1]; ok {
			reader := &recordReader{text: resume}
			k.from = reader.resume()
		} else if k.entry.ordinal != s.told { // how far the story is stored is not known
			k.doubt = true
		}
		if s.told = k.entry.ordinal + 1; k.doubt {
			s.told = 0 // nor is it after that
		}
		k.after, k.keys, s.last = s.last, s.keys, k
		k.telling, k.remains = s.telling, r
		r.left++
		return k
	}
	return nil
}

// load reads the lines of a chunk.
func (r *remains) load(c *core, k *chunk, positions []journal.Position) {
	var buf []byte
	for _, at := range positions {
		text, err := r.journal.Read(at, buf[:0])
		if err != nil || !addRecord(&k.lines, &c.blocks, text) {
			c.counts.damaged.Add(1)
			continue
		}
		buf = text
	}
	k.doubt = k.doubt || k.lines.Count < len(positions)
	k.count = k.lines.Count
	c.counts.recovered.Add(int64(k.count))
	if k.header.State == story.Interrupted {
		k.interrupt()
	}
}

// interrupt makes the header say what is known of a story that did not end.
func (k *chunk) interrupt() {
	h := &k.header
	k.lines.Each(func(facts linebuf.Meta, _, _ string) {
		h.MaxLevel = max(h.MaxLevel, facts.Level)
		h.Duration = max(h.Duration, facts.Since())
	})
	h.Updated = h.Start.Add(h.Duration).Truncate(time.Millisecond)
}

// resumeFrom goes on where another telling of the story stood.
func (t *telling) resumeFrom(other *telling) {
	t.tree, t.key, t.parts, t.lines = other.tree, other.key, other.parts, other.lines
	t.begun, t.ended, t.empty, t.former = other.begun, other.ended, other.empty, other.former
	t.level = other.level
	t.refused, t.shed, t.taken = other.refused, other.shed, nil
}

// recover takes the next chunk of what earlier processes left, or nil, and
// removes remains of which everything is settled.
func (w *writer) recover() *chunk {
	if k := w.ready; k != nil {
		w.ready = nil
		return k
	}
	for len(w.remains) > 0 && w.asked == nil {
		if w.doubtful != nil {
			w.askNext()
			return nil
		}
		r := w.remains[0]
		if k := r.next(w.core); k != nil && k.doubt {
			w.doubtful = k
			continue
		} else if k != nil {
			return k
		}
		if r.scan(w.core) {
			continue
		}
		w.core.mu.Lock()
		left := r.left
		w.core.mu.Unlock()
		if left > 0 {
			return nil
		}
		if err := r.journal.Remove(); err != nil {
			w.core.leftTrouble(err)
		}
		if w.remains = w.remains[1:]; len(w.remains) == 0 {
			close(w.recovered)
		}
	}
	return nil
}

// waitForRecovery waits until what earlier processes left is stored as well.
func (c *core) waitForRecovery(ctx context.Context) error {
	c.mu.Lock()
	w := c.writer
	c.mu.Unlock()
	if w == nil || c.opts.Journal == "" {
		return nil
	}
	c.signal()
	select {
	case <-w.recovered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("dynamoslog: what an earlier process left is still in the journal in %s: %w", c.opts.Journal, ctx.Err())
	}
}

package compose

import (
	"errors"
	"log/slog"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/record"
	"github.com/dynamoslog/dynamoslog/story"
)

// A resume is how far a story is written down, in bytes: a journal holds it, so that the
// next process can go on from there.

// Flags of a resume. Of the first four one is set at most, but for flagRefused, with
// which flagDropped stands.
const (
	flagWritten = 1 << iota
	flagNotKept // by Keep, or dropped
	flagDropped
	flagEmpty
	flagEnded
	flagLevel // the level of the final header stands at the end
	flagCause // and why the story is bad, and the paths of its trees
	flagAlso  // and the keys under which it is listed, as far as they are known
)

var flagsOf = [...]uint64{unwritten: 0, written: flagWritten, empty: flagEmpty, notKept: flagNotKept, dropped: flagNotKept | flagDropped}

// AppendResume appends how far the story is written down.
func (c *Composer) AppendResume(out []byte) []byte {
	w := record.Writer(out)
	w.Text(c.key.Kind)
	w.Text(c.key.ID)
	w.Uint(uint64(c.parts))
	w.Uint(uint64(c.lines))
	flags := flagsOf[c.phase] | flagLevel | flagCause
	if c.ended {
		flags |= flagEnded
	}
	also := c.also.All()
	if len(also) > 0 {
		flags |= flagAlso
	}
	w.Uint(flags)
	indent := uint64(0)
	if c.tree.byCaller {
		indent = 1
	}
	w.Uint(indent)
	w.Uint(uint64(len(c.tree.lanes)))
	for _, b := range c.tree.lanes {
		w.Int(int64(b.frames))
		w.Int(int64(b.base))
		w.Uint(uint64(len(b.open)))
		for n := range b.open {
			w.Int(int64(b.open[n].frames))
		}
		w.Ints(b.shown)
	}
	w.Uint(uint64(len(c.former)))
	for key, f := range c.former {
		w.Text(key.Kind)
		w.Text(key.ID)
		w.Uint(uint64(f.parts))
		w.Uint(uint64(f.lines))
	}
	w.Int(int64(c.level))
	why := c.cause
	if why == nil {
		why = &cause{}
	}
	w.Int(int64(why.level))
	w.Text(why.text)
	w.Text(why.id)
	w = append(w, why.path[:]...)
	for i := range c.tree.lanes {
		b := &c.tree.lanes[i]
		for n := range b.open {
			path := b.path(n)
			w = append(w, path[:]...)
		}
		w.Uint(uint64(b.lost))
	}
	if len(also) > 0 {
		w.Keys(also)
	}
	return w
}

// DroppedResume returns the resume of a story of which a chunk was dropped before it was
// written down.
func DroppedResume(k *Chunk) []byte {
	c := Composer{key: k.Header.Key, phase: dropped, ended: k.Ends()}
	return c.AppendResume(nil)
}

// Ended reports whether a resume is of a story that has ended.
func Ended(resume []byte) bool {
	r := record.Reader{Left: resume}
	r.Text() // the key
	r.Text()
	r.Uint() // parts
	r.Uint() // lines
	return r.Uint()&flagEnded != 0
}

var errResume = errors.New("a resume that cannot be read")

// Resume goes on where a resume stands. What was found of the story before is forgotten.
func (c *Composer) Resume(resume []byte) error {
	r := record.Reader{Left: resume}
	var n Composer
	n.key = story.Key{Kind: r.Text(), ID: r.Text()}
	n.parts, n.lines = r.Number(), r.Number()
	flags := r.Uint()
	n.phase, n.ended = phaseOf(flags), flags&flagEnded != 0
	n.tree.byCaller = r.Number() == 1
	for range r.Count() {
		b := branch{frames: r.Signed(), base: r.Signed()}
		for _, frames := range r.Ints() {
			b.open = append(b.open, openLine{frames: frames, known: true})
		}
		b.shown = r.Ints()
		n.tree.lanes = append(n.tree.lanes, b)
	}
	if count := r.Count(); count > 0 {
		n.former = make(map[story.Key]formerKey, count)
		for range count {
			key := story.Key{Kind: r.Text(), ID: r.Text()}
			n.former[key] = formerKey{r.Number(), r.Number()}
		}
	}
	if flags&flagLevel != 0 {
		n.level = slog.Level(r.Int())
	}
	n.readCause(&r, flags&flagCause != 0)
	if flags&flagAlso != 0 {
		n.also = &alias.Keys{}
		n.also.AddAll(r.Keys())
	}
	if r.Failed {
		return errResume
	}
	*c = n
	return nil
}

// readCause reads why the story is bad. What was written before that was noted has
// lines whose callers are not known.
func (c *Composer) readCause(r *record.Reader, noted bool) {
	if !noted {
		return
	}
	c.cause = &cause{level: slog.Level(r.Signed()), text: r.Text(), id: r.Text()}
	copy(c.cause.path[:], r.Take(len(c.cause.path)))
	for i := range c.tree.lanes {
		b := &c.tree.lanes[i]
		for n := range b.open {
			line := &b.open[n]
			copy(line.path[:], r.Take(len(line.path)))
		}
		b.lost = r.Number()
	}
}

func phaseOf(flags uint64) phase {
	switch {
	case flags&flagDropped != 0:
		return dropped
	case flags&flagNotKept != 0:
		return notKept
	case flags&flagEmpty != 0:
		return empty
	case flags&flagWritten != 0:
		return written
	}
	return unwritten
}

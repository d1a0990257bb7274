package compose

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/linebuf"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Chunk is a piece of a story that was handed over to be stored.
type Chunk struct {
	Lines   linebuf.Lines
	Header  *story.Header // of which the state is Open where the chunk is Middle or Late; it becomes that of a part
	Place   Place
	Dropped int // lines that were dropped for want of memory, of which a note has to tell

	notes int // how many of the last lines are the handler's own
}

// A Place is where in its story a chunk stands.
type Place uint8

// The places of a chunk. A story is one that is Whole or NotKept, or any number in the
// Middle and one that is Last; then come those that are Late.
const (
	Middle  Place = iota // the story goes on
	Last                 // the story ends, and other chunks came before
	Whole                // all of the story
	NotKept              // all of a story that Options.Keep has refused
	Late                 // lines that came after the story's end
)

// PlaceOf returns the place of a chunk of which is known whether its lines are late, or
// all of the story, and the state in which it leaves that.
func PlaceOf(late, whole bool, state story.State) Place {
	switch {
	case late:
		return Late
	case state == story.Open:
		return Middle
	case whole:
		return Whole
	}
	return Last
}

// Ends reports whether the story ends with the chunk.
func (k *Chunk) Ends() bool { return k.Place == Last || k.IsWhole() }

// IsWhole reports whether the chunk is all of its story.
func (k *Chunk) IsWhole() bool { return k.Place == Whole || k.Place == NotKept }

// Interrupt makes the header say what is known of a story that did not end.
func (k *Chunk) Interrupt() {
	h := k.Header
	k.Lines.Each(func(m linebuf.Meta, _, _ string) {
		h.MaxLevel = max(h.MaxLevel, m.Level)
		h.Duration = max(h.Duration, m.Since())
	})
	h.Updated = h.Start.Add(h.Duration).Truncate(time.Millisecond)
}

// leaveOut takes the quieter lines out of a calm story, says what is missing, and
// returns how many they were.
func (k *Chunk) leaveOut(quiet *slog.Level, pool *linebuf.Pool) (dropped int) {
	if quiet != nil && k.Header.MaxLevel < slog.LevelWarn {
		dropped = k.Lines.KeepFrom(pool, *quiet)
		if dropped > 0 && !k.IsWhole() {
			k.note(pool, slog.LevelDebug, Count(dropped, "quieter line", "quieter lines")+" left out")
		}
	}
	if k.Dropped > 0 {
		k.note(pool, slog.LevelWarn, k.droppedNote())
	}
	return dropped
}

// droppedNote is the message that stands for lines that were dropped.
func (k *Chunk) droppedNote() string {
	return Count(k.Dropped, "line", "lines") + " dropped: memory was full"
}

// FitsHeader reports whether the chunk's text surely goes into the part with the header.
func (k *Chunk) FitsHeader() bool {
	if !story.FitsHeader(k.Lines.Size) {
		return false // without a look at each line
	}
	most := k.Lines.MostText()
	if k.Dropped > 0 {
		most += story.LineBound(k.droppedNote(), "")
	}
	return story.FitsHeader(most)
}

// note appends a line of the handler's own.
func (k *Chunk) note(pool *linebuf.Pool, level slog.Level, message string) {
	m := linebuf.Meta{Level: level, Message: uint32(len(message))}
	k.Lines.Each(func(last linebuf.Meta, _, _ string) { m.Offset, m.Lane = last.Offset, last.Lane })
	k.Lines.Add(pool, &m, message, nil)
	k.notes++
}

// Count tells a number of things by their name, as "1 line" or "2 lines".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

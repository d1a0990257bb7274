package story

import (
	"log/slog"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/storyid"
)

// Limits of what a store is handed. Nothing is truncated to fit them but a
// title and a cause: longer text goes into further parts.
const (
	MaxTitle      = 200      // bytes of a [Header]'s Title
	MaxCause      = 200      // bytes of a [Header]'s Cause
	MaxProblem    = 64       // bytes of a [Header]'s Problem
	MaxAttrs      = 1 << 10  // bytes of all names and values of a [Header]'s Attrs
	MaxPartText   = 64 << 10 // bytes of text in a [Part]
	MaxHeaderText = 8 << 10  // bytes of text in a [Part] that carries a header
)

// FitsHeader reports whether a whole story's text of so many bytes goes into the part
// with its header, so that the story is one part. Larger text goes into parts of its own,
// as [Pieces] cuts it, and the header's part has none.
func FitsHeader(text int) bool { return text <= MaxHeaderText }

// A State says how far a story has come. Every state but [Open] is final.
type State string

// The states of a story.
const (
	Open        State = "open"        // being written
	Sealed      State = "sealed"      // ended
	Continued   State = "continued"   // was open for a day and goes on in another story
	Moved       State = "moved"       // rekeyed after a part was stored; goes on under another key
	Closed      State = "closed"      // ended by the handler's Close
	Abandoned   State = "abandoned"   // its scope was collected before it was ended
	Interrupted State = "interrupted" // recovered after a crash
)

// A Header holds a story's facts without its lines.
type Header struct {
	Key       Key
	ID        string        // as [NewID] makes them; sorts by start
	Start     time.Time     // UTC, in whole microseconds
	Updated   time.Time     // of the last line, or of the end; UTC, in whole milliseconds
	Duration  time.Duration // from start to Updated by the monotonic clock, in whole milliseconds
	State     State
	MaxLevel  slog.Level        // highest level of any line
	LineCount int               // lines stored
	Parts     int               // parts stored beside the header when it was made final
	Title     string            // first message, at most [MaxTitle] bytes
	Attrs     map[string]string // at most [MaxAttrs] bytes; nil when there are none

	// Cause says why a story is bad: what the first line at MaxLevel says that went wrong,
	// as [Line.Cause] has it. At most [MaxCause] bytes. It is empty where MaxLevel is below
	// Warn, where that line was lost, and in headers that were stored before there was one.
	Cause string
	// Problem is the same for stories in which the same went wrong, at any time and in any
	// process: a hash of the key's kind, the cause without what differs from run to run
	// (times, numbers, ids, addresses, what stands in quotes), and so of the lines above it
	// in the call tree, from Info on. Ten of the letters a to z and digits 2 to 7, at most
	// [MaxProblem] bytes where others made it; empty where Cause is.
	Problem string

	// Also are the keys under which the story has aliases, beside its own, in the order of
	// their text; those of a problem and of a trace are among them. At most [MaxAlso]. Read
	// returns them, a list may leave them out. It is set where the story has ended.
	Also []Key
	// Of is set in an alias alone: the key of the story that it stands for, which has the
	// same id. All else is as in that story's header, or as it was.
	Of Key
	// Count is how many stories the alias of a problem stands for, of which this is the last
	// one. Everywhere else it is 0, which means one: see [Header.Stories].
	Count int
}

// Names of header attributes that link stories to each other.
const (
	AttrContinues = "continues"  // id of the story of the same key that this one goes on from
	AttrMovedTo   = "moved_to"   // key under which a moved story goes on, with the same id
	AttrMovedFrom = "moved_from" // key under which it began
)

// A Story is a header and its lines.
type Story struct {
	Header
	Lines []Line
}

const (
	idTime     = storyid.Layout
	idAlphabet = storyid.Alphabet
	idSuffix   = storyid.Suffix
)

// NewID returns a new id for a story that started at start: the time in UTC,
// of fixed width so that ids sort by it, and a random suffix.
func NewID(start time.Time) string { return storyid.Of(start, storyid.Random()) }

// IDTime returns the start that an id of [NewID] tells, and false for ids made
// by others.
func IDTime(id string) (time.Time, bool) {
	if len(id) < len(idTime) {
		return time.Time{}, false
	}
	start, err := time.Parse(idTime, id[:len(idTime)])
	return start, err == nil
}

// IDPrefix returns the part of an id that tells the time t: an id of a story
// that started before t sorts before it, every other one sorts after it. Ids have
// four digits for the year: of other years it returns the nearest time that they tell.
func IDPrefix(t time.Time) string {
	t = t.UTC()
	switch year := t.Year(); {
	case year < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	case year > 9999:
		t = time.Date(10000, 1, 1, 0, 0, 0, -1000, time.UTC)
	}
	return t.Format(idTime)
}

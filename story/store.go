package story

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"
)

// A Store keeps stories. [Memory], sqlitestore.Store and dynamoslog.Table are
// stores; the package storetest checks that an implementation keeps to what is
// said here.
//
// All methods may be called from several goroutines at once, and return soon
// after their context is done, with an error that wraps the context's. Nothing
// that is handed in is kept or changed after a method has returned, and what is
// returned belongs to the caller.
//
// Stories older than the store's time to live are expired: List and Read do not
// show them, whether or not they are still there. All items of a story expire
// together, at its start + 24 hours + the time to live.
type Store interface {
	// Put stores parts, in any order and all at once if it can. It returns nil
	// only when every part is durably stored. A *[PutError] names each part that
	// is not known to be stored, and what to do with it; every other error means that
	// none is, and that the call may be repeated, as after [Retry].
	//
	// Put is idempotent: a part is known by key, id and number, and storing it
	// again, with the same content, changes nothing. A header whose state is Open
	// is stored only where the story has no header yet, and is otherwise already
	// stored; every other header replaces the one before it, but for one that only
	// raises it: see [Part]. One call may name
	// one part twice; the same rules hold then, the later one being put last.
	//
	// The caller keeps to the limits of this package. A part beyond what the
	// store can hold is rejected alone, the others are stored.
	Put(ctx context.Context, parts []Part) error

	// List returns a page of headers that match the query, newest first by id
	// unless the query says otherwise.
	// Where Page.Next is not empty, the query with it as Cursor goes on after
	// this page; a story stored in the meantime never makes one appear twice.
	// The work for a page is bounded, so that a page may hold fewer headers than
	// the limit, or none, and still have a Next.
	// A moved story's header is listed under its key, not over all keys; and so is an
	// alias, among the stories of its key. Where the story of an alias is not there, the
	// alias may be listed or not.
	List(ctx context.Context, q Query) (Page, error)

	// Read returns a story with its lines, those of late parts last. The empty
	// id means the key's latest. Where the key or the id has no story the error
	// wraps [ErrNotFound]. By an alias, which may be the key's latest as well, it reads the
	// story that this stands for, under that story's own key.
	//
	// An open story is read as far as its parts are there without a gap. In the
	// others a line at level Warn stands in the place of missing parts.
	// The header counts what was read: see [Assemble].
	//
	// What is stored may be anybody's: of a story no more is read, and held in
	// memory, than [MaxReadLines], [MaxReadText] and [MaxReadParts], headers are
	// [Header.Bounded], and what cannot be read keeps nobody from the rest.
	Read(ctx context.Context, key Key, id string) (Story, error)

	// Delete removes a story with all its parts and its aliases, as its header has them in
	// Also; the empty id means every story of the key, the expired ones included, and the
	// aliases under that key, whose stories stay. By the id of an alias that alone is
	// removed. Where there was nothing to remove the error wraps [ErrNotFound].
	Delete(ctx context.Context, key Key, id string) error
}

// A PartReader is a [Store] that also returns a story as it is kept. The stores of
// this module are. The handler needs it where a crash has left a journal that does
// not tell all: so that what it recovers takes the place of nothing that is stored.
type PartReader interface {
	Store

	// ReadParts returns the parts that are there of one story, by number, within the
	// bounds of Read. Where there are none the error wraps [ErrNotFound]: an alias has none.
	ReadParts(ctx context.Context, key Key, id string) ([]Part, error)
}

// A Preparer is a [Store] that can do some of Put's work ahead of it. The handler has it
// prepare parts as stories end, one by one, because all of a batch at once holds up those
// who log where processors are few.
//
// A type that embeds a Preparer is one as well. Its Put is called all the same, and hands
// the parts on with what was prepared, or changed: see [Part.Prepared].
type Preparer interface {
	Store

	// Prepare returns what is to be the Prepared of the part, and about how many bytes of
	// memory that takes. It makes no call and does not wait. Where nothing can be
	// prepared, as before the first call or of a part that Put will reject, it returns nil
	// and 0.
	Prepare(part Part) (prepared any, size int)
}

// A Meter is a [Store] that counts what its calls consume, in the units by which it is
// billed. The handler shows them as Stats.WriteUnits.
type Meter interface {
	Store

	// Consumed returns the units of writing and of reading since the store was opened. It
	// makes no call and does not wait.
	Consumed() (writeUnits, readUnits float64)
}

// A Part is a piece of a story that a store keeps as one item.
type Part struct {
	Key Key
	ID  string // the story's
	// Number tells the parts of a story apart and orders their text.
	// Part 0 carries the header, and text too where the story is short. An alias is one
	// that has no text.
	Number int
	Header *Header // of part 0, nil otherwise
	// Raise is set of a part 0 that changes a header which is stored and final, for
	// lines that came after the story's end: its MaxLevel, Cause, Problem and LineCount
	// become those of Header, where MaxLevel is higher than what is stored, and Also where it
	// is not empty there. All else stays. An alias is raised in the same way, as lists show
	// it; a store that takes what they show from the story's own header need not do anything.
	// Where there is no such header, nothing is stored, and that is no failure.
	Raise bool
	// Text is a piece of what [Format] gives: at most [MaxPartText] bytes, or
	// [MaxHeaderText] in part 0, of valid UTF-8. A line may begin in one part
	// and end in the next.
	Text string
	// Prepared is what [Preparer.Prepare] made of this part, or nil. It is no part of what
	// is stored, and means something only to the store that made it, whose Put uses it
	// where all else is as it was: who changes a part before it is put need not clear it.
	// Every other store ignores it, and does not keep it.
	Prepared any
}

// A Query selects headers. Its zero value selects all.
type Query struct {
	Key   Key    // only this object's, unless zero
	Kind  string // only keys of this kind, unless empty
	Since time.Time
	Until time.Time // only stories that started at Since or later, and before Until, unless zero
	// MinLevel selects stories whose highest level is at least this, unless nil.
	MinLevel slog.Leveler
	// Text selects stories whose title contains it, in upper or lower case.
	Text string
	// OldestFirst turns the order round. A cursor goes on in the order it came from.
	OldestFirst bool
	Limit       int    // the most headers in a page; 50 if zero, at most 1000
	Cursor      string // Page.Next of the page before
}

// A Page is one answer of [Store.List].
type Page struct {
	Headers []Header
	Next    string // cursor of the page after this one; empty at the end
	// Looked is how many headers were looked at for this page, those that the query leaves
	// out included, and Back when the last of them began. They are zero where the store
	// does not tell: [Lookup] then goes by Headers.
	Looked int
	Back   time.Time
}

// ErrNotFound says that a store has no such story.
var ErrNotFound = errors.New("story: not found")

// ErrBadCursor says that a query's cursor is not one that the store gave.
var ErrBadCursor = errors.New("story: not a cursor of this store")

// What a store's errors wrap where it is known who has to do something. Of a part that
// was not stored, the [Outcome] says the same to a writer.
var (
	// ErrUnusable says that nothing can be stored or read until somebody mends a
	// misconfiguration: a missing table, no access, no credentials, a full disk.
	ErrUnusable = errors.New("story: the store cannot be used as it is")
	// ErrBusy says that the store takes no more at the moment: try a little later.
	ErrBusy = errors.New("story: the store is busy")
)

// PageLimit returns the query's limit with its default and bounds applied.
func (q Query) PageLimit() int {
	switch {
	case q.Limit <= 0:
		return 50
	case q.Limit > 1000:
		return 1000
	}
	return q.Limit
}

// Match reports whether a header is one that the query selects. It looks at
// neither the limit nor the cursor. Every store decides by it, or as it does.
func (q Query) Match(h Header) bool {
	if !q.Key.IsZero() && q.Key != h.Key {
		return false
	}
	if q.Kind != "" && q.Kind != h.Key.Kind {
		return false
	}
	if !q.Since.IsZero() && h.Start.Before(q.Since) {
		return false
	}
	if !q.Until.IsZero() && !h.Start.Before(q.Until) {
		return false
	}
	if q.MinLevel != nil && h.MaxLevel < q.MinLevel.Level() {
		return false
	}
	return q.Text == "" || strings.Contains(strings.ToLower(h.Title), strings.ToLower(q.Text))
}

// An Outcome says why a part was not stored, and so what a writer does with it. The
// handler goes by the outcome alone, whatever the error wraps: a store that returns
// Retry with an error that wraps [ErrBusy] is taken to have a passing fault, and is not
// sent less. An outcome that it does not know is Retry to it.
type Outcome int

// The outcomes of a part that was not stored.
const (
	// Retry is a passing fault, as of the network. The handler puts the same part again,
	// after a delay that grows with each failure in a row up to 20 seconds: of the story
	// where other parts were stored, of everything where none was.
	Retry Outcome = iota

	// Busy says that the store takes no more at the moment, as where capacity is used up
	// or another process holds a lock; the error wraps [ErrBusy]. The handler puts the
	// same part again after a delay of its story, and sends less: parts of one key if
	// several of it and of no other are refused, else all. That is no outage: what the
	// store takes meanwhile goes on.
	Busy

	// Wait says that nothing can be stored until somebody mends a misconfiguration; the
	// error wraps [ErrUnusable]. The handler tries with a part every 2 seconds at most,
	// and those who wait for Flush, Shutdown or Close are told at once.
	Wait

	// Reject says that this part can never be stored as it is. The handler does not put
	// it again: it goes to the fallback, and is counted.
	Reject
)

func (o Outcome) String() string {
	switch o {
	case Retry:
		return "retry"
	case Busy:
		return "busy"
	case Wait:
		return "wait"
	case Reject:
		return "reject"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// A PutError is returned by [Store.Put] when some parts were not stored, or are
// not known to be.
type PutError struct {
	Failures []PutFailure // in the order of their index, each index once
}

// A PutFailure tells why a part was not stored.
type PutFailure struct {
	Index   int // of the part in the call's slice
	Outcome Outcome
	Err     error // never nil; wraps ErrBusy where Outcome is Busy, and ErrUnusable where it is Wait
}

func (e *PutError) Error() string {
	if len(e.Failures) == 0 {
		return "story: parts not stored"
	}
	first := e.Failures[0]
	if len(e.Failures) == 1 {
		return fmt.Sprintf("story: a part was not stored (%v): %v", first.Outcome, first.Err)
	}
	return fmt.Sprintf("story: %d parts were not stored, the first (%v): %v", len(e.Failures), first.Outcome, first.Err)
}

// Unwrap returns the errors of the failures.
func (e *PutError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f.Err
	}
	return errs
}

// All returns the headers that a query selects, over all pages from its cursor
// on. It stops after the first error.
func All(ctx context.Context, s Store, q Query) iter.Seq2[Header, error] {
	return func(yield func(Header, error) bool) {
		for {
			page, err := s.List(ctx, q)
			if err != nil {
				yield(Header{}, err)
				return
			}
			for _, h := range page.Headers {
				if !yield(h, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Cursor = page.Next
		}
	}
}

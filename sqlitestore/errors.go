package sqlitestore

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dynamoslog/dynamoslog/story"
)

// An explained error says in its text what to do, and by what it wraps who has
// to do something.
type explained struct {
	text string
	errs []error
}

func (e *explained) Error() string { return e.text }

func (e *explained) Unwrap() []error { return e.errs }

// advices tell by SQLite's code what to do and which errors it is.
var advices = map[int]struct {
	text string
	is   []error
}{
	sqlite3.SQLITE_BUSY:     {": another process is writing to it; try again", []error{story.ErrBusy}},
	sqlite3.SQLITE_LOCKED:   {": another process is writing to it; try again", []error{story.ErrBusy}},
	sqlite3.SQLITE_FULL:     {": the disk is full; make room", []error{story.ErrUnusable}},
	sqlite3.SQLITE_READONLY: {writable, []error{story.ErrUnusable}},
	sqlite3.SQLITE_CANTOPEN: {writable, []error{story.ErrUnusable}},
	sqlite3.SQLITE_PERM:     {writable, []error{story.ErrUnusable}},
	sqlite3.SQLITE_NOTADB:   {": it is no file of stories; name another file", []error{ErrNotStore, story.ErrUnusable}},
	sqlite3.SQLITE_TOOBIG:   {": the part is larger than SQLite can hold", nil},
	sqlite3.SQLITE_CORRUPT: {": the file is damaged; move it away, what can be read of it 'sqlite3 FILE .recover' shows",
		[]error{story.ErrUnusable}},
}

const writable = ": the file and its folder must be writable; make them so, or name another file"

// For a store that is opened for reading only.
const (
	onlyRead = ": it is opened for reading only"
	needsShm = ": it may not be read, or its last changes are in the file of its name with -wal, which cannot be read in a folder where " +
		"nothing can be written: make the file readable, or copy both to another folder"
)

// notStore is the error for a file that is something else.
func notStore(format string, args ...any) error {
	return &explained{
		text: fmt.Sprintf("%v: "+format, append([]any{ErrNotStore}, args...)...),
		errs: []error{ErrNotStore, story.ErrUnusable},
	}
}

// failed says why a call that began has failed.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return contextError(ctx)
	case s.closed.Load():
		return fmt.Errorf("%w: %s %s: %w", ErrClosed, doing, s.path, err)
	}
	return s.explain(doing, err)
}

// contextError wraps the error of a context that is done, and its cause.
func contextError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("sqlitestore: %w: %w", ctx.Err(), cause)
	}
	return fmt.Errorf("sqlitestore: %w", ctx.Err())
}

// explain turns an error of SQLite into one that says what to do.
func (s *Store) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	advice := advices[errorCode(err)]
	if s.readOnly && advice.text == writable {
		advice.text = onlyRead
		if doing == "opening" || doing == "reading" {
			advice.text = needsShm
		}
	}
	return &explained{
		text: fmt.Sprintf("sqlitestore: %s %s%s: %v", doing, s.path, advice.text, err),
		errs: append([]error{err}, advice.is...),
	}
}

func errorCode(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// tooBig reports whether SQLite can never hold what it was given.
func tooBig(err error) bool { return errorCode(err) == sqlite3.SQLITE_TOOBIG }

// outcomeOf says what a writer should do after an explained error.
func outcomeOf(err error) story.Outcome {
	switch {
	case tooBig(err):
		return story.Reject
	case errors.Is(err, story.ErrUnusable):
		return story.Wait
	case errors.Is(err, story.ErrBusy):
		return story.Busy
	}
	return story.Retry
}

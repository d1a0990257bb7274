package storetest

import (
	"errors"
	"fmt"

	"github.com/dynamoslog/dynamoslog/story"
)

// CheckPutError checks what a Put of so many parts has returned, and says what of it
// breaks the contract of [story.PutError]: each part is named once, in order, with an
// error and an outcome that package story knows, and [story.Busy] and [story.Wait] are
// where the error wraps [story.ErrBusy] and [story.ErrUnusable]. [Run] and [Check] cannot
// make a store busy: a store's own tests can, and check by this what it says then.
func CheckPutError(parts int, err error) error {
	var failed *story.PutError
	if !errors.As(err, &failed) {
		return nil
	}
	if len(failed.Failures) == 0 {
		return errors.New("a PutError names no part")
	}
	last := -1
	for _, f := range failed.Failures {
		if f.Index <= last || f.Index >= parts {
			return fmt.Errorf("a PutError of %d parts names part %d after part %d, want each that failed, once and in order", parts, f.Index, last)
		}
		if err := checkFailure(f); err != nil {
			return fmt.Errorf("part %d was not stored: %w", f.Index, err)
		}
		last = f.Index
	}
	return nil
}

func checkFailure(f story.PutFailure) error {
	busy, unusable := errors.Is(f.Err, story.ErrBusy), errors.Is(f.Err, story.ErrUnusable)
	switch {
	case f.Err == nil:
		return fmt.Errorf("the outcome %v has no error", f.Outcome)
	case f.Outcome < story.Retry || f.Outcome > story.Reject:
		return fmt.Errorf("got the outcome %d, which package story does not know: %w", int(f.Outcome), f.Err)
	case (f.Outcome == story.Busy) != busy && f.Outcome != story.Reject:
		return fmt.Errorf("got the outcome %v, want Busy where the error wraps ErrBusy, and nowhere else: %w", f.Outcome, f.Err)
	case (f.Outcome == story.Wait) != unusable && f.Outcome != story.Reject:
		return fmt.Errorf("got the outcome %v, want Wait where the error wraps ErrUnusable, and nowhere else: %w", f.Outcome, f.Err)
	}
	return nil
}

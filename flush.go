package dynamoslog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/compose"
	"github.com/dynamoslog/dynamoslog/internal/delivery"
)

// UnwrittenError is returned by Flush, Shutdown and Close when not everything is
// stored: what waited for the store when they were called, or was open. Lines is 0
// where only the ends of stories are not.
type UnwrittenError struct {
	Lines, Stories int
	Where          string // where they are now
	err            error
}

func (e *UnwrittenError) Error() string {
	what, verb, they := compose.Count(e.Lines, "line", "lines"), "are", "they are"
	if e.Lines == 0 {
		what = "the end"
	}
	if e.Lines == 1 || e.Lines == 0 && e.Stories == 1 {
		verb, they = "is", "it is"
	} else if e.Lines == 0 {
		what = "the ends"
	}
	text := fmt.Sprintf("dynamoslog: %s of %s %s not stored; %s %s", what, compose.Count(e.Stories, "story", "stories"), verb, they, e.Where)
	if e.err != nil {
		text += ": " + strings.TrimPrefix(e.err.Error(), "dynamoslog: ")
	}
	return text
}

// Unwrap returns the reasons: the context's error, and what the store said last.
func (e *UnwrittenError) Unwrap() error { return e.err }

func unwritten(left *delivery.Left) error {
	if left == nil {
		return nil
	}
	return &UnwrittenError{Lines: left.Lines, Stories: left.Stories, Where: left.Where, err: left.Err}
}

// Flush stores everything that was logged before the call, open stories included
// as far as they go, and waits for it. Where the context ends before, the store
// rejects something, or says that it cannot be used (an error that wraps
// [story.ErrUnusable]), the error is an *[UnwrittenError].
func (h *Handler) Flush(ctx context.Context) error { return unwritten(h.core.delivery.Flush(ctx)) }

// Close is Shutdown with five seconds.
func (h *Handler) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return h.Shutdown(ctx)
}

// Shutdown seals every open story, as Closed, stores what is left and ends the
// handler's goroutine. What cannot be stored before the context ends stays in the
// journal, for the next handler that uses it, or goes to Options.Fallback, and the
// error, an *[UnwrittenError], counts it. It does not wait for a store that says that it
// cannot be used, as where the table is missing. That an earlier process left more in the
// journal than could be stored is an error as well. What is logged later goes to
// the fallback.
//
// It returns 50 milliseconds after the context has ended at the latest, whatever
// the store, the disk and the fallback do: what they have not taken by then is
// counted as in memory. Shutting down again waits for the same end, and returns
// what is not stored then.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.core.stories.close()
	left, err := h.core.delivery.Shutdown(ctx)
	return errors.Join(unwritten(left), err)
}

// How long a record from log.Fatal or log.Panic waits in all, and for the store: Shutdown
// may take 50 ms more, and what it says has to be written.
const (
	lastPatience  = 2 * time.Second
	storePatience = lastPatience - 100*time.Millisecond
)

// lastWords waits until everything is stored, as a function of package log may end the
// program now. Where that is log.Fatal, which does so in any case, nothing stays open.
func (h *Handler) lastWords(function string) {
	ctx, cancel := context.WithTimeout(context.Background(), lastPatience)
	defer cancel()
	inTime, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	wait := h.Flush
	if strings.HasPrefix(function, "log.Fatal") {
		wait = h.Shutdown
	}
	if err := wait(inTime); err != nil {
		h.core.delivery.LastWords(strings.TrimPrefix(err.Error(), "dynamoslog: "), nil)
	}
	h.core.delivery.AwaitFallback(ctx)
}

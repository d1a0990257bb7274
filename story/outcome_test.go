package story_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

func TestOutcomes(t *testing.T) {
	for want, outcome := range map[string]story.Outcome{
		"retry": story.Retry, "busy": story.Busy, "wait": story.Wait, "reject": story.Reject, "Outcome(9)": 9,
	} {
		if got := outcome.String(); got != want {
			t.Errorf("outcome %d: got %q, want %q", int(outcome), got, want)
		}
	}
	if zero := (story.PutFailure{}).Outcome; zero != story.Retry {
		t.Errorf("a failure that names no outcome is %v, want retry", zero)
	}
}

func TestCheckPutError(t *testing.T) {
	fault := errors.New("a fault")
	busy, unusable := fmt.Errorf("locked: %w", story.ErrBusy), fmt.Errorf("no table: %w", story.ErrUnusable)
	for _, c := range []struct {
		name     string
		failures []story.PutFailure
		good     bool
	}{
		{"each outcome", []story.PutFailure{{0, story.Retry, fault}, {1, story.Busy, busy}, {2, story.Wait, unusable}, {4, story.Reject, fault}}, true},
		{"rejected for want of access", []story.PutFailure{{0, story.Reject, unusable}}, true},
		{"none", nil, false},
		{"twice", []story.PutFailure{{1, story.Retry, fault}, {1, story.Retry, fault}}, false},
		{"disorder", []story.PutFailure{{1, story.Retry, fault}, {0, story.Retry, fault}}, false},
		{"before the first", []story.PutFailure{{-1, story.Retry, fault}}, false},
		{"behind the last", []story.PutFailure{{5, story.Retry, fault}}, false},
		{"no error", []story.PutFailure{{0, story.Retry, nil}}, false},
		{"an unknown outcome", []story.PutFailure{{0, 9, fault}}, false},
		{"busy hidden in a retry", []story.PutFailure{{0, story.Retry, busy}}, false},
		{"busy that the error does not tell", []story.PutFailure{{0, story.Busy, fault}}, false},
		{"unusable hidden in a retry", []story.PutFailure{{0, story.Retry, unusable}}, false},
		{"wait that the error does not tell", []story.PutFailure{{0, story.Wait, fault}}, false},
	} {
		if err := storetest.CheckPutError(5, &story.PutError{Failures: c.failures}); (err == nil) != c.good {
			t.Errorf("%s: got %v, want it to pass: %v", c.name, err, c.good)
		}
	}
	for _, err := range []error{nil, fault} {
		if err := storetest.CheckPutError(5, err); err != nil {
			t.Error(err)
		}
	}
}

package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A table takes so many units a second and no more, as DynamoDB does.
type meter struct {
	rate, credit  float64
	at            time.Time
	took, refused float64
}

func (m *meter) fault(hot string) func(context.Context, []story.Part) error {
	return func(_ context.Context, parts []story.Part) error {
		now := time.Now()
		m.credit = min(m.credit+m.rate*now.Sub(m.at).Seconds(), m.rate)
		m.at = now
		var failures []story.PutFailure
		for i, part := range parts {
			units := 1 + float64(len(part.Text)/1024)
			if m.credit < units || part.Key.ID == hot {
				m.refused += units
				failures = append(failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: story.ErrBusy})
				continue
			}
			m.credit -= units
			m.took += units
		}
		if failures == nil {
			return nil
		}
		return &story.PutError{Failures: failures}
	}
}

// The rate adapts to what the table takes: nearly all of it is used, and little
// more is asked for.
func TestPaceAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &meter{rate: 25, at: time.Now()}
		store := &faulty{Memory: story.NewMemory(), fault: table.fault("")}
		h := dynamoslog.New(store, nil)
		const stories = 5000
		for i := range stories {
			ctx, scope := dynamoslog.Begin(t.Context(), "user", i)
			slog.New(h).InfoContext(ctx, "Starting workout generation", "user", i)
			scope.End()
		}
		start := time.Now()
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		took, ideal := time.Since(start).Seconds(), stories/table.rate
		t.Logf("%.0f s for what takes %.0f s at least; %.0f units refused of %.0f", took, ideal, table.refused, table.took+table.refused)
		if took > 1.3*ideal || table.refused > 0.3*table.took {
			t.Error("the pace is not that of the table")
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What the outcome says counts, and not what the error wraps.
func TestBusyIsAnOutcome(t *testing.T) {
	for outcome, want := range map[story.Outcome]string{story.Retry: "fault", story.Busy: "busy", story.Wait: "misconfigured", 9: "fault"} {
		for _, wraps := range []error{story.ErrBusy, story.ErrUnusable, errors.New("something else")} {
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Memory: story.NewMemory()}
				store.set(func(context.Context, []story.Part) error {
					store.set(nil)
					return &story.PutError{Failures: []story.PutFailure{{Outcome: outcome, Err: fmt.Errorf("as told: %w", wraps)}}}
				})
				h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(error) {}})
				ctx, scope := dynamoslog.Begin(t.Context(), "user", "1")
				slog.New(h).InfoContext(ctx, "Starting workout generation")
				scope.End()
				time.Sleep(time.Minute)
				if s := h.Stats(); s.Stories != 1 || len(s.RetriesBy) != 1 || s.RetriesBy[want] != 1 {
					t.Errorf("%v with %v: %d stories are stored after the retries %v, want 1 after one for %s", outcome, wraps, s.Stories, s.RetriesBy, want)
				}
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A key that takes no more slows down its own stories only.
func TestHotKeyIsSlowedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &meter{rate: 1e6, at: time.Now().Add(-time.Second)}
		store := &faulty{Memory: story.NewMemory(), fault: table.fault("hot")}
		h := dynamoslog.New(store, nil)
		tell := func(id string) {
			ctx, scope := dynamoslog.Begin(t.Context(), "user", id)
			slog.New(h).InfoContext(ctx, "Starting workout generation")
			scope.End()
		}
		for range 5000 { // more than the writer has at hand
			tell("hot")
		}
		time.Sleep(2 * time.Second)
		for i := range 500 {
			tell(fmt.Sprint(i))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if stored := h.Stats().Stories; stored != 500 {
			t.Errorf("%d of the 500 stories of other keys are stored", stored)
		}
		if table.refused > 3000 {
			t.Errorf("the hot key was tried %v times", table.refused)
		}
		store.set(nil)
		if err := h.Flush(t.Context()); err != nil || h.Stats().Stories != 5500 {
			t.Errorf("%d of 5500 stories are stored, %v", h.Stats().Stories, err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

package acceptance_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// lateFaults are about lines that come when their story is stored, and about the
// header that then has to be raised.
var lateFaults = []fault{
	{name: "a late Error in an outage", tell: tellEnded, during: lateErrors(same(dynamotest.Throttled)), check: errorsAreListed},
	{
		name: "a late Error, its update throttled", during: lateErrors(func() dynamotest.Fault { return updates(dynamotest.First(4, dynamotest.Throttled)) }),
		tell: tellEnded, check: errorsAreListed,
	},
	{
		name: "a late Error, its update reset after the commit", during: lateErrors(func() dynamotest.Fault { return updates(dynamotest.First(2, dynamotest.AfterCommit(dynamotest.Reset))) }),
		tell: tellEnded, check: errorsAreListed,
	},
	{
		name: "a late Error, its update answered with HTML", during: lateErrors(func() dynamotest.Fault { return updates(dynamotest.First(2, dynamotest.HTML)) }),
		tell: tellEnded, check: errorsAreListed,
	},
	{
		name: "a late Error, its update in a black hole", during: lateErrors(func() dynamotest.Fault { return updates(dynamotest.First(1, dynamotest.Hang)) }),
		tell: tellEnded, check: errorsAreListed,
	},
	{
		name: "a late Error, its update denied", stays: true, during: lateErrors(same(updates(dynamotest.NoAccess))),
		rejects: true, tell: tellEnded, fallback: exactly(), trouble: dynamoslog.ErrNoAccess,
	},
	{
		name: "late lines in the batch of a poison part", stays: true, rejects: true,
		tell: tellEnded, fallback: exactly("late in poisoned story 3"),
		during: lateErrors(same(dynamotest.Where(func(put dynamotest.Put) bool {
			return put.Object == "late_3" && strings.HasPrefix(put.Story, "part#")
		}, dynamotest.Invalid))),
	},
	{
		name: "memory full with late lines", fault: same(dynamotest.Throttled), lasts: time.Second, note: "memory was full",
		setup: func(tr *trial) { tr.opts.MaxBuffered = 32 << 10 },
		tell:  tellLateTillFull, fallback: droppedOnly, check: wasMet,
	},
	{
		name: "late lines until the process is killed", others: true, late: 10, check: recoveredAll,
		setup: func(tr *trial) {
			inJournal(tr)
			c := tr.child(logsLate)
			<-c.done
			c.kill()
		},
	},
	{
		name: "late lines, the process killed before the answer", others: true, late: 10, check: recoveredAll,
		setup: func(tr *trial) {
			inJournal(tr)
			c := tr.child(logsLate)
			<-c.first
			tr.proxy.Set(dynamotest.Every(2, dynamotest.Writes(dynamotest.AfterCommit(dynamotest.Reset))))
			<-c.done
			c.kill()
		},
	},
}

const lateStories = 8

// tellEnded tells short stories and waits until they are stored.
func tellEnded(tr *trial) {
	for i := range lateStories {
		tr.ended = append(tr.ended, tr.tellOne("late", i, fmt.Sprintf("in time in story %d", i)))
	}
	if err := tr.h.Flush(tr.Context()); err != nil {
		tr.Errorf("Flush: %v", err)
	}
}

// updates lets f answer the calls that raise a header.
func updates(f dynamotest.Fault) dynamotest.Fault { return dynamotest.Action("UpdateItem", f) }

// lateErrors lets a fault come, and logs an Error to each of the stories that have
// ended, and are stored.
func lateErrors(fault func() dynamotest.Fault) func(*trial) {
	return func(tr *trial) {
		tr.proxy.Set(fault())
		met := tr.proxy.Seen().Faults
		for i, b := range tr.ended {
			message := fmt.Sprintf("late in story %d", i)
			if i == 3 {
				message = "late in poisoned story 3"
			}
			b.log(slog.LevelError, message)
			tr.mu.Lock()
			tr.late[b.name()] = true
			tr.mu.Unlock()
		}
		ctx, cancel := context.WithTimeout(tr.Context(), 3*time.Second)
		defer cancel()
		_ = tr.h.Flush(ctx) // with what comes of it is dealt at the end
		tr.await(flushPatience, "the fault to be met", func() bool { return tr.proxy.Seen().Faults > met })
	}
}

// errorsAreListed checks that lists tell of the late Errors.
func errorsAreListed(tr *trial, _ *result) {
	for i, b := range tr.ended {
		want := fmt.Sprintf("late in story %d", i)
		if i == 3 {
			want = "late in poisoned story 3"
		}
		for got, err := range story.All(tr.Context(), tr.direct, story.Query{Key: b.name().key}) {
			if err != nil {
				tr.Fatal(err)
			}
			if got.ID == b.name().id && (got.MaxLevel != slog.LevelError || got.LineCount != 2 || got.Cause != want || got.Problem == "") {
				tr.Errorf("%v has the level %v, the cause %q, the problem %q and %d lines in lists, want %v, %q and 2", b.name(), got.MaxLevel, got.Cause, got.Problem, got.LineCount, slog.LevelError, want)
			}
		}
	}
}

// tellLateTillFull logs late lines while the store takes nothing, more than there is
// memory for.
func tellLateTillFull(tr *trial) {
	for i := range 40 {
		b := tr.tellOne("late", i, fmt.Sprintf("in time in story %d", i))
		for n := range 20 {
			b.log(slog.LevelInfo, fmt.Sprintf("late in story %d, line %d", i, n), "step", n, "of", "looking for an exercise")
		}
		tr.mu.Lock()
		tr.late[b.name()] = true
		tr.mu.Unlock()
	}
}

// logsLate is a child whose stories are stored before its late lines are logged.
const logsLate = "logs when all is stored, waits"

// lateChildStories ends stories, waits until they are stored, and logs to them.
func lateChildStories(h *dynamoslog.Handler) {
	logger := slog.New(h)
	var tells []func(slog.Level, int)
	for i := range lateStories {
		ctx, scope := dynamoslog.Begin(context.Background(), "user", i%3)
		tell := func(level slog.Level, n int) {
			w := word{Kind: scope.Key().Kind, ID: scope.Key().ID, Story: scope.ID(), Message: fmt.Sprintf("child %d, late story %d line %d", os.Getpid(), i, n)}
			say(w)
			logger.Log(ctx, level, w.Message, "step", n, "of", "looking for an exercise")
			w.Returned = true
			say(w)
		}
		tell(slog.LevelInfo, 0)
		scope.End()
		tells = append(tells, tell)
	}
	if err := h.Flush(context.Background()); err != nil {
		say(word{Err: err.Error()})
	}
	for n := range 10 {
		for _, tell := range tells {
			tell(slog.LevelError, n+1)
		}
	}
}

package acceptance_test

import (
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

// processFaults end another process that logs to the same table. What it leaves in
// its journal is stored by the trial's handler.
var processFaults = []fault{
	{name: "kill -9 at random", others: true, setup: killAtRandom},
	{name: "kill -9 between send and acknowledgement", others: true, setup: killBeforeAnswer},
	{name: "kill -9 between ledger and unlink", others: true, setup: killWhenStored, check: recoveredNothing},
	{name: "kill -9 during recovery", others: true, setup: killTwice},
	{name: "a panic ends the process", others: true, setup: inOutage(panics), check: recoveredAll},
	{name: "os.Exit", others: true, setup: inOutage(exits), check: recoveredAll},
	{name: "log.Fatal", others: true, setup: inOutage(fatal), check: recoveredAll},
	{name: "SIGTERM with 0 s left", others: true, setup: terminated(0, false), check: recoveredAll},
	{name: "SIGTERM with 2 s left", others: true, setup: terminated(2*time.Second, false), check: recoveredAll},
	{name: "SIGTERM with 30 s left", others: true, setup: terminated(30*time.Second, true), check: recoveredNothing},
	{name: "a journal shared by two processes", others: true, setup: inJournal, tell: tellBeside, check: journalIsGone},
}

func killAtRandom(tr *trial) {
	inJournal(tr)
	tr.proxy.Set(dynamotest.Every(2, dynamotest.Throttled))
	c := tr.child(waits)
	<-c.first
	time.Sleep(rand.N(100 * time.Millisecond))
	c.kill()
}

// killBeforeAnswer kills the child when DynamoDB has done a call, and before it hears
// of that.
func killBeforeAnswer(tr *trial) {
	inJournal(tr)
	started := make(chan *child, 1)
	tr.proxy.Set(dynamotest.First(1, dynamotest.Writes(dynamotest.AfterCommit(func(http.ResponseWriter, *dynamotest.Call) bool {
		c := <-started
		_ = c.cmd.Process.Kill()
		panic(http.ErrAbortHandler)
	}))))
	c := tr.child(waits)
	<-c.done // so that others are on the way
	started <- c
	<-c.ended
}

// killWhenStored kills the child when the journal says that all is stored, and its
// files are still there.
func killWhenStored(tr *trial) {
	inJournal(tr)
	c := tr.child(flushes)
	<-c.done
	c.kill()
	tr.segments()
}

// recoveredNothing checks that what was stored before is not read again: but for the
// stories that had not ended, of which no line was left.
func recoveredNothing(tr *trial, _ *result) {
	if got := tr.h.Stats().Recovered; got != 0 {
		tr.Errorf("%d lines were recovered, want none", got)
	}
	journalIsGone(tr, nil)
}

// recoveredAll checks that something was recovered, and nothing is left.
func recoveredAll(tr *trial, _ *result) {
	if tr.h.Stats().Recovered == 0 {
		tr.Error("nothing was recovered: the fault was not met")
	}
	journalIsGone(tr, nil)
}

func journalIsGone(tr *trial, _ *result) {
	if left, _ := filepath.Glob(filepath.Join(tr.opts.Journal, "*")); len(left) > 0 {
		tr.Errorf("left in the journal: %v", left)
	}
}

// killTwice kills a process that logs, and then one that stores what that left.
func killTwice(tr *trial) {
	inOutage(waits)(tr)
	started := make(chan *child, 1)
	tr.proxy.Set(dynamotest.First(1, dynamotest.Writes(dynamotest.AfterCommit(func(http.ResponseWriter, *dynamotest.Call) bool {
		c := <-started
		_ = c.cmd.Process.Kill()
		panic(http.ErrAbortHandler)
	}))))
	c := tr.child(recovers)
	started <- c
	<-c.ended
}

// inOutage lets a child tell its stories while the store takes nothing, and end.
func inOutage(how string) func(*trial) {
	return func(tr *trial) {
		inJournal(tr)
		tr.proxy.Set(dynamotest.Throttled)
		c := tr.child(how)
		if <-c.done; how == waits {
			c.kill()
		}
		<-c.ended
	}
}

// terminated sends SIGTERM to a child in an outage, which may end a second later.
func terminated(patience time.Duration, mended bool) func(*trial) {
	return func(tr *trial) {
		inJournal(tr)
		tr.proxy.Set(dynamotest.Throttled)
		c := tr.child(terminates, childPatience+"="+patience.String())
		<-c.done
		if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			tr.Fatal(err)
		}
		if mended {
			time.Sleep(time.Second)
			tr.proxy.Set(nil)
		}
		said := c.end()
		late := overtime
		if !tr.big { // times are not measured among others that run at once
			late = 3 * time.Second
		}
		if said.Took > patience+late {
			tr.Errorf("Shutdown took %v, with a context of %v", said.Took, patience)
		}
		if (said.Err == "") != mended || (said.Lines == c.lines) == mended {
			tr.Errorf("Shutdown told of %d lines of %d: %s", said.Lines, c.lines, said.Err)
		}
	}
}

// tellBeside lets a child log at the same time, to a journal in the same directory.
func tellBeside(tr *trial) {
	if said := tr.child(closes).end(); said.Err != "" {
		tr.Errorf("the other process: %s", said.Err)
	}
}

// manyOpen opens more stories than there is memory for.
func manyOpen(tr *trial) {
	count := 20_000
	if tr.big {
		count = 1_000_000
	}
	books := make([]*book, count)
	for i := range books {
		books[i] = tr.begin("item", i)
		books[i].logOnce("item is open")
	}
	for _, b := range books {
		b.end()
	}
}

// logOnce logs the only line of a story, for tests of which there are too many to
// measure each.
func (b *book) logOnce(message string) {
	b.tr.remember(b.name(), message)
	b.logger.InfoContext(b.ctx, message)
}

// wasMet checks that memory was full.
func wasMet(tr *trial, _ *result) {
	s := tr.h.Stats()
	if s.Dropped == 0 {
		tr.Errorf("nothing was dropped, the fault was not met: %+v", s)
	}
}

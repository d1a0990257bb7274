package acceptance_test

import (
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

// A fault is a row of the table. Its zero value disturbs nothing: four
// goroutines tell stories, all is flushed and the handler shut down.
type fault struct {
	name string

	fault   func() dynamotest.Fault // made for each run
	lasts   time.Duration           // until it is healed, at least
	longest time.Duration           // the same, where times are measured
	stays   bool                    // it is never healed
	unmet   bool                    // it need not be met

	noTable bool // none is created
	alone   bool // without the stories that every fault has
	noFlush bool // only Shutdown
	// patience is what Shutdown has; long if zero.
	patience time.Duration

	client func(*trial) func(*dynamodb.Options)
	setup  func(*trial) // before the handler is made
	tell   func(*trial) // while others tell stories
	during func(*trial) // when all is told
	heal   func(*trial)
	check  func(*trial, *result) // at the end, beside what is always checked

	trouble  error  // what OnError has to hear of
	note     string // lines of the handler that are expected
	rejects  bool   // the store rejects something
	both     bool   // a line may be in the fallback although it is stored
	others   bool   // another process stores lines as well
	moves    bool   // stories change their keys, and lists have them under the last one
	late     int    // lines that a story gets after its end, at most; one if zero
	damages  bool   // what it was about to store is not what is recovered
	fallback func(*trial, *result)
	// strangers says which stories may be in the table that are not remembered.
	strangers func(name) bool
}

// cutOff reports whether the handler is shut down before it has stored all.
func (f *fault) cutOff() bool { return f.stays && f.patience != 0 }

// faultsAtOnce is how many run at a time: they wait more than they work.
const faultsAtOnce = 12

// TestFaults runs every fault against DynamoDB's emulator. It asserts that
// nothing is lost, nothing seen twice, the order kept and no goroutine left.
// Times are the business of TestFaultTable.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	runFaults(t, dynamotest.Endpoint(t), allFaults()) // skips where there is none
}

func runFaults(t *testing.T, endpoint string, faults []*fault) {
	t.Helper()
	places := make(chan struct{}, faultsAtOnce)
	var wg sync.WaitGroup
	for _, f := range faults {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			t.Run(f.name, func(t *testing.T) {
				tr := newTrial(t, endpoint, f, false)
				tr.run()
				tr.check()
			})
		})
	}
	wg.Wait()
}

func allFaults() []*fault {
	return faultsOf(passingFaults, configFaults, itemFaults, textFaults, lifeFaults, lateFaults, aliasFaults, callerFaults, processFaults, journalFaults)
}

func faultsOf(groups ...[]fault) (all []*fault) {
	for _, group := range groups {
		for i := range group {
			all = append(all, &group[i])
		}
	}
	return all
}

// same makes the fault that is the same in every run.
func same(f dynamotest.Fault) func() dynamotest.Fault {
	return func() dynamotest.Fault { return f }
}

// passingFaults go away by themselves or when somebody mends the network.
var passingFaults = []fault{
	{name: "none"},
	{name: "throttled", fault: same(dynamotest.Throttled), lasts: 2 * time.Second, longest: time.Minute},
	{
		name:  "throttled now and then",
		fault: func() dynamotest.Fault { return dynamotest.Every(2, dynamotest.RateExceeded) }, lasts: time.Second,
	},
	{
		name:  "half of each batch unprocessed",
		fault: func() dynamotest.Fault { return dynamotest.Unprocessed(dynamotest.Half()) }, lasts: time.Second,
	},
	{name: "500", fault: same(dynamotest.ServerError), lasts: time.Second},
	{name: "503", fault: same(dynamotest.Unavailable), lasts: time.Second},
	{
		name: "connection refused", lasts: time.Second,
		setup: func(tr *trial) { tr.proxy.Refuse() },
	},
	{name: "reset before the answer", fault: same(dynamotest.Reset), lasts: time.Second},
	{name: "reset after the commit", fault: same(dynamotest.AfterCommit(dynamotest.Reset)), lasts: time.Second},
	{
		name:  "reset after the commit, now and then",
		fault: func() dynamotest.Fault { return dynamotest.Every(2, dynamotest.AfterCommit(dynamotest.Reset)) }, lasts: time.Second,
	},
	{name: "black hole", fault: func() dynamotest.Fault { return dynamotest.First(1, dynamotest.Hang) }, during: oneAttempt},
	{
		name:  "black hole after the commit",
		fault: func() dynamotest.Fault { return dynamotest.First(1, dynamotest.AfterCommit(dynamotest.Hang)) }, during: oneAttempt,
	},
	{
		name: "an open header stored after the client gave up",
		fault: func() dynamotest.Fault {
			return dynamotest.First(1, dynamotest.Action("PutItem", dynamotest.Late(time.Second)))
		},
		during: oneAttempt, heal: func(*trial) { time.Sleep(3 * time.Second) },
	},
	{name: "answer truncated", fault: same(dynamotest.Truncated), lasts: time.Second},
	{name: "answer cut short", fault: same(dynamotest.CutShort), lasts: time.Second},
	{name: "HTML with 200", fault: same(dynamotest.HTML), lasts: time.Second},
	{name: "empty 200", fault: same(dynamotest.Empty), lasts: time.Second},
	{name: "200 and {}", fault: same(dynamotest.EmptyObject), lasts: time.Second},
	{name: "200 and {} after the commit", fault: same(dynamotest.AfterCommit(dynamotest.EmptyObject)), lasts: time.Second},
	{name: "slow drip", fault: same(dynamotest.Drip(300 * time.Millisecond)), lasts: 2 * time.Second},
	{
		name:  "drip slower than the deadline",
		fault: func() dynamotest.Fault { return dynamotest.First(1, dynamotest.Drip(time.Minute)) }, during: oneAttempt,
	},
}

// oneAttempt checks that all goes on soon after the 10 seconds that the handler
// gives one attempt.
func oneAttempt(tr *trial) {
	tr.areStored(17*time.Second, 0, func(name) bool { return true })
}

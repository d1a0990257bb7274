package delivery

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

// A class is one of failures that OnError is told of alike.
type class string

const (
	fine          class = ""              // it is over
	busy          class = "busy"          // the store takes no more at the moment
	fault         class = "fault"         // a passing one
	misconfigured class = "misconfigured" // somebody has to mend it
	rejected      class = "rejected"      // parts that can never be stored

	panicked          class = "panic of something that is not the handler's"
	journalUnwritable class = "unwritable journal"
	journalFine       class = "journal works again"
	journalUnreadable class = "unreadable journal" // of this process or one that is gone
)

// classOf returns the class of a part's failure.
func classOf(f story.PutFailure) class {
	switch f.Outcome {
	case story.Reject:
		return rejected
	case story.Wait:
		return misconfigured
	case story.Busy:
		return busy
	}
	return fault
}

// tellAgain is how often OnError hears of the same class.
const tellAgain = time.Minute

// A reporter tells OnError what it has to hear, on a goroutine of its own as long as
// there is something. Its zero value has nothing to tell.
type reporter struct {
	mu      sync.Mutex
	list    []error             // what is to be told
	done    chan struct{}       // closed when the goroutine has ended; nil while there is none
	told    map[class]time.Time // when OnError last heard of it
	trouble error               // why storing fails at the moment, if it does
}

// setTrouble notes why storing fails now; nil if it does not.
func (r *reporter) setTrouble(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = err
}

// because adds to the reason for which something is not stored what the store said.
func (r *reporter) because(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil {
		return err
	}
	return fmt.Errorf("%w; storing: %w", err, unnamed{r.trouble})
}

// due takes note that there is something to be told, unless OnError has heard of the same
// a short time ago, and whether the goroutine has to be started for it.
func (r *reporter) due(of class, err error, now time.Time) (news, start bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, told := r.told[of]; told && now.Sub(last) < tellAgain {
		return false, false
	}
	if r.told == nil {
		r.told = make(map[class]time.Time)
	}
	r.told[of] = now
	if of == fine { // the same again is news
		for _, over := range []class{busy, fault, misconfigured} {
			delete(r.told, over)
		}
	}
	r.list = append(r.list, err)
	if start = r.done == nil; start {
		r.done = make(chan struct{})
	}
	return true, start
}

// take returns what is to be told, or ends the goroutine.
func (r *reporter) take() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	if len(list) == 0 {
		close(r.done)
		r.done = nil
	}
	return list
}

// await waits a little until what was to be told is.
func (r *reporter) await() {
	const patience = time.Second
	r.mu.Lock()
	done := r.done
	r.mu.Unlock()
	if done == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// tell lets OnError hear of an error, unless it has heard of its class a short time ago.
// It may be called anywhere: it calls nothing of the user's.
func (d *Delivery) tell(of class, err error) (news bool) {
	news, start := d.report.due(of, err, time.Now())
	if start {
		go d.deliverReports()
	}
	return news
}

// journalTrouble tells of a journal that cannot be written, and of one that can again.
func (d *Delivery) journalTrouble(err error, over bool) {
	if over {
		d.tell(journalFine, err)
		return
	}
	d.tell(journalUnwritable, err)
}

// deliverReports tells OnError what there is to be told. It may take its time, and call
// the handler.
func (d *Delivery) deliverReports() {
	proflabel.Clear()
	for list := d.report.take(); len(list) > 0; list = d.report.take() {
		for _, err := range list {
			d.deliver(err)
		}
	}
}

func (d *Delivery) deliver(err error) {
	if d.cfg.OnError == nil {
		d.fallback.write(unnamed{err}.Error(), "", untilWritten)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			d.fallback.write(fmt.Sprintf("Options.OnError panicked: %v; what it was told: %v", p, unnamed{err}), "", untilWritten)
		}
	}()
	d.cfg.OnError(err)
}

// An unnamed error is one without the library's name at its beginning, to stand within
// another.
type unnamed struct{ error }

func (e unnamed) Error() string { return strings.TrimPrefix(e.error.Error(), "dynamoslog: ") }
func (e unnamed) Unwrap() error { return e.error }

package delivery

import (
	"time"

	"github.com/dynamoslog/dynamoslog/story"
)

// A pace is how fast parts are sent, of all or of one key. Nothing limits it until the
// store, being busy, takes half at most of what it is sent; then it falls a little below
// that, or what the store took lately, and rises again by and by (additive increase,
// multiplicative decrease), so that a table gets what it can take and not many times that.
type pace struct {
	rate     float64 // in cost a second; 0 is no limit
	credit   float64 // cost that may be sent now
	inFlight bool    // a request has parts of the key, if it is the pace of one
	at       time.Time
	slowed   time.Time // when the rate last fell
	stored   float64   // cost stored since counted
	counted  time.Time
	lately   float64 // cost stored a second, before counted
}

const (
	fallBy     = 0.85
	ofLately   = 0.98            // what is taken anyway: few refusals slow down little
	leastRate  = 1               // a second
	riseEvery  = 2 * time.Second // by a tenth of the rate, and one
	longCalm   = 5 * time.Second // then by as much again
	freeAbove  = 20_000          // a rate that is no limit any more
	countFor   = time.Second
	creditTime = time.Second // how much credit an idle writer gathers
)

// cost is about what a part consumes: a unit, and one for each KB.
func cost(p *part) float64 { return 1 + float64(len(p.Text))/1024 }

// wait returns how long nothing may be sent.
func (p *pace) wait(now time.Time) time.Duration {
	p.refill(now)
	if p.rate == 0 || p.credit > 0 {
		return 0
	}
	return time.Duration((-p.credit + 1) / p.rate * float64(time.Second))
}

func (p *pace) refill(now time.Time) {
	passed := now.Sub(p.at)
	p.at = now
	if p.rate == 0 {
		return
	}
	rise := p.rate/10 + 1
	if now.Sub(p.slowed) > longCalm {
		rise = p.rate
	}
	p.rate += rise * min(1, passed.Seconds()/riseEvery.Seconds())
	p.credit = min(p.credit+p.rate*passed.Seconds(), p.rate*creditTime.Seconds())
	if p.rate > freeAbove {
		p.rate = 0
	}
}

// sent takes note of what was put and what the store took of it.
func (p *pace) sent(now time.Time, put, took float64, busy bool) {
	p.credit -= put
	p.stored += took
	if passed := now.Sub(p.counted); passed >= countFor {
		p.lately = p.stored / passed.Seconds()
		p.counted, p.stored = now, 0
	}
	if !busy || now.Sub(p.slowed) < countFor || p.rate == 0 && took > put/2 {
		return
	}
	p.slowed = now
	base := p.rate
	if base == 0 {
		base = max(p.lately, p.stored, put)
	}
	p.rate = max(base*fallBy, p.lately*ofLately, leastRate)
	p.credit = min(p.credit, 0)
}

// adapt slows down where the store is busy: for a key if several parts of it were
// refused, and of no other; for all if parts of several keys were. A single part, or one
// that is refused again and again, says nothing about the others: it has its own delay.
func (w *writer) adapt(now time.Time, batch []*part, failures map[int]story.PutFailure) {
	type sum struct {
		put, took float64
		refused   int  // parts
		first     bool // one of them for the first time
	}
	var all sum
	byKey := make(map[story.Key]*sum)
	refused := 0 // keys
	for i, p := range batch {
		of := byKey[p.Key]
		if of == nil {
			of = &sum{}
			byKey[p.Key] = of
		}
		all.put, of.put = all.put+cost(p), of.put+cost(p)
		f, failed := failures[i]
		if !failed {
			all.took, of.took = all.took+cost(p), of.took+cost(p)
		} else if classOf(f) == busy {
			if of.refused++; of.refused == 1 {
				refused++
			}
			of.first = of.first || !p.wasBusy
			all.first = all.first || !p.wasBusy
			p.wasBusy = true
		}
	}
	w.pace.sent(now, all.put, all.took, refused > 1 && all.first)
	for key, of := range byKey {
		own := w.keys[key]
		if own == nil && refused == 1 && of.refused > 1 && of.first {
			own = &pace{at: now, counted: now}
			w.keys[key] = own
		}
		if own != nil {
			own.sent(now, of.put, of.took, refused == 1 && of.first)
		}
	}
}

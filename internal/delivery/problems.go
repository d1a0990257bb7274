package delivery

import (
	"time"

	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/story"
)

// A story in which something went wrong has an alias under the key of its problem. In an
// outage that would be one key for all that is stored: a process stores one alias of a
// problem in ten seconds, which counts the stories that it stands for. The first is stored
// with its story; of those that follow within ten seconds the last one is, when the time is
// over or somebody waits for all to be stored. What waits meanwhile is in memory only: what
// a crash loses is a count.

const (
	problemEvery = 10 * time.Second
	mostProblems = 256 // within that time; further ones have no alias
)

// problems are those of which aliases were stored lately, or wait.
type problems map[story.Key]*occurrences

// occurrences are those of one problem.
type occurrences struct {
	until time.Time  // when the next alias may be stored
	count int        // stories since the last alias
	last  story.Part // the alias of the last of them
	chunk *Chunk     // stands for the alias that waits, in the delivery; nil where none does
}

// admit decides whether the alias of a problem is stored now, or waits with those that come
// until its time.
func (p problems) admit(now time.Time, alias story.Part) (stored bool, waits *occurrences) {
	of := p[alias.Key]
	if of == nil || of.count == 0 && !now.Before(of.until) {
		if of == nil && len(p) >= mostProblems {
			p.forget(now)
		}
		if of == nil && len(p) >= mostProblems {
			return false, nil
		}
		p[alias.Key] = &occurrences{until: now.Add(problemEvery)}
		return true, nil
	}
	of.count++
	of.last = alias
	return false, of
}

// forget forgets the problems of which nothing waits and that may be stored again.
func (p problems) forget(now time.Time) {
	for key, of := range p {
		if of.count == 0 && !now.Before(of.until) {
			delete(p, key)
		}
	}
}

// due takes the aliases that wait, with their counts: those whose time has come, or all.
func (p problems) due(now time.Time, all bool) (due []*occurrences) {
	for key, of := range p {
		if of.count == 0 || !all && now.Before(of.until) {
			continue
		}
		header := *of.last.Header
		header.Count = of.count
		of.last.Header = &header
		due = append(due, of)
		p[key] = &occurrences{until: now.Add(problemEvery)}
	}
	return due
}

// wait returns how long none of the aliases that wait is due.
func (p problems) wait(now time.Time) time.Duration {
	wait := time.Hour
	for _, of := range p {
		if of.count > 0 {
			wait = min(wait, of.until.Sub(now))
		}
	}
	return max(wait, 0)
}

// takeProblem stores the alias of the problem of a chunk's story with its other parts, by
// returning it, or lets it wait.
func (w *writer) takeProblem(now time.Time, alias story.Part, k *Chunk) []story.Part {
	stored, waits := w.problems.admit(now, alias)
	switch {
	case stored:
		return []story.Part{alias}
	case waits != nil && waits.chunk == nil:
		waits.chunk = &Chunk{Story: w.d.NewStory(), phase: composed, left: 1}
		waits.chunk.Header = alias.Header
		w.d.announceBeside(waits.chunk, k)
	}
	return nil
}

// releaseProblems lets the aliases be stored that have waited long enough, or all of them.
func (w *writer) releaseProblems(now time.Time, all bool) {
	for _, of := range w.problems.due(now, all) {
		if len(w.order) == 0 {
			w.lingerSince = now
		}
		s := of.chunk.Story
		p := w.newPart()
		p.Part, p.chunk = of.last, of.chunk
		s.parts = append(p.alone[:0], p)
		s.ordered = true
		w.order = append(w.order, s)
	}
}

// loseProblems gives up the aliases that wait: what they count is lost.
func (w *writer) loseProblems() {
	for _, of := range w.problems {
		if of.chunk != nil {
			w.d.complete(of.chunk)
		}
	}
	w.problems = problems{}
}

// announceBeside makes all who wait for one chunk wait for another one as well. That is no
// story: nobody is told where it is not stored.
func (d *Delivery) announceBeside(k, beside *Chunk) {
	d.resize(k, budget.PerStory)
	d.mu.Lock()
	defer d.mu.Unlock()
	if k.sequence = beside.sequence; beside.recovered != nil { // for which nobody waits
		d.sequence++
		k.sequence = d.sequence
	}
	d.awaitLocked(k)
}

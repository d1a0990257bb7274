package dynamoslog

import (
	"context"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/story"
)

// goroutines tells which scope a goroutine works for. It is the process's, as goroutines
// are.
var goroutines proflabel.Owners[Scope]

// Enter makes the scope the calling goroutine's own, and that of the goroutines which it
// starts from then on: what they log without a scope in the context, without [Scope.Attr]
// and [Key] becomes lines of its story, until a tenth of a second after the scope has ended,
// and goes to the process's story afterwards. leave gives the goroutine the scope that it had before, and is to be
// called on it, usually deferred, best so that the scope has ended before:
//
//	defer scope.Enter()()
//	defer scope.End()
//
// [Middleware] and [Handler.Run] enter their scopes themselves.
//
// The scope is known by a profiler label of the goroutine, "story", whose value is the
// story's key at the time (by a Middleware, http_ and the route), so that a CPU profile
// can be read by it. Other labels of the goroutine stay. Where the program sets labels
// itself by [runtime/pprof.Do], the scope stays the goroutine's if the context given to
// it is that of Middleware or Run, or one made of it.
//
// Handlers with [Options.ContextOnly] take no notice of it. With the build tag purego,
// a compiler other than gc, and Go 1.28 or later Enter does nothing.
func (s *Scope) Enter() (leave func()) {
	if s == nil || !proflabel.Supported {
		return func() {}
	}
	_, e := s.enter(context.Background(), s.Key().String())
	return e.leave
}

// enter makes the scope the goroutine's own, under a name that a profile shows, and
// returns a context that carries the label. The name has been made for it.
func (s *Scope) enter(ctx context.Context, name string) (context.Context, entered) {
	label := s.label(name)
	if label == "" {
		return ctx, entered{}
	}
	ctx, labels := proflabel.Set(ctx, label)
	return ctx, entered{s, labels}
}

// entered is a scope that a goroutine has entered and not left.
type entered struct {
	scope  *Scope // nil when it was left, and where none was entered
	labels proflabel.Labels
}

// leave also lets a scope be collected that is neither ended nor entered any more.
func (e *entered) leave() {
	s := e.scope
	if s == nil {
		return
	}
	e.scope = nil
	e.labels.Unset()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entered--; s.entered == 0 {
		for label := s.labels; label != nil; label = label.Other { // none where it has ended
			goroutines.Weaken(label)
		}
	}
}

// removeLabels makes labels nobody's.
func removeLabels(labels *proflabel.Owned[Scope]) {
	for label := labels; label != nil; label = label.Other {
		goroutines.Remove(label)
	}
}

// label returns the label of a name by which the scope is found, the same one on all
// goroutines that enter it; none where the scope has ended.
func (s *Scope) label(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ""
	}
	if s.entered++; s.entered == 1 {
		for label := s.labels; label != nil; label = label.Other {
			label.Hold(s)
		}
	}
	for label := s.labels; label != nil; label = label.Other {
		if label.Label == name {
			return label.Label
		}
	}
	label := goroutines.Add(name, s)
	label.Other, s.labels = s.labels, label
	return label.Label
}

// asFarLocked lets the journal take note of the story's facts: what they are if the process
// ends now. What it calls keeps nothing of them.
func (b *buffer) asFarLocked(note func(story.Header)) {
	h, _ := b.core.headers.Get().(*story.Header)
	if h == nil {
		h = new(story.Header)
	}
	defer b.core.headers.Put(h)
	b.headerLocked(h, story.Open)
	if b.labels != nil {
		h.State = story.Sealed
	}
	note(*h)
	h.Title = "" // lines that are held
}

func (b *buffer) logStoryLocked() {
	b.asFarLocked(func(h story.Header) {
		b.core.delivery.Log.Story(&b.journal.entry, b.versionLocked(), h, b.phase.Load() != open, b.progressLocked())
	})
}

// linger lets the story, whose scope has ended, wait for last lines before it is sealed. It
// returns false where there is none that is open.
func (b *buffer) linger(labels *proflabel.Owned[Scope]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.registered || b.phase.Load() != open || b.endsBy != byScope {
		return false
	}
	b.active = max(time.Since(b.start()), time.Duration(b.lastOffset)*time.Millisecond)
	b.labels = labels
	if b.core.delivery.Log != nil {
		b.logStoryLocked()
	}
	b.cutAfter = time.Since(b.start()) + lingers
	b.core.stories.reschedule(b, b.start().Add(b.cutAfter))
	return true
}

// lingering reports whether the story's scope has ended, and the story has not.
func (b *buffer) lingering() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.labels != nil
}

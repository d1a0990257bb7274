package dynamoslog

import (
	"context"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/budget"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/internal/storyid"
	"github.com/dynamoslog/dynamoslog/story"
)

// A Scope is an open story, carried by a context. Handlers gather in it what is
// logged with that context, from any goroutine, until End. Every method of a nil
// Scope does nothing.
type Scope struct {
	facts *scopeFacts

	// The handlers' buffers. They hold the facts, never the scope, so that a
	// scope that nobody can end any more is collected and its stories sealed.
	first  atomic.Pointer[buffer]
	mu     sync.Mutex
	others *[]*buffer // nil where there is one handler

	labels  *proflabel.Owned[Scope] // by which goroutines find the scope, and the others; nil when it has ended
	entered int32                   // how often it was entered and not left
	ended   bool

	surelyEnds bool // it is ended by this package, whatever becomes of the program's calls
}

// scopeFacts is what the buffers of a scope share.
type scopeFacts struct {
	begun beginning

	mu      sync.Mutex
	key     string        // as text, which is shorter
	version atomic.Uint32 // of key, and of attrs and also in more
	dropped int32         // lines for which there was no memory, before there was a buffer
	more    *moreFacts    // nil where there are none
}

// keyLocked returns what the story is about.
func (f *scopeFacts) keyLocked() story.Key {
	key, _ := story.ParseKey(f.key) // which is one
	return key
}

// A beginning is when a story has begun, and a number that tells it from others: its id.
type beginning struct {
	start  time.Time
	random uint32
}

func beginNow() beginning { return beginning{time.Now(), storyid.Random()} }

func (b *beginning) id() string { return storyid.Of(b.start, b.random) }

// moreFacts are those which only some scopes have.
type moreFacts struct {
	attrs   []headerAttr
	room    [5]headerAttr // for the first of them: as many as most requests have
	trace   *ids.Trace    // that the header has, by Options.Trace; nil if it has none
	also    *alias.Keys   // nil if there are none
	leftOut int32         // attributes that were too many
	rekeyed bool          // Rekey has named the key
	called  bool          // another service has made the call: the story is listed under its trace
}

// furtherLocked returns the facts which only some scopes have, for writing.
func (f *scopeFacts) furtherLocked() *moreFacts {
	if f.more == nil {
		f.more = new(moreFacts)
	}
	return f.more
}

type contextKey struct{}

// A place says where what is logged with a context belongs. A context carries one, or the
// scope or the request that it consists of.
type place struct {
	scope    *Scope
	request  *Request // where the scope is that of a request that others may refine
	lane     *namedLane
	internal bool // of a call to the store: what it logs must not come back
}

func fromContext(ctx context.Context) place {
	if ctx == nil {
		return place{}
	}
	switch carried := ctx.Value(contextKey{}).(type) {
	case *Scope:
		return place{scope: carried}
	case *Request:
		return place{scope: carried.scope, request: carried}
	case *place:
		return *carried
	}
	return place{}
}

// Begin opens a story about one object and returns a context that carries it:
// what is logged with that context, or with one made of it, becomes its lines.
// The id may be a string, a number, a Stringer or anything that fmt prints.
// Inside a scope Begin opens another one; lines go to the innermost.
//
// Nothing is stored for a scope in which nothing is logged.
func Begin(ctx context.Context, kind string, id any) (context.Context, *Scope) {
	c := new(scopeContext)
	c.begin(ctx, &scopeFacts{key: ids.KeyText(kind, id)})
	return c, &c.scope
}

// A scopeContext is a context with the scope that it carries.
type scopeContext struct {
	context.Context
	scope Scope
}

// Value implements [context.Context].
func (c *scopeContext) Value(key any) any {
	if _, ours := key.(contextKey); ours {
		return &c.scope
	}
	return c.Context.Value(key)
}

// begin opens the scope. The facts keep nothing of the program's memory.
func (c *scopeContext) begin(ctx context.Context, facts *scopeFacts) {
	if ctx == nil {
		ctx = context.Background()
	}
	facts.begun = beginNow()
	c.Context, c.scope.facts = ctx, facts
}

// FromContext returns the innermost scope that a context carries, or nil.
func FromContext(ctx context.Context) *Scope { return fromContext(ctx).scope }

// Lane returns a context whose lines stand in a lane of their own within the
// scope, with this name. Without it a goroutine's lane has the name of the function
// that it began with, which tells several goroutines of one function apart by number
// only; and where the runtime does not tell goroutines apart, as with the build tag
// purego, they share a lane. The names are kept in the story's header, at most 1 KB of
// them, and those of functions at most half of that: see [story.Header.LaneName].
// Without a scope, ctx is returned.
func Lane(ctx context.Context, name string) context.Context {
	here := fromContext(ctx)
	if here.scope == nil {
		return ctx
	}
	here.lane = &namedLane{name: strings.Clone(name)}
	return context.WithValue(ctx, contextKey{}, &here)
}

// End seals what every handler gathered in the scope and hands it over to be
// stored. It returns at once. What is logged later is kept as a late part of the
// story. Ending a scope again does nothing.
//
// Where goroutines know the scope, as by [Scope.Enter], the story is sealed a tenth of a
// second later, so that the last lines of those which it has started stand in it: an access
// log that is written beside the answer, for example. Its duration is until End.
func (s *Scope) End() {
	if s == nil {
		return
	}
	s.mu.Lock()
	labels, again := s.labels, s.ended
	s.ended, s.labels = true, nil
	for label := labels; label != nil; label = label.Other { // which goroutines find it by for the last time
		label.Hold(s)
	}
	s.mu.Unlock()
	if again {
		return
	}
	lingers := false
	for b := range s.buffers {
		if labels != nil && b.linger(labels) {
			lingers = true
		} else {
			b.seal(story.Sealed)
		}
	}
	if !lingers {
		removeLabels(labels)
	}
}

// seal seals the story at once, when the scope has ended.
func (s *Scope) seal() {
	for b := range s.buffers {
		b.seal(story.Sealed)
	}
}

// Set adds attributes to the story's header, where lists show them; one of the
// same name is replaced. A header holds 1 KB of attributes in all, by the order
// in which they were set; what does not fit is logged as a line at the end, of at most
// 256 attributes. Values are rendered now; [Options.ReplaceAttr] sees them as it sees
// those of lines.
func (s *Scope) Set(attrs ...slog.Attr) {
	if s == nil || len(attrs) == 0 {
		return
	}
	s.facts.set(attrs)
	for b := range s.buffers {
		b.setAttrs()
	}
}

// traced puts a line's trace on the header, if it is the first one in a scope that is open.
func (s *Scope) traced(t ids.Trace) {
	if s == nil || t == (ids.Trace{}) {
		return
	}
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if !ended && s.facts.takeTrace(t) {
		attrs := []slog.Attr{slog.String(traceKey, t.ID), slog.String(spanKey, t.Span)}
		s.Set(slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Value.String() == "" })...)
	}
}

func (f *scopeFacts) takeTrace(t ids.Trace) (first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	more := f.furtherLocked()
	if first = more.trace == nil; first {
		own := t.Clone()
		more.trace = &own
	}
	return first
}

// headerTrace returns the trace that the header has, by Options.Trace.
func (f *scopeFacts) headerTrace() (t ids.Trace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more != nil && f.more.trace != nil {
		t = *f.more.trace
	}
	return t
}

// buffers yields what the handlers have of the scope.
func (s *Scope) buffers(yield func(*buffer) bool) {
	s.mu.Lock()
	first, others := s.first.Load(), s.othersLocked()
	s.mu.Unlock()
	for _, b := range others {
		if !yield(b) {
			return
		}
	}
	if first != nil {
		yield(first)
	}
}

// othersLocked returns the buffers beside the first, to which others are only added.
func (s *Scope) othersLocked() []*buffer {
	if s.others == nil {
		return nil
	}
	return *s.others
}

// Rekey makes the story one about another object: usually about the user, once
// authentication has told who it is. Where parts of it are stored already, they
// stay under the old key, in a story of state Moved that names the new one.
func (s *Scope) Rekey(kind string, id any) {
	if s == nil {
		return
	}
	key := ids.KeyText(kind, id)
	s.facts.mu.Lock()
	s.facts.version.Add(1)
	s.facts.key, s.facts.furtherLocked().rekeyed = key, true
	s.facts.mu.Unlock()
}

// suggest makes the story one about an object, by its key as text, unless Rekey has named one.
func (s *Scope) suggest(key string) {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	if rekeyed := s.facts.more != nil && s.facts.more.rekeyed; !rekeyed && s.facts.key != key {
		s.facts.version.Add(1)
		s.facts.key = key
	}
}

// Also lists the story under another object too, which it is about beside its own: a
// request of user_42 that pays order_93 is found by either. That is one more item, of one
// unit of writing, when the story ends; see [Options.Index] for what else is listed, and
// for the limits. After End it does nothing.
func (s *Scope) Also(kind string, id any) {
	if s == nil {
		return
	}
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	s.facts.version.Add(1)
	more := s.facts.furtherLocked()
	if more.also == nil {
		more.also = new(alias.Keys)
	}
	more.also.Add(ids.Key(kind, id))
}

// ID returns the story's id in the store, and "" for a nil Scope.
func (s *Scope) ID() string {
	if s == nil {
		return ""
	}
	if first := s.first.Load(); first != nil {
		return first.currentID()
	}
	return s.facts.begun.id()
}

// Key returns the key that the story has now.
func (s *Scope) Key() story.Key {
	if s == nil {
		return story.Key{}
	}
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.keyLocked()
}

// Attr returns an attribute that makes a logger join the scope without a
// context: logger.With(scope.Attr()). Other handlers see it as user=42.
func (s *Scope) Attr() slog.Attr {
	if s == nil {
		return slog.Attr{}
	}
	return slog.Any(s.Key().Kind, scopeValue{s})
}

// scopeValue keeps other handlers from looking into a scope.
type scopeValue struct{ scope *Scope }

func (v scopeValue) LogValue() slog.Value { return slog.StringValue(v.scope.Key().ID) }

// Key returns an attribute that binds what a logger logs to an object, for code
// that has neither a context nor a scope: logger.With(dynamoslog.Key("user", 42)).
// Such lines go to one story per key and process, which is sealed when nothing
// was logged for Options.MaxIdle. A scope in the record's context wins over it.
// Other handlers see user=42.
func Key(kind string, id any) slog.Attr {
	return slog.Any(kind, keyValue{ids.Key(kind, id), id})
}

type keyValue struct {
	key story.Key
	id  any
}

func (v keyValue) LogValue() slog.Value { return slog.AnyValue(v.id) }

// buffer returns the handler's buffer in the scope, or nil where there is no memory
// for one.
func (s *Scope) buffer(c *core) (*buffer, error) {
	if first := s.first.Load(); first != nil && first.core == c {
		return first, nil
	}
	c.openLog()
	c.delivery.MakeRoom(budget.PerOpen)
	b, made, err := s.findBuffer(c)
	if made {
		b.setAttrs()
	}
	return b, err
}

// findBuffer makes the handler's buffer, if there is none.
func (s *Scope) findBuffer(c *core) (b *buffer, made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.first.Load()
	if first != nil && first.core == c {
		return first, false, nil
	}
	twins := 0
	for _, b := range s.othersLocked() {
		if b.core == c {
			return b, false, nil
		}
		if sameValue(b.core.store, c.store) {
			twins++
		}
	}
	if first != nil && sameValue(first.core.store, c.store) {
		twins++
	}
	if c.stories.isClosed() { // nothing is kept for it
		return nil, false, ErrClosed
	}
	if b = newBuffer(c, s.facts, twins); b == nil {
		return nil, false, nil
	}
	if s.ended {
		b.endsBy = bySilence
	}
	if !s.surelyEnds {
		b.cleanup = runtime.AddCleanup(s, abandon, b)
	}
	if first == nil {
		s.first.Store(b)
	} else {
		others := append(s.othersLocked(), b)
		s.others = &others
	}
	return b, true, nil
}

func sameValue(a, b story.Store) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

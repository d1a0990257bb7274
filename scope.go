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
	"github.com/dynamoslog/dynamoslog/story"
)

// A Scope is an open story, carried by a context. Handlers gather in it what is
// logged with that context, from any goroutine, until End. Every method of a nil
// Scope does nothing.
type Scope struct {
	facts      *scopeFacts
	surelyEnds bool // it is ended by this package, whatever becomes of the program's calls

	// The handlers' buffers. They hold the facts, never the scope, so that a
	// scope that nobody can end any more is collected and its stories sealed.
	first  atomic.Pointer[buffer]
	mu     sync.Mutex
	others []*buffer
	ended  bool

	labels  []*proflabel.Owned[Scope]  // by which goroutines find the scope; none when it has ended
	label1  [1]*proflabel.Owned[Scope] // room for the first of them
	entered int                        // how often it was entered and not left
}

// scopeFacts is what the buffers of a scope share.
type scopeFacts struct {
	mu    sync.Mutex
	key   story.Key
	id    string
	start time.Time
	attrs []headerAttr
	bytes int // of attrs

	leftOut int       // attributes that were too many
	trace   ids.Trace // that the header has, by Options.Trace
	rekeyed bool      // Rekey has named the key
	also    alias.Keys
	called  bool // another service has made the call: the story is listed under its trace

	version atomic.Int64 // of key, attrs and also
	dropped int          // lines for which there was no memory, before there was a buffer
}

type contextKey struct{}

// contextValue is what this package puts into a context.
type contextValue struct {
	scope    *Scope
	lane     *namedLane
	request  *Request // where the scope is that of a request that others may refine
	internal bool     // of a call to the store: what it logs must not come back
}

// nowhere is what a context without a value of this package stands for.
var nowhere contextValue

func fromContext(ctx context.Context) *contextValue {
	if ctx == nil {
		return &nowhere
	}
	value, _ := ctx.Value(contextKey{}).(*contextValue)
	if value == nil {
		return &nowhere
	}
	return value
}

// Begin opens a story about one object and returns a context that carries it:
// what is logged with that context, or with one made of it, becomes its lines.
// The id may be a string, a number, a Stringer or anything that fmt prints.
// Inside a scope Begin opens another one; lines go to the innermost.
//
// Nothing is stored for a scope in which nothing is logged.
func Begin(ctx context.Context, kind string, id any) (context.Context, *Scope) {
	c := new(scopeContext)
	c.begin(ctx, ids.Key(kind, id))
	return c, &c.scope
}

// A scopeContext is a context with the scope that it carries.
type scopeContext struct {
	context.Context
	value contextValue
	scope Scope
}

// Value implements [context.Context].
func (c *scopeContext) Value(key any) any {
	if _, ours := key.(contextKey); ours {
		return &c.value
	}
	return c.Context.Value(key)
}

// begin opens the scope. The key keeps nothing of the program's memory.
func (c *scopeContext) begin(ctx context.Context, key story.Key) {
	if ctx == nil {
		ctx = context.Background()
	}
	start := time.Now()
	c.Context, c.value.scope = ctx, &c.scope
	c.scope.facts = &scopeFacts{key: key, id: story.NewID(start), start: start}
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
	value := *fromContext(ctx)
	if value.scope == nil {
		return ctx
	}
	value.lane = &namedLane{name: strings.Clone(name)}
	return context.WithValue(ctx, contextKey{}, &value)
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
	for _, label := range labels { // which goroutines find it by for the last time
		label.Hold(s)
	}
	s.mu.Unlock()
	if again {
		return
	}
	lingers := false
	for b := range s.buffers {
		if len(labels) > 0 && b.linger(labels) {
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
	if first = f.trace == (ids.Trace{}); first {
		f.trace = t.Clone()
	}
	return first
}

// buffers yields what the handlers have of the scope.
func (s *Scope) buffers(yield func(*buffer) bool) {
	s.mu.Lock()
	first, others := s.first.Load(), s.others // to which buffers are only added
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

// Rekey makes the story one about another object: usually about the user, once
// authentication has told who it is. Where parts of it are stored already, they
// stay under the old key, in a story of state Moved that names the new one.
func (s *Scope) Rekey(kind string, id any) {
	if s == nil {
		return
	}
	key := ids.Key(kind, id)
	s.facts.mu.Lock()
	s.facts.version.Add(1)
	s.facts.key, s.facts.rekeyed = key, true
	s.facts.mu.Unlock()
}

// suggest makes the story one about an object, unless Rekey has named one.
func (s *Scope) suggest(key story.Key) {
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	if !s.facts.rekeyed && s.facts.key != key {
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
	s.facts.also.Add(ids.Key(kind, id))
}

// ID returns the story's id in the store, and "" for a nil Scope.
func (s *Scope) ID() string {
	if s == nil {
		return ""
	}
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.id
}

// Key returns the key that the story has now.
func (s *Scope) Key() story.Key {
	if s == nil {
		return story.Key{}
	}
	s.facts.mu.Lock()
	defer s.facts.mu.Unlock()
	return s.facts.key
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
	c.delivery.MakeRoom(budget.PerStory)
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
	for _, b := range s.others {
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
		s.others = append(s.others, b)
	}
	return b, true, nil
}

func sameValue(a, b story.Store) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

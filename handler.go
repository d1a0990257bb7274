package dynamoslog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/alias"
	"github.com/dynamoslog/dynamoslog/internal/attrtext"
	"github.com/dynamoslog/dynamoslog/internal/callstack"
	"github.com/dynamoslog/dynamoslog/internal/delivery"
	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/story"
)

// ErrClosed is returned for what is logged after the handler was closed. Such
// lines go to Options.Fallback: also those of package log, which loses sight of this
// error, where slog.SetDefault has made it write to the handler.
var ErrClosed = errors.New("dynamoslog: the handler is closed")

// Options are the options of a [Handler]. A zero field stands for its default.
type Options struct {
	// AddSource adds the attribute source=file:line to every line.
	AddSource bool
	// Level is the lowest level that is logged; [slog.LevelInfo] by default. It
	// may be a *[slog.LevelVar] that changes while the program runs. Where it is above
	// Info, lines of package log, log.Fatal's too, are left out as [slog.SetDefault] has
	// it, unless [slog.SetLogLoggerLevel] lifts them.
	Level slog.Leveler
	// ReplaceAttr is called for every attribute that is no group, as
	// [slog.HandlerOptions] describes, and for the attributes of headers. It must be safe
	// for concurrent use; where it panics the attribute is not shown. A time
	// or level that it replaces by something else becomes an ordinary attribute;
	// a line whose time it drops takes the offset of the line before.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// Indent says how depth is stored: [ByDepth] by default.
	Indent Indent
	// Process is the key of what is logged without a scope and without [Key];
	// by default app_<program>, and on AWS Lambda, where every program has one name,
	// app_<AWS_LAMBDA_FUNCTION_NAME>.
	Process story.Key
	// KeyAttrs are names of attributes that bind what a logger logs to an object as
	// [Key] does, where a program gives them to Logger.With, outside of groups: with
	// "worker", what logger.With("worker", 3) logs without a scope is the story
	// worker_3. None by default. Of several the last one binds.
	KeyAttrs []string
	// ContextOnly lets lines find a scope by the context, [Scope.Attr] and [Key] only, and
	// not by the goroutine: see [Scope.Enter].
	ContextOnly bool
	// ErrorLevel is the level of the last line of a [Handler.Run] that has ended with an
	// error, as some are control flow: below Warn the line is "done" and not "failed".
	// Error by default.
	ErrorLevel func(error) slog.Level
	// Attrs stand on the header of every story: the host, the build.
	Attrs []slog.Attr
	// Index names attributes whose values stories are listed under too, wherever they
	// stand: with "order", a story of which a line has order=93, or for which [Scope.Set]
	// said so, is found by order_93 as by its own key, in one query. Groups are dotted. What
	// ReplaceAttr makes of a value counts; an empty one, one of more than 128 bytes, and one
	// on a line that is not stored or comes after the end does not. None by default.
	//
	// Each key under which a story is listed, by Index or [Scope.Also], is an item of one
	// unit of writing, where the story itself takes two or more. So are two that the handler
	// adds: trace_<id> where another service has made the call, and problem_<hash> where a
	// line is at Error: of one problem, one in ten seconds, which says how many stories it
	// stands for. A story has at most 16 of them, of 1 KB in all; a line says what found no
	// room. They are deleted, and expire, with the story.
	Index []string
	// Trace returns the ids of the trace and the span that a context carries, "" or zeros
	// where it carries none, as by OpenTelemetry:
	//
	//	span := trace.SpanContextFromContext(ctx)
	//	return span.TraceID().String(), span.SpanID().String()
	//
	// The first line in a scope whose context has them puts them on the header, as trace_id
	// and span_id, where they replace what a client claimed. A line has span_id as its last
	// attribute where it is in another span than the line before in its lane, or than the
	// header says for the lane's first line, and trace_id where the trace is another one. A
	// story without a scope is of many traces: there they are on lines alone. Of an id 128
	// bytes are kept. It is called for each line that is logged, must be quick and safe for
	// concurrent use, and must not log; where it panics the line has none. None by default.
	Trace func(context.Context) (traceID, spanID string)

	// MaxAge is how long a story is open before what it has is stored, as a part;
	// one minute by default. The time doubles after each part, up to an hour.
	MaxAge time.Duration
	// MaxIdle is the silence after which a story without a scope is sealed, and
	// late lines are stored; 10 seconds by default.
	MaxIdle time.Duration
	// MaxStory is how much text an open story holds before it is stored as a
	// part, in bytes; 256 KiB by default. Nothing is truncated.
	MaxStory int
	// MaxBuffered bounds the memory for lines that are not stored yet, in bytes;
	// 64 MiB by default. From three quarters on, open stories are stored as far as
	// they go, and what is in the journal leaves memory. Near the bound, stories that
	// wait for the store and never reached Warn are dropped first, then lines below
	// Warn of the others, then new lines; all are counted, and a line in the story
	// says how many it lost.
	MaxBuffered int64

	// Journal, where set, is a directory in which every line is kept until the store
	// has it, so that a line whose Handle returned survives the end of the process:
	// kill -9, a panic, os.Exit. The next process that uses the directory stores
	// what was left, as stories of the state Interrupted where they had not ended.
	// Several handlers and processes may share it. Where it cannot be written, lines
	// are kept in memory only: OnError is told, and Stats counts them. It is opened
	// with the first line. What it holds is not encrypted; only the user can read it.
	// Links in it, and folders of other users, are left alone, and OnError is told: who
	// else may write to the directory can take files away, and reach none elsewhere.
	Journal string
	// JournalLimit bounds the journal on disk, in bytes; 256 MiB by default.
	JournalLimit int64
	// JournalSync is how often the journal is forced to the disk, for the loss of
	// power; never by default, when the journal survives the process and not the machine.
	JournalSync time.Duration

	// Keep, where set, is asked when a story ends of which nothing is stored yet;
	// one that it refuses is counted and not stored. It must be quick. The header's Cause
	// and Problem are not known yet.
	Keep func(story.Header) bool
	// QuietLevel, where set, leaves lines below it out of stories that never
	// reached Warn, so that debug detail is there only if something went wrong.
	QuietLevel slog.Leveler

	// Fallback receives, as readable text, what cannot be stored, and what comes from
	// log.Fatal and log.Panic (see [Handler.Handle]); standard error by default. The
	// handler never writes to it twice at once, and writes on a goroutine of its own:
	// others who log wait 50 ms for it at most. What it logs with the handler itself is
	// dropped.
	Fallback io.Writer
	// OnError is told of trouble with the store or the journal: once when its nature
	// changes, then at most once a minute; and when it is over. By default each is a
	// line in the fallback. It is called on a goroutine of its own, one call at a time,
	// with no lock held, and may call the handler; what it logs with it goes to the
	// fallback.
	OnError func(error)
}

func (o *Options) withDefaults() Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Level == nil {
		opts.Level = slog.LevelInfo
	}
	if opts.Process.IsZero() {
		name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
		if name == "" {
			name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
		}
		opts.Process = story.NewKey("app", name)
	}
	opts.Process = story.NewKey(opts.Process.Kind, opts.Process.ID) // as it is written
	if opts.MaxAge <= 0 {
		opts.MaxAge = time.Minute
	}
	if opts.MaxIdle <= 0 {
		opts.MaxIdle = 10 * time.Second
	}
	if opts.MaxStory <= 0 {
		opts.MaxStory = 256 << 10
	}
	if opts.MaxBuffered <= 0 {
		opts.MaxBuffered = 64 << 20
	}
	if opts.Fallback == nil {
		opts.Fallback = os.Stderr
	}
	return opts
}

// A Handler is a [slog.Handler] that gathers records into stories. It and the
// handlers derived from it may be used by several goroutines at once.
type Handler struct {
	core *core
	fast bool // no option changes records: see fastpath.go

	prefix string   // names of the open groups, each with its dot
	groups []string // the same, for ReplaceAttr
	attrs  string   // of With, rendered

	scope     *Scope      // joined by Scope.Attr
	keyed     *keyedStory // bound by Key
	boundText string      // the attribute of Key, rendered for stories about something else
}

// New returns a handler that keeps its stories in a store. It does no I/O and
// starts nothing: a goroutine begins with the first line, and ends with Close.
// Options may be nil and are copied. The caller closes the store, after the handler.
// With a nil store everything goes to the fallback in the end, and OnError is told.
func New(store story.Store, opts *Options) *Handler {
	if store == nil {
		store = noStore{}
	}
	c := newCore(store, opts.withDefaults())
	return &Handler{core: c, fast: c.opts.ReplaceAttr == nil && !c.opts.AddSource && c.opts.Trace == nil}
}

// A core is what the handlers derived from one New share.
type core struct {
	store    story.Store
	opts     Options
	attrs    []headerAttr // of Options.Attrs, as ReplaceAttr made them
	index    *alias.Index // of Options.Index
	stacks   callstack.Stacks
	scratch  sync.Pool   // of *scratch
	process  *keyedStory // of what is logged without a scope or a key
	stories  stories
	delivery *delivery.Delivery
	headers  sync.Pool // of *story.Header, that the journal takes note of
}

func newCore(store story.Store, opts Options) *core {
	c := &core{store: store, opts: opts, process: &keyedStory{key: opts.Process}, index: alias.NewIndex(opts.Index)}
	c.stories = stories{core: c, since: time.Now(), keyed: make(map[story.Key]*buffer)}
	c.delivery = delivery.New(c.config(), &c.stories)
	if replace := opts.ReplaceAttr; replace != nil {
		c.opts.ReplaceAttr = c.contained(replace)
	}
	for _, a := range opts.Attrs {
		c.attrs = appendLeaves(c.attrs, nil, a)
	}
	c.attrs = c.replaceAttrs(c.attrs)
	c.stacks.Within = loggers()
	c.scratch.New = func() any { return new(scratch) }
	return c
}

// config says where stories are delivered.
func (c *core) config() delivery.Config {
	o := &c.opts
	cfg := delivery.Config{
		Store:       c.store,
		Context:     context.WithValue(context.Background(), contextKey{}, &place{internal: true}),
		MaxBuffered: o.MaxBuffered,
		Journal:     o.Journal, JournalLimit: o.JournalLimit, JournalSync: o.JournalSync,
		ByCaller: o.Indent == ByCaller, Index: c.index,
		Fallback: o.Fallback, OnError: o.OnError,
	}
	if o.QuietLevel != nil {
		cfg.Quiet = c.quietLevel
	}
	return cfg
}

// openLog opens the journal, if there is one and it is not open. It is called without a
// lock.
func (c *core) openLog() {
	if log := c.delivery.Log; log != nil {
		log.Open()
	}
}

// reserve takes memory for lines, and returns false where there is none.
func (c *core) reserve(size int64) bool {
	c.delivery.MakeRoom(size)
	return c.delivery.Budget.Reserve(size)
}

// noStore stands for a store that was forgotten.
type noStore struct{ story.Store }

func (noStore) Put(context.Context, []story.Part) error { return errNoStore }

var errNoStore = errors.New("dynamoslog: New was called without a store")

// Enabled reports whether records of this level are logged.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.core.opts.Level.Level()
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.prefix += name + "."
	derived.groups = append(h.groups[:len(h.groups):len(h.groups)], name)
	return &derived
}

// WithAttrs implements [slog.Handler]. An attribute of [Key] or [Scope.Attr], or one
// that [Options.KeyAttrs] names, says where the lines go.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	derived := *h
	w := h.attrWriter([]byte(h.attrs))
	for _, a := range attrs {
		if !derived.bind(&w, a) {
			w.Attr(a)
		}
	}
	derived.attrs = string(w.Text)
	return &derived
}

// bind takes note of an attribute that says where lines go, and returns false for others.
// What said so before becomes an attribute like others, in w.
func (h *Handler) bind(w *attrtext.Writer, a slog.Attr) bool {
	if slices.Contains(h.core.opts.KeyAttrs, a.Key) && len(h.groups) == 0 {
		return h.bindKeyAttr(w, a)
	}
	if a.Value.Kind() != slog.KindLogValuer {
		return false
	}
	switch v := a.Value.Any().(type) {
	case scopeValue:
		h.scope = v.scope
	case keyValue:
		h.bindKey(w, v.key, a)
	default:
		return false
	}
	return true
}

// bindKeyAttr binds an attribute that Options.KeyAttrs names, as ReplaceAttr leaves it.
func (h *Handler) bindKeyAttr(w *attrtext.Writer, a slog.Attr) bool {
	a.Value = a.Value.Resolve()
	seen := a
	if replace := h.core.opts.ReplaceAttr; replace != nil && a.Value.Kind() != slog.KindGroup {
		seen = replace(nil, a)
		seen.Value = seen.Value.Resolve()
	}
	if seen.Key != a.Key || seen.Value.Kind() == slog.KindGroup {
		return false
	}
	id := attrtext.ValueText(seen.Value)
	if id == "" {
		return false
	}
	h.bindKey(w, ids.Key(a.Key, id), a)
	return true
}

func (h *Handler) bindKey(w *attrtext.Writer, key story.Key, a slog.Attr) {
	w.Rendered(h.boundText)
	h.keyed = &keyedStory{key: key}
	bound := h.attrWriter(nil)
	bound.Attr(a)
	h.boundText = string(bound.Text)
}

func (h *Handler) attrWriter(text []byte) attrtext.Writer {
	return attrtext.Writer{Text: text, Prefix: []byte(h.prefix), Groups: h.groups, Replace: h.core.opts.ReplaceAttr}
}

// Handle adds a record to its story. It does no I/O and waits for nothing but
// other lines of the same story. The error is nil, or ErrClosed.
//
// One kind of record is an exception, as it may be the program's last words: what comes
// from log.Fatal, log.Panic and their like, where package log writes to the handler after
// [slog.SetDefault] or by [slog.NewLogLogger]. Its level is raised to Error, it is written
// to Options.Fallback at once, and Handle returns when everything is stored, or after
// two seconds: where the program is about to exit the handler is shut down, and after
// log.Panic, which somebody may recover, only flushed. A handler between that hands
// records to another goroutine hides where they are from.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	place := fromContext(ctx)
	scope, named := place.scope, true
	if scope == nil {
		scope, named = h.ownScope()
	}
	site := callSite{lane: place.lane, made: r.Time.UnixNano()}
	site.stack, site.goroutine = h.core.stacks.Capture(r.PC)
	if scope != nil && h.fast && !place.internal && site.stack.Ends == "" {
		if b := scope.first.Load(); b != nil && b.core == h.core && b.addFast(h, &r, site) {
			h.core.stacks.Release(site.stack)
			return nil
		}
	}
	defer h.core.stacks.Release(site.stack)
	if function := site.stack.Ends; function != "" {
		defer h.lastWords(function)
		r.Level = max(r.Level, slog.LevelError)
	}
	return h.handle(ctx, r, place.internal, scope, named, site)
}

// ownScope returns the scope of what is logged without one in the context, or nil. It is
// named where the logger has it; else it is the goroutine's, which a key wins over.
func (h *Handler) ownScope() (scope *Scope, named bool) {
	switch {
	case h.scope != nil:
		return h.scope, true
	case h.keyed != nil || h.core.opts.ContextOnly:
		return nil, false
	}
	return goroutines.OfGoroutine(), false
}

// handle adds a record of any kind to its story.
func (h *Handler) handle(ctx context.Context, r slog.Record, internal bool, scope *Scope, named bool, site callSite) error {
	s := h.core.scratch.Get().(*scratch)
	defer h.core.release(s)
	bound, joined := h.render(s, r, named)
	if joined != nil || bound != nil {
		scope = joined
	}
	if h.core.delivery.WritesFallback(site.stack.Root) {
		return nil // it would be written there, and logged, and so on
	}
	if internal || scope == nil && h.core.delivery.Owns(site.stack.Root) {
		h.core.delivery.ToFallback("logged by the store's own client or by OnError", s.line())
		return nil
	}
	if by := site.stack.Ends; by != "" {
		h.core.delivery.LastWords(by, s.line())
	}
	s.site = site
	if h.core.opts.Trace != nil {
		s.renderTrace(h.core, ctx)
		scope.traced(s.trace)
	}
	for {
		b, err := h.buffer(scope, bound)
		if err == nil {
			if b == nil {
				return nil // counted as dropped
			}
			var added bool
			if added, err = b.add(s); added {
				return nil
			}
		}
		if err != nil {
			if site.stack.Ends == "" { // or else it is there already
				h.core.delivery.ToFallback(err.Error(), s.line())
			}
			return err
		}
	}
}

// buffer finds the story that a line belongs to, nil where there is no memory for one.
func (h *Handler) buffer(scope *Scope, bound *keyedStory) (*buffer, error) {
	switch {
	case scope != nil:
		return scope.buffer(h.core)
	case bound != nil:
		return bound.buffer(h.core)
	case h.keyed != nil:
		return h.keyed.buffer(h.core)
	}
	return h.core.process.buffer(h.core)
}

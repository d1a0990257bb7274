package dynamoslog

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/ids"
	"github.com/dynamoslog/dynamoslog/internal/panics"
	"github.com/dynamoslog/dynamoslog/internal/response"
)

// A Request is the story of a request, a call, a job or a message, as it comes from a
// framework. It is for adapters of those, which tell it as [Middleware] tells those of
// net/http:
//
//	ctx, request := dynamoslog.BeginRequest(ctx, "grpc", method, nil)
//	request.Guard(func() { reply, err = handle(ctx, call) })
//	request.Finish(dynamoslog.GRPCOutcome(code, err))
//
// Its methods may be called by several goroutines at once.
type Request struct {
	outer  *Request // that has begun the story; nil if it is this one
	scope  *Scope
	ctx    context.Context // which carries the scope, for the closing line
	logger *slog.Logger    // of the closing line; nil for the default one
	own    bool            // as in RequestOptions, as is:
	crash  bool
	left   entered // what the goroutine that began it has entered

	mu     sync.Mutex // of the outermost request it guards what follows, also of those within, which may go on beside it
	ended  bool
	told   bool     // an inner request has told what it is about
	route  string   // that a Middleware has told; empty where none has
	within *Outcome // of the inner request that has ended last; nil before
}

// RequestOptions are the options of [BeginRequest]. A zero field stands for its default.
type RequestOptions struct {
	// Attrs stand on the story's header.
	Attrs []slog.Attr
	// Header returns what the client has sent under a name, or "": [http.Header.Get] or its
	// like for metadata of calls and attributes of messages. It is asked, while the request
	// begins, for X-Request-Id (on the header as request_id), and for Traceparent and
	// X-Amzn-Trace-Id (trace_id); names are to be found in any case. What it returns is
	// bounded as [MiddlewareOptions] says. By default the client has sent nothing.
	Header func(name string) string
	// Logger logs the closing line; slog.Default() by default, as it is when the request
	// ends. Its handler should be a [Handler].
	Logger *slog.Logger
	// Own makes the request a story of its own, also within another request, and so that
	// those within it have stories of their own too: for a message of a batch, or a job.
	Own bool
	// Crash says that nobody recovers a panic of the request, so that it ends the program,
	// as with gRPC: it then waits up to two seconds for the story to be stored. By default
	// it goes on at once, as that of a request over HTTP does.
	Crash bool
}

// An Outcome says how a request has ended.
type Outcome struct {
	// Message is that of the closing line; "done" by default, and "failed" from Warn on.
	Message string
	// Level is that of the closing line, by which the story is found in lists: by default
	// Info, and Error where there is an Err.
	Level slog.Leveler
	// Err stands on the closing line as error, if there is one.
	Err error
	// Attrs stand on the closing line and on the header.
	Attrs []slog.Attr
}

func (o Outcome) level() slog.Level {
	switch {
	case o.Level != nil:
		return o.Level.Level()
	case o.Err != nil:
		return slog.LevelError
	}
	return slog.LevelInfo
}

// HTTPOutcome is the outcome of a request that was answered with a status: "404 Not Found",
// and status on the header; at Error from 500 on, else at Info. The error may be nil.
func HTTPOutcome(status int, err error) Outcome {
	end := response.HTTP(status)
	return Outcome{Message: end.Message, Level: end.Level, Err: err, Attrs: []slog.Attr{slog.Int("status", status)}}
}

// GRPCOutcome is the outcome of a call that ended with a status code of gRPC, which Connect
// has too: "gRPC 5 NotFound", and grpc_status on the header; at Error where the service is to
// blame or the code is unknown, at Warn where time or quota was short, else at Info. The
// error may be nil.
func GRPCOutcome(code int, err error) Outcome {
	end := response.GRPC(code)
	return Outcome{Message: end.Message, Level: end.Level, Err: err, Attrs: []slog.Attr{slog.String("grpc_status", end.GRPC)}}
}

// BeginRequest begins a story as [Begin] does, and returns the context that carries it. The
// kind and the id say what it is about as far as that is known: a route or a method rather
// than a path, which would be another for each request. The program may name something else
// by Scope.Rekey, which stands. Options may be nil.
//
// The scope is the goroutine's own too, as by [Scope.Enter], until the request ends: by
// Finish, which each request needs, or by a panic in Guard.
//
// Within a request that has not ended it begins none: the Request that it returns refines
// the story of the one around it. It is about the kind and the id given here, has these
// attributes too, and ends with the one around, whose closing line then has the error and
// at least the level of this one's outcome.
func BeginRequest(ctx context.Context, kind string, id any, opts *RequestOptions) (context.Context, *Request) {
	var o RequestOptions
	if opts != nil {
		o = *opts
	}
	if outer := ongoing(ctx); outer != nil && !o.Own {
		inner := outer.refine()
		inner.Learn(kind, id, o.Attrs...)
		return inner.enter(ctx, ids.KeyText(kind, id)), inner
	}
	return new(requestContext).beginRequest(ctx, ids.KeyText(kind, id), &o)
}

// A requestContext is a context with the request that it carries.
type requestContext struct {
	scopeContext
	request Request
}

// Value implements [context.Context].
func (c *requestContext) Value(key any) any {
	if _, ours := key.(contextKey); ours && !c.request.own {
		return &c.request
	}
	return c.scopeContext.Value(key)
}

// requestFacts are the facts of a request's scope, which has attributes.
type requestFacts struct {
	scopeFacts
	more moreFacts
}

// beginRequest begins a request that is not within another one, or is its own. The text of
// its key has been made for it.
func (c *requestContext) beginRequest(ctx context.Context, key string, o *RequestOptions) (context.Context, *Request) {
	facts := new(requestFacts)
	facts.key, facts.scopeFacts.more = key, &facts.more
	c.begin(ctx, &facts.scopeFacts)
	r := &c.request
	r.scope, r.ctx, r.logger, r.own, r.crash = &c.scope, c, o.Logger, o.Own, o.Crash
	c.Context = r.enter(c.Context, key)
	attrs, called := ids.OfRequest(o.Header, traceKey)
	facts.more.called = called
	if len(attrs) == 0 {
		attrs = o.Attrs
	} else {
		attrs = append(attrs, o.Attrs...)
	}
	r.scope.Set(attrs...)
	return r.ctx, r
}

// enter makes the scope that of the goroutine until leave, as [Scope.Enter] does; profiles
// show the key, whose text has been made for the request.
func (r *Request) enter(ctx context.Context, key string) context.Context {
	ctx, r.left = r.scope.enter(ctx, key)
	return ctx
}

// leave gives the goroutine back the scope that it had before.
func (r *Request) leave() { r.left.leave() }

// end ends the story that BeginRequest has begun, if it has not ended.
func (r *Request) end() {
	r.scope.End()
	r.leave()
}

// ongoing returns the request whose story a context carries, if it has not ended.
func ongoing(ctx context.Context) *Request {
	r := fromContext(ctx).request
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil
	}
	return r
}

// refine returns a request within r, which tells of the same story.
func (r *Request) refine() *Request { return &Request{outer: r, scope: r.scope} }

// outermost returns the request that has begun the story.
func (r *Request) outermost() *Request {
	if r.outer != nil {
		return r.outer
	}
	return r
}

// Scope returns the scope of the request's story.
func (r *Request) Scope() *Scope { return r.scope }

// Learn says what the request is about, where that becomes known after it has begun, as the
// route by which a router has found its handler. The attributes, which stand on the header,
// replace those of the same name. The program's own Scope.Rekey stands, and so does what a
// request within this one has said.
func (r *Request) Learn(kind string, id any, attrs ...slog.Attr) {
	key, top := ids.KeyText(kind, id), r.outermost()
	if top.learn(key, r != top) {
		r.scope.Set(attrs...)
	}
}

func (r *Request) learn(key string, inner bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.told && !inner {
		return false
	}
	r.told = r.told || inner
	r.scope.suggest(key)
	return true
}

// Guard calls fn, which serves the request. Where fn panics, the story ends with the panic
// and the stack that it came from, and the panic goes on: as the same value, and from below
// where it was, so that whoever prints the stack sees its origin. With runtime.Goexit, and
// with [http.ErrAbortHandler], the story ends as "aborted", at Warn. Of a request within
// another one the panic is told by that.
func (r *Request) Guard(fn func()) {
	if r.outer != nil {
		defer r.leave()
		fn()
		return
	}
	panics.Guard(fn, func(u *panics.Unwinding) {
		end := Outcome{Message: "aborted", Level: slog.LevelWarn}
		if !response.Aborts(u) {
			end = Outcome{Message: u.Message(), Level: slog.LevelError}
		}
		r.unwind(u, end, nil)
	})
}

// unwind ends the story of a request that a panic or runtime.Goexit ends.
func (r *Request) unwind(u *panics.Unwinding, end Outcome, attrs []slog.Attr, line ...slog.Attr) {
	r.finish(end, u.Site(), attrs, line...)
	if r.crash && !u.Exits {
		r.scope.store(r.ctx, panicPatience)
	}
}

// Finish logs the closing line, with the time that the request took, and ends the story.
// Where it has ended it does nothing.
func (r *Request) Finish(end Outcome) { r.finish(end, callerPC(), end.Attrs) }

// Fail says why the request fails whose story a context carries: the error stands on its
// closing line, whose level stays that of its outcome. The last error wins over those before
// it, and one that the outcome has itself over them all. Without such a request, and for a
// nil error, it does nothing.
//
// It is for what a handler answers with a status only, and for adapters of frameworks whose
// handlers return errors.
func Fail(ctx context.Context, err error) {
	if r := ongoing(ctx); r != nil && err != nil {
		r.refine().conclude(Outcome{Err: err, Level: slog.LevelInfo})
	}
}

// finish does so with a line that is placed at pc, a call that has not returned, by default
// that of finish. The outcome's attributes are given apart, as it is kept and they are not;
// the line has further ones.
func (r *Request) finish(end Outcome, pc uintptr, attrs []slog.Attr, line ...slog.Attr) {
	within, first := r.conclude(end)
	if !first {
		return
	}
	if r.outer != nil {
		r.scope.Set(attrs...)
		r.leave()
		return
	}
	defer r.end()
	defer r.scope.Set(attrs...) // after the line: the journal then tells the header once, with the end
	level := end.level()
	if within != nil {
		level = max(level, within.level())
		if end.Err == nil {
			end.Err = within.Err
		}
	}
	if end.Message == "" {
		end.Message = "done"
		if level >= slog.LevelWarn {
			end.Message = "failed"
		}
	}
	if pc == 0 {
		pc = callerPC()
	}
	record := slog.NewRecord(time.Now(), level, end.Message, pc)
	record.AddAttrs(attrs...)
	if end.Err != nil {
		record.AddAttrs(slog.Any("error", end.Err))
	}
	record.AddAttrs(line...)
	record.AddAttrs(slog.Duration("took", time.Since(r.scope.facts.begun.start).Round(time.Microsecond)))
	logger := r.logger
	if logger == nil {
		logger = slog.Default()
	}
	if logger.Enabled(r.ctx, level) {
		// What the handler refuses is in its fallback already.
		_ = logger.Handler().Handle(r.ctx, record)
	}
}

// conclude takes note of how the request ends, unless it or the one around it has ended. It
// returns the outcome of the one that ended last within the outermost.
func (r *Request) conclude(end Outcome) (within *Outcome, first bool) {
	top := r.outermost()
	top.mu.Lock()
	defer top.mu.Unlock()
	if top.ended || r.ended {
		return nil, false
	}
	r.ended = true
	if r != top {
		top.within = &Outcome{Level: end.level(), Err: end.Err}
	}
	return top.within, true
}

// PanicMessage tells a panic as the closing lines do: its value and, where it is called by
// the deferred function that has recovered it, at most five lines of the stack that it came
// from, the program's own functions before those of its dependencies. For adapters of
// frameworks that recover panics by themselves:
//
//	request.Finish(dynamoslog.Outcome{Message: dynamoslog.PanicMessage(value), Level: slog.LevelError})
func PanicMessage(value any) string { return panics.Message(value) }

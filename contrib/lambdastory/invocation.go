package lambdastory

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dynamoslog/dynamoslog"
)

// An invocation is one whose story is being told.
type invocation struct {
	teller   *teller
	turn     *turn // nil without an extension
	id       string
	deadline time.Time // zero where there is none
	ctx      context.Context
	request  *dynamoslog.Request
	unwatch  func() // ends the watch over its deadline

	outcome  dynamoslog.Outcome // of the handler, when it has returned
	returned bool               // the handler has; set before it leaves

	users           atomic.Int32 // the handler, and those of WrapHTTP that go on beside it
	records, failed atomic.Int32 // of a batch, told by Record
}

type contextKey struct{}

// ofContext returns the invocation whose story a context carries, or nil.
func ofContext(ctx context.Context) *invocation {
	inv, _ := ctx.Value(contextKey{}).(*invocation)
	return inv
}

// serve tells the story of an invocation whose handler is call. The event is nil where it is
// not known.
func (t *teller) serve(ctx context.Context, event any, call func(context.Context) (answer reflect.Value, err error)) {
	inv := t.begin(ctx, event)
	defer inv.leave()
	inv.guard(func() {
		answer, err := call(inv.ctx)
		inv.outcome, inv.returned = inv.outcomeOf(statusOf(answer), err), true
	})
}

func (t *teller) begin(ctx context.Context, event any) *invocation {
	t.output.toProgram()
	inv := &invocation{teller: t}
	inv.users.Store(1)
	inv.deadline, _ = ctx.Deadline()
	called, isHTTP := httpCallOf(event)
	facts := t.factsOf(ctx, called.header)
	inv.id = facts.requestID
	inv.turn = t.extension.begin(inv.id)
	ctx = context.WithValue(ctx, contextKey{}, inv)
	inv.ctx, inv.request = dynamoslog.BeginRequest(ctx, "lambda", facts.function, &dynamoslog.RequestOptions{
		Attrs: facts.attrs, Header: facts.header, Logger: t.logger,
	})
	if isHTTP {
		called.tell(inv.request)
	}
	inv.unwatch = inv.watch()
	return inv
}

func functionName() string { return cmp.Or(lambdacontext.FunctionName, "function") }

// facts are what is known of an invocation when it begins.
type facts struct {
	function, requestID string
	attrs               []slog.Attr
	header              func(name string) string
}

// factsOf tells them. Sent is what the client of a request over HTTP has sent, or nil.
func (t *teller) factsOf(ctx context.Context, sent func(name string) string) facts {
	f := facts{function: functionName()}
	f.attrs = []slog.Attr{slog.String("function", f.function)}
	if version := lambdacontext.FunctionVersion; version != "" {
		f.attrs = append(f.attrs, slog.String("version", version))
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		f.requestID = lc.AwsRequestID
		if arn := strings.Split(lc.InvokedFunctionArn, ":"); len(arn) == 8 && arn[7] != lambdacontext.FunctionVersion {
			f.attrs = append(f.attrs, slog.String("alias", arn[7]))
		}
	}
	if mb := lambdacontext.MemoryLimitInMB; mb > 0 {
		f.attrs = append(f.attrs, slog.Int("memory_mb", mb))
	}
	if !t.warm.Swap(true) && os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency" {
		f.attrs = append(f.attrs, slog.Bool("cold_start", true))
	}
	trace := traceOf(ctx)
	f.header = func(name string) string {
		switch {
		case strings.EqualFold(name, "X-Request-Id"):
			return f.requestID
		case strings.EqualFold(name, "X-Amzn-Trace-Id"):
			return trace
		case sent != nil:
			return sent(name)
		}
		return ""
	}
	return f
}

// traceOf returns what X-Ray says of the invocation: of one that it does not sample, the
// trace without the caller, which it does not know either.
func traceOf(ctx context.Context) string {
	header, _ := ctx.Value("x-amzn-trace-id").(string) // as aws-lambda-go has it
	if !strings.Contains(header, "Sampled=1") {
		header, _, _ = strings.Cut(header, ";Parent=")
	}
	return header
}

// guard calls fn. Where that panics the process ends, so that the story is stored before the
// panic goes on.
func (inv *invocation) guard(fn func()) {
	returned := false
	defer func() {
		if !returned {
			inv.teller.storeLast(inv.deadline)
		}
	}()
	inv.request.Guard(fn)
	returned = true
}

// outcomeOf tells how the handler has returned; status is 0 where it answered no request
// over HTTP.
func (inv *invocation) outcomeOf(status int, err error) dynamoslog.Outcome {
	end := dynamoslog.Outcome{Err: err}
	switch records := inv.records.Load(); {
	case err != nil:
		if level := inv.teller.opts.Level; level != nil {
			end.Level = level(err)
		}
	case status != 0:
		end = dynamoslog.HTTPOutcome(status, nil)
	case records > 0: // whose stories tell it all
		end.Level = slog.LevelDebug
	}
	if records := inv.records.Load(); records > 0 {
		end.Attrs = append(end.Attrs, slog.Int("records", int(records)), slog.Int("failed", int(inv.failed.Load())))
	}
	return end
}

// enter keeps the story open until leave is called once more.
func (inv *invocation) enter() { inv.users.Add(1) }

// leave ends the story with the last one who leaves, and sees to it that it is stored. A
// panic has ended and stored it before.
func (inv *invocation) leave() {
	if inv.users.Add(-1) > 0 {
		return
	}
	inv.unwatch()
	t := inv.teller
	if inv.returned {
		if !inv.deadline.IsZero() {
			inv.outcome.Attrs = append(inv.outcome.Attrs, slog.Duration("remaining", time.Until(inv.deadline).Round(time.Millisecond)))
		}
		inv.request.Finish(inv.outcome)
		if !t.extension.stores(inv.turn) {
			t.store(inv.deadline)
		}
	}
	t.output.toStderr()
	inv.turn.end()
}

// watch says when the invocation is about to time out, and stores its story as far as it
// goes.
func (inv *invocation) watch() (stop func()) {
	before := inv.teller.opts.BeforeDeadline
	if inv.deadline.IsZero() || before < 0 {
		return func() {}
	}
	left := time.Until(inv.deadline)
	before = min(before, left/4)
	ctx := dynamoslog.Lane(inv.ctx, "deadline")
	timer := time.AfterFunc(left-before, func() {
		remaining := time.Until(inv.deadline).Round(time.Millisecond)
		inv.teller.logger.WarnContext(ctx, "about to time out", "remaining", remaining)
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), inv.deadline)
		defer cancel()
		inv.teller.waits.tell(inv.teller.h.Flush(ctx), inv.teller.opts.OnError)
	})
	return func() { timer.Stop() }
}

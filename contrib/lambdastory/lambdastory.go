// Package lambdastory tells a story per invocation of a function on AWS Lambda, and stores
// it before Lambda freezes the function:
//
//	lambdastory.Start(h, handler, nil) // in place of lambda.Start(handler)
package lambdastory

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Options are the options of [Start], [Wrap] and [WrapHTTP], which may be nil. A zero field
// stands for its default.
type Options struct {
	// Level is that of the closing line of an invocation that has returned an error; Error
	// by default.
	Level func(error) slog.Level
	// Patience is how long an invocation waits for its story to be stored, and never past
	// its deadline; 150 ms by default, which makes 200 with all else. What is not stored by
	// then is stored beside a later invocation, or when Lambda ends the environment.
	Patience time.Duration
	// BeforeDeadline is how long before its deadline an invocation that has not returned is
	// said to be about to time out, at Warn, and its story is stored as far as it goes; half
	// a second by default, and a quarter of the time that there was at most. Negative, never.
	BeforeDeadline time.Duration
	// Store, where set, is the handler's store, from which [Start] reads a story that is not
	// there while the first invocation begins: a connection and credentials are then at hand
	// when the first story is to be stored, which may take longer than Patience else. It
	// waits for nothing, and what the store answers does not matter.
	Store story.Store
	// OnError is told where a story is not stored in time, at most once a minute, and where
	// Lambda takes no extension. By default each is a line on standard error. What is wrong
	// with the store itself is told by the handler: see [dynamoslog.Options.OnError].
	OnError func(error)
	// Lambda is what [Start] gives to [lambda.StartWithOptions].
	Lambda []lambda.Option
}

// Start is [lambda.StartWithOptions] with a story per invocation. It takes the same
// handlers and does not return.
//
// The story is lambda_<function>, or http_<route> where the event comes from API Gateway and
// names one, unless the handler names something else by Scope.Rekey. Its header has
// function, version, alias, memory_mb, request_id, trace_id of X-Ray, cold_start where it is
// the first invocation of a process, and remaining, the time that was left; of a request over
// HTTP method, path, route and status as well. The closing line is "done", "failed" with the
// error, the status that was answered ("404 Not Found"), or a panic with its stack.
//
// An extension within the process keeps Lambda from freezing it until the story is stored,
// when the answer has gone out; it also makes Lambda send SIGTERM before it ends the
// environment, when what is left is stored within 400 ms. Where Lambda takes no extension,
// the story is stored before the answer, as it is after a panic, which ends the process.
// Options.Patience bounds either. A story that a time-out cuts off is stored as far as
// Options.BeforeDeadline; with [dynamoslog.Options.Journal] in os.TempDir the next process
// of the environment stores all of it.
//
// What aws-lambda-go prints by package log between invocations, the error as JSON, goes to
// standard error, also after [slog.SetDefault], which leads package log elsewhere. A payload
// that does not fit the handler's type never reaches it: that is told there only.
func Start(h *dynamoslog.Handler, handler any, opts *Options) {
	t := newTeller(h, opts)
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" { // or else StartWithOptions says so
		t.takeOver()
	}
	lambda.StartWithOptions(t.wrap(handler), t.opts.Lambda...)
}

// Wrap returns a handler for [lambda.Start] that tells stories as [Start] does, for programs
// that start by themselves: it makes no extension, so that each story is stored before the
// answer, and takes over neither SIGTERM nor package log. What is no handler is returned as
// it is.
func Wrap(h *dynamoslog.Handler, handler any, opts *Options) any {
	return newTeller(h, opts).wrap(handler)
}

// A teller tells the stories of a function.
type teller struct {
	h         *dynamoslog.Handler
	logger    *slog.Logger // of closing lines
	opts      Options
	extension *extension // nil where there is none
	output    *output    // nil where package log is left alone
	warm      atomic.Bool
	waits     waits
}

func newTeller(h *dynamoslog.Handler, opts *Options) *teller {
	t := &teller{h: h, logger: slog.New(h)}
	if opts != nil {
		t.opts = *opts
	}
	if t.opts.Patience <= 0 {
		t.opts.Patience = 150 * time.Millisecond
	}
	if t.opts.BeforeDeadline == 0 {
		t.opts.BeforeDeadline = 500 * time.Millisecond
	}
	if t.opts.OnError == nil {
		t.opts.OnError = func(err error) { fmt.Fprintln(os.Stderr, err) }
	}
	return t
}

// takeOver does what a program may have only one of.
func (t *teller) takeOver() {
	t.storeAtSIGTERM()
	if t.opts.Store != nil {
		go t.connect()
	}
	if several := os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY"); several != "" && several != "1" {
		return // there is no time between invocations, for an extension or for others' output
	}
	t.output = new(output)
	extension, err := register(os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		t.opts.OnError(fmt.Errorf("lambdastory: Lambda takes no extension, so stories are stored before the answer: %w", err))
		return
	}
	t.extension = extension
	go func() {
		err := extension.run(t.store)
		t.opts.OnError(fmt.Errorf("lambdastory: the extension has ended, and stories are stored before the answer: %w", err))
	}()
}

// wrap returns the handler with a story around it, of the same type but for a context that
// it may not have taken.
func (t *teller) wrap(handler any) any {
	if h, ok := handler.(lambda.Handler); ok {
		return wrapped{t, h}
	}
	fn := reflect.ValueOf(handler)
	if fn.Kind() != reflect.Func || !takes(fn.Type()) {
		return handler // aws-lambda-go says what is wrong with it
	}
	withContext := fn.Type().NumIn() > 0 && isContext(fn.Type().In(0))
	in, out := []reflect.Type{contextType}, []reflect.Type{}
	for i := range fn.Type().NumIn() {
		if i > 0 || !withContext {
			in = append(in, fn.Type().In(i))
		}
	}
	for i := range fn.Type().NumOut() {
		out = append(out, fn.Type().Out(i))
	}
	return reflect.MakeFunc(reflect.FuncOf(in, out, false), func(args []reflect.Value) (results []reflect.Value) {
		var event any
		if len(args) > 1 {
			event = args[1].Interface()
		}
		t.serve(args[0].Interface().(context.Context), event, func(ctx context.Context) (answer reflect.Value, err error) {
			args[0] = reflect.ValueOf(ctx)
			if !withContext {
				args = args[1:]
			}
			results = fn.Call(args)
			if n := len(results); n > 0 {
				answer = results[0]
				err, _ = results[n-1].Interface().(error)
			}
			return answer, err
		})
		return results
	}).Interface()
}

// wrapped is a [lambda.Handler] with a story around it.
type wrapped struct {
	t    *teller
	next lambda.Handler
}

func (w wrapped) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	w.t.serve(ctx, nil, func(ctx context.Context) (reflect.Value, error) {
		answer, err = w.next.Invoke(ctx, payload)
		return reflect.Value{}, err
	})
	return answer, err
}

var contextType, errorType = reflect.TypeFor[context.Context](), reflect.TypeFor[error]()

func isContext(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && t.NumMethod() > 0 && contextType.Implements(t) && t.Implements(contextType)
}

// takes reports whether aws-lambda-go takes functions of this type.
func takes(t reflect.Type) bool {
	in, out := t.NumIn(), t.NumOut()
	return !t.IsVariadic() && in <= 2 && (in < 2 || isContext(t.In(0))) &&
		(in != 1 || t.In(0).Kind() != reflect.Interface || t.In(0).NumMethod() == 0 || isContext(t.In(0))) &&
		out <= 2 && (out == 0 || t.Out(out-1).Implements(errorType))
}

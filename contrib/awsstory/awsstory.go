// Package awsstory logs each call that a program makes by the AWS SDK for Go v2, at Debug and
// at the call depth of the code that made it:
//
//	awsstory.Add(&cfg, nil) // before clients are made of it
package awsstory

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Options are the options of [Add], which may be nil. A zero field stands for its default.
type Options struct {
	// Logger logs the calls; slog.Default() by default, as it is at each call. Its handler
	// should be a [dynamoslog.Handler].
	//
	// [dynamoslog.Handler]: https://pkg.go.dev/github.com/dynamoslog/dynamoslog#Handler
	Logger *slog.Logger
	// Skip leaves calls out, as those of the service "S3" and the operation "PutObject". None
	// by default.
	Skip func(ctx context.Context, service, operation string) bool
	// Level is that of the line of a call that has failed. By default it is Warn, as the
	// caller knows whether that is an error of its own, but Info where the call's context was
	// cancelled, and for answers that programs ask for: a condition that does not hold, what
	// is not there, what has not changed.
	Level func(error) slog.Level
}

// Add adds the middleware to a configuration: clients made of it afterwards log a line for
// each call, "DynamoDB PutItem", with the status, the retries, the id of the request, the
// error, and the time that all attempts took together.
//
// What a dynamoslog.Table calls, whose Client was made of the configuration, is not logged.
func Add(cfg *aws.Config, opts *Options) {
	c := &calls{}
	if opts != nil {
		c.Options = *opts
	}
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		// The last of the first step knows the operation, and has all attempts below it.
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("dynamoslog", c.call), middleware.After)
	})
}

type calls struct {
	Options
	sites callSites
}

func (c *calls) call(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	start := time.Now()
	out, metadata, err := next.HandleInitialize(ctx, in)
	c.line(ctx, start, metadata, err)
	return out, metadata, err
}

// line logs a call as a line of the code that called the SDK.
func (c *calls) line(ctx context.Context, start time.Time, metadata middleware.Metadata, err error) {
	took := time.Since(start)
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	level := slog.LevelDebug
	if err != nil {
		level = c.level(ctx, err)
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	a := answerOf(metadata, err)
	if a == (answer{}) && err == nil {
		return // nothing was sent: a request was only signed
	}
	service, operation := awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)
	if c.Skip != nil && c.Skip(ctx, service, operation) {
		return
	}
	pc, table := c.sites.caller()
	if table {
		return
	}
	record := slog.NewRecord(time.Now(), level, service+" "+operation, pc)
	record.AddAttrs(a.attrs()...)
	if err != nil {
		record.AddAttrs(slog.Any("error", cause(err)))
	}
	record.AddAttrs(slog.Duration("took", took.Round(time.Microsecond)))
	_ = logger.Handler().Handle(ctx, record)
}

func (c *calls) level(ctx context.Context, err error) slog.Level {
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	switch {
	case c.Level != nil:
		return c.Level(err)
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		return slog.LevelInfo
	case errors.As(err, &api) && api.ErrorCode() == "ConditionalCheckFailedException":
		return slog.LevelInfo
	case errors.As(err, &response):
		switch response.HTTPStatusCode() {
		case http.StatusNotFound, http.StatusNotModified, http.StatusPreconditionFailed:
			return slog.LevelInfo
		}
	}
	return slog.LevelWarn
}

// cause is what has gone wrong without what else stands on the line: the operation, the
// status and the id of the request.
func cause(err error) error {
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	var operation *smithy.OperationError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &response):
		return response.Err
	case errors.As(err, &operation):
		return operation.Err
	}
	return err
}

// An answer is what is known of the last attempt, and how many there were before it.
type answer struct {
	status, retries int
	requestID       string
}

func answerOf(metadata middleware.Metadata, err error) (a answer) {
	if attempts, ok := retry.GetAttemptResults(metadata); ok {
		a.retries = max(len(attempts.Results)-1, 0)
	}
	a.requestID, _ = awsmiddleware.GetRequestIDMetadata(metadata)
	if response, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok {
		a.status = response.StatusCode
	}
	var failed interface {
		HTTPStatusCode() int
		ServiceRequestID() string
	}
	if errors.As(err, &failed) {
		a.status, a.requestID = failed.HTTPStatusCode(), failed.ServiceRequestID()
	}
	return a
}

func (a answer) attrs() (attrs []slog.Attr) {
	if a.status != 0 {
		attrs = append(attrs, slog.Int("status", a.status))
	}
	if a.retries != 0 {
		attrs = append(attrs, slog.Int("retries", a.retries))
	}
	if a.requestID != "" {
		attrs = append(attrs, slog.String("request_id", a.requestID))
	}
	return attrs
}

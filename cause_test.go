package dynamoslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// listed returns a story's header as a list has it, once all is stored.
func listed(t *testing.T, h *dynamoslog.Handler, store story.Store, key string) story.Header {
	t.Helper()
	read(t, h, store, key, "")
	k, err := story.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{Key: k})
	if err != nil || len(page.Headers) != 1 {
		t.Fatalf("%s: got %+v, %v", key, page, err)
	}
	return page.Headers[0]
}

var errPayment = errors.New(`charge order 443: Post "https://pay.example/charges": context deadline exceeded`)

func pay(ctx context.Context, logger *slog.Logger, order int) {
	logger.DebugContext(ctx, "asking the gateway")
	logger.ErrorContext(ctx, fmt.Sprintf("Payment of order %d failed", order), "took", "7s", "err", errPayment)
}

func checkOut(ctx context.Context, logger *slog.Logger, order int) {
	logger.InfoContext(ctx, "Checking out", "order", order)
	pay(ctx, logger, order)
}

// A header says what went wrong, and names it alike whoever it happened to, however the
// story was cut, and with debug lines or without.
func TestHeaderSaysWhy(t *testing.T) {
	want := listed(tellOrder(t, dynamoslog.Options{}, 93))
	if want.MaxLevel != slog.LevelError || want.Cause != "Payment of order 93 failed: "+errPayment.Error() || len(want.Problem) != 10 {
		t.Errorf("got %+v", want)
	}
	for name, opts := range map[string]dynamoslog.Options{
		"as it is":      {},
		"without debug": {Level: slog.LevelInfo},
		"in parts":      {MaxStory: 64},
		"quiet":         {MaxStory: 64, QuietLevel: slog.LevelInfo},
		"by caller":     {Indent: dynamoslog.ByCaller},
		"with sources":  {AddSource: true},
	} {
		got := listed(tellOrder(t, opts, 100042))
		if got.Problem != want.Problem || !strings.HasPrefix(got.Cause, "Payment of order 100042 failed: ") {
			t.Errorf("%s: got the cause %q and the problem %s, want the problem %s", name, got.Cause, got.Problem, want.Problem)
		}
	}
}

func tellOrder(t *testing.T, opts dynamoslog.Options, order int) (*testing.T, *dynamoslog.Handler, story.Store, string) {
	t.Helper()
	h, store := open(t, opts)
	ctx, scope := dynamoslog.Begin(t.Context(), "user", order)
	logger := slog.New(h)
	logger.InfoContext(ctx, fmt.Sprintf("POST /orders/%d", order))
	checkOut(ctx, logger, order)
	logger.ErrorContext(ctx, "closing line", "status", 502)
	scope.End()
	return t, h, store, fmt.Sprint("user_", order)
}

// What ReplaceAttr hides does not come back as a cause.
func TestCauseIsRedacted(t *testing.T) {
	h, store := open(t, dynamoslog.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "err":
			return slog.String("err", "[hidden]")
		case slog.MessageKey:
			return slog.String(slog.MessageKey, strings.ReplaceAll(a.Value.String(), "secret", "***"))
		case "error":
			return slog.Attr{}
		}
		return a
	}})
	logger := slog.New(h)
	for id, attr := range map[string]slog.Attr{"hidden": slog.Any("err", errPayment), "removed": slog.Any("error", errPayment)} {
		ctx, scope := dynamoslog.Begin(t.Context(), "user", id)
		logger.ErrorContext(ctx, "the secret is out", attr)
		scope.End()
	}
	for id, want := range map[string]string{"hidden": "the *** is out: [hidden]", "removed": "the *** is out"} {
		if got := listed(t, h, store, "user_"+id); got.Cause != want {
			t.Errorf("got the cause %q, want %q", got.Cause, want)
		}
	}
}

func TestCauses(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	logger := slog.New(h)
	for id, test := range map[string]struct {
		tell func(ctx context.Context)
		want string
	}{
		"calm":    {func(ctx context.Context) { logger.InfoContext(ctx, "fine", "err", "none") }, ""},
		"bound":   {func(ctx context.Context) { logger.With("err", "no answer").WarnContext(ctx, "slow") }, "slow: no answer"},
		"grouped": {func(ctx context.Context) { logger.WithGroup("db").ErrorContext(ctx, "gone", "error", errPayment) }, "gone: " + errPayment.Error()},
		"highest": {func(ctx context.Context) {
			logger.WarnContext(ctx, "slow")
			logger.ErrorContext(ctx, "gone")
			logger.ErrorContext(ctx, "gone again")
		}, "gone"},
	} {
		ctx, scope := dynamoslog.Begin(t.Context(), "user", id)
		logger.InfoContext(ctx, "begun")
		test.tell(ctx)
		scope.End()
		if got := listed(t, h, store, "user_"+id); got.Cause != test.want || (got.Problem == "") != (test.want == "") {
			t.Errorf("%s: got %+v, want the cause %q", id, got, test.want)
		}
	}
	if err := h.Run(t.Context(), "job", "failed", func(context.Context) error { return errPayment }); err != errPayment {
		t.Error(err)
	}
	if got := listed(t, h, store, "job_failed"); got.Cause != "failed: "+errPayment.Error() {
		t.Errorf("got the cause %q", got.Cause)
	}
	func() {
		defer func() { _ = recover() }()
		_ = h.Run(t.Context(), "job", "panics", func(context.Context) error { panic("boom") })
	}()
	if got := listed(t, h, store, "job_panics"); got.Cause != "panic: boom" {
		t.Errorf("got the cause %q", got.Cause)
	}
}

// An open story that has a part shows what went wrong so far; lines after its end raise it.
func TestCauseOfOpenAndLate(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	logger := slog.New(h)
	ctx, scope := dynamoslog.Begin(t.Context(), "user", 42)
	logger.WarnContext(ctx, "slow")
	if got := listed(t, h, store, "user_42"); got.State != story.Open || got.Cause != "slow" || got.Problem == "" {
		t.Errorf("open: got %+v", got)
	}
	scope.End()
	for _, step := range []struct {
		level         slog.Level
		message, want string
		lines         int
	}{
		{slog.LevelInfo, "calm", "slow", 1}, {slog.LevelError, "gone", "gone", 3}, {slog.LevelError, "gone again", "gone", 3}, {slog.LevelError + 4, "fatal", "fatal", 5},
	} {
		logger.Log(ctx, step.level, step.message)
		got := listed(t, h, store, "user_42")
		if got.State != story.Sealed || got.Cause != step.want || got.LineCount != step.lines || got.Problem == "" {
			t.Errorf("after %q: got %+v, want the cause %q and %d lines", step.message, got, step.want, step.lines)
		}
	}
}

// A story that is rekeyed names its problem by the kind that it has at the end.
func TestProblemOfRekeyedStory(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "http", "x")
	slog.New(h).ErrorContext(ctx, "gone")
	read(t, h, store, "http_x", "") // so that a part is stored
	scope.Rekey("user", 42)
	scope.End()
	for _, key := range []string{"user_42", "http_x"} {
		k, err := story.ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		_, want := story.CauseOf(k.Kind, []story.Line{{Level: slog.LevelError, Message: "gone"}})
		if got := listed(t, h, store, key); got.Cause != "gone" || got.Problem != want {
			t.Errorf("%s: got %+v, want the problem %s", key, got, want)
		}
	}
}

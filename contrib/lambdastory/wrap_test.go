package lambdastory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/contrib/lambdastory"
	"github.com/dynamoslog/dynamoslog/story"
)

// Every handler that aws-lambda-go takes may be wrapped, and answers as before.
func TestHandlers(t *testing.T) {
	broken := errors.New("broken")
	for name, handler := range map[string]any{
		"nothing":             func() {},
		"an error":            func() error { return broken },
		"an answer":           func() (int, error) { return 3, nil },
		"a context":           func(context.Context) error { return nil },
		"an event":            func(o order) (int, error) { return o.ID, nil },
		"any event":           func(e any) (any, error) { return e, nil },
		"both":                func(_ context.Context, o *order) (*order, error) { return o, broken },
		"a handler":           lambda.NewHandler(func(o order) (order, error) { return o, nil }),
		"a broken handler":    lambda.NewHandler(func() error { return broken }),
		"nil":                 nil,
		"no function":         3,
		"too many parameters": func(context.Context, int, int) {},
		"no context first":    func(int, int) {},
		"no error last":       func() int { return 0 },
		"an odd interface":    func(fmt.Stringer) {},
	} {
		h := dynamoslog.New(story.NewMemory(), nil)
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r"})
		want, wantErr := lambda.NewHandler(handler).Invoke(ctx, []byte(`{"ID":7}`))
		got, err := lambda.NewHandler(lambdastory.Wrap(h, handler, nil)).Invoke(ctx, []byte(`{"ID":7}`))
		if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: got %s, %v, want %s, %v", name, got, err, want, wantErr)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnswers(t *testing.T) {
	type embeds struct {
		*events.APIGatewayProxyResponse
	}
	for name, c := range map[string]struct {
		answer any
		status string
	}{
		"a status":        {events.ALBTargetGroupResponse{StatusCode: 201}, "201"},
		"a pointer to it": {&events.APIGatewayProxyResponse{StatusCode: 500}, "500"},
		"none":            {events.APIGatewayProxyResponse{}, ""},
		"nil":             {(*events.APIGatewayProxyResponse)(nil), ""},
		"embedded":        {embeds{&events.APIGatewayProxyResponse{StatusCode: 404}}, "404"},
		"embedded nil":    {embeds{}, ""},
		"text":            {struct{ StatusCode string }{"500"}, ""},
		"no struct":       {map[string]int{"StatusCode": 500}, ""},
	} {
		store := story.NewMemory()
		h := dynamoslog.New(store, nil)
		_, err := lambda.NewHandler(lambdastory.Wrap(h, func() (any, error) { return c.answer, nil }, nil)).Invoke(t.Context(), []byte(`{}`))
		if err := errors.Join(err, h.Close()); err != nil && !strings.Contains(err.Error(), "marshal") && name != "embedded nil" {
			t.Error(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("lambda", "function"), "")
		if err != nil || s.Attrs["status"] != c.status || (s.MaxLevel == slog.LevelError) != (c.status == "500") {
			t.Errorf("%s: status is %q at %v, want %q; %v", name, s.Attrs["status"], s.MaxLevel, c.status, err)
		}
	}
}

func TestLevelAndKinesis(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, nil)
	busy := errors.New("busy")
	handler := lambdastory.Wrap(h, func(ctx context.Context, e events.KinesisEvent) error {
		return lambdastory.Record(ctx, e.Records[0], func(context.Context) error { return busy })
	}, &lambdastory.Options{Level: func(error) slog.Level { return slog.LevelWarn }})
	_, err := lambda.NewHandler(handler).Invoke(t.Context(), []byte(`{"Records":[{"eventID":"shard-1:42","eventSourceARN":"arn:aws:kinesis:us-east-1:1:stream/clicks","kinesis":{"data":""}}]}`))
	if !errors.Is(err, busy) {
		t.Errorf("got %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for _, key := range []story.Key{story.NewKey("clicks", "shard-1:42"), story.NewKey("lambda", "function")} {
		if s, err := store.Read(t.Context(), key, ""); err != nil || s.MaxLevel != slog.LevelWarn || s.Cause != "failed: busy" {
			t.Errorf("%s: %v, %q, %v", key, s.MaxLevel, s.Cause, err)
		}
	}
	if s, _ := store.Read(t.Context(), story.NewKey("lambda", "function"), ""); s.Attrs["records"] != "1" || s.Attrs["failed"] != "1" {
		t.Errorf("the batch has %v", s.Attrs)
	}
}

// A stalled store takes nothing, or says that it cannot be used.
type stalled struct {
	*story.Memory
	unusable bool
}

func (s stalled) Put(ctx context.Context, parts []story.Part) error {
	if s.unusable {
		failed := new(story.PutError)
		for i := range parts {
			failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Wait, Err: story.ErrUnusable})
		}
		return failed
	}
	<-ctx.Done()
	return ctx.Err()
}

// An invocation waits for the store as long as it may, and never past its deadline.
func TestPatience(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		unusable    bool
		works, time time.Duration
		waits       []time.Duration // of invocations in turn
		told        int
	}{
		"plenty of time":     {works: ms, time: 10 * time.Second, waits: []time.Duration{150 * ms, 150 * ms, 150 * ms}, told: 1},
		"little time":        {works: ms, time: 101 * ms, waits: []time.Duration{80 * ms}, told: 1},
		"hardly any":         {works: 85 * ms, time: 100 * ms, waits: []time.Duration{0}, told: 1},
		"a store of no use":  {unusable: true, works: ms, time: 10 * time.Second, waits: []time.Duration{150 * ms, 0, 0}},
		"also where it lies": {unusable: true, works: 6 * time.Second, time: 10 * time.Second, waits: []time.Duration{150 * ms, 0, 150 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := 0
				h := dynamoslog.New(stalled{story.NewMemory(), c.unusable}, &dynamoslog.Options{OnError: func(error) {}, Fallback: new(syncBuffer)})
				handler := lambda.NewHandler(lambdastory.Wrap(h, func() { time.Sleep(c.works) }, &lambdastory.Options{OnError: func(error) { told++ }}))
				for i, want := range c.waits {
					began := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), c.time)
					if _, err := handler.Invoke(ctx, []byte(`{}`)); err != nil {
						t.Error(err)
					}
					cancel()
					if waited := time.Since(began) - c.works; waited > want || waited < want && !c.unusable {
						t.Errorf("invocation %d has waited %v, want %v", i+1, waited, want)
					}
				}
				if told != c.told {
					t.Errorf("told %d times, want %d", told, c.told)
				}
				_ = h.Close() // the store takes nothing
			})
		})
	}
}

// It is said so long before the deadline, and not where the handler returns before.
func TestBeforeDeadline(t *testing.T) {
	for _, c := range []struct {
		works, time time.Duration
		before      time.Duration // as an option
		says        string        // and after which time
	}{
		{4 * time.Second, 5 * time.Second, 0, ""},
		{4900 * time.Millisecond, 5 * time.Second, 0, "+4.500 remaining=500ms"},
		{900 * time.Millisecond, time.Second, 0, "+0.750 remaining=250ms"},
		{4900 * time.Millisecond, 5 * time.Second, time.Second, "+4.000 remaining=1s"},
		{4900 * time.Millisecond, 5 * time.Second, -1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := story.NewMemory()
			h := dynamoslog.New(store, nil)
			open := ""
			handler := lambdastory.Wrap(h, func() {
				time.Sleep(c.works)
				synctest.Wait()
				if s, err := store.Read(t.Context(), story.NewKey("lambda", "function"), ""); err == nil { // it is stored by now
					open = fmt.Sprintf("+%.3f %s", s.Lines[0].Offset.Seconds(), s.Lines[0].Attrs)
				}
			}, &lambdastory.Options{BeforeDeadline: c.before})
			ctx, cancel := context.WithTimeout(t.Context(), c.time)
			defer cancel()
			if _, err := lambda.NewHandler(handler).Invoke(ctx, []byte(`{}`)); err != nil {
				t.Error(err)
			}
			if open != c.says {
				t.Errorf("%+v: got %q", c, open)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A syncBuffer is what several goroutines write to.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	grew chan struct{} // closed when it grows; nil while nobody waits; guarded by mu
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grew != nil {
		close(b.grew)
		b.grew = nil
	}
	return b.text.Write(p)
}

// await waits until a text is written, and returns false where it is not at a time.
func (b *syncBuffer) await(text string, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		b.mu.Lock()
		if b.grew == nil {
			b.grew = make(chan struct{})
		}
		written, grew := strings.Contains(b.text.String(), text), b.grew
		b.mu.Unlock()
		if written {
			return true
		}
		select {
		case <-grew:
		case <-timer.C:
			return false
		}
	}
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

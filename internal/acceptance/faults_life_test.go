package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/story"
)

// textFaults are keys, messages and values that nobody expects.
var textFaults = []fault{
	{name: "keys empty, 2049 bytes, of many bytes a character, invalid UTF-8", tell: tellOddKeys},
	{name: "NUL, ESC, CR, LF in messages, keys and attributes", tell: tellOddTexts},
	{name: "a LogValuer that panics or logs", tell: tellLogValuers},
	{name: "a cancelled context in Handle", tell: tellCancelled},
	{name: "the wall clock stepping back", tell: tellBackwards},
}

var oddTexts = []string{
	"", " ", "a b", "\x00", "\x1b[31mred\x1b[0m", "a\rb", "a\nb", "a\r\nb\n", "\n", "\ttab\t", "\x7f", "\u0085", "\u2028", "\ufeffbom", "\u202eright",
	`back\slash`, `\n`, `a"quote"`, "| bar", "+0.000 I forged", "a\n+0.000 I forged", "ключ", "日本語", "🙂", "\xff", "\xfe", "a\xc3", "#", "part#x", "user_1", "=", "a=b",
}

func tellOddKeys(tr *trial) {
	ids := append([]string{
		strings.Repeat("k", 2048-len("user_")), strings.Repeat("k", 2049), strings.Repeat("k", 2049) + "2",
		strings.Repeat("я", 1025), strings.Repeat("я", 1024) + "ю", strings.Repeat("\xff", 2049),
	}, oddTexts...)
	for i, id := range ids {
		tr.tellOne("user", id, fmt.Sprintf("of the odd id %d", i))
	}
	for i, kind := range []string{"", "Kind_With", "\x00", "вид", strings.Repeat("k", 2100)} {
		tr.tellOne(kind, "1", fmt.Sprintf("of the odd kind %d", i))
	}
}

func tellOddTexts(tr *trial) {
	for i, text := range oddTexts {
		b := tr.tellOne("user", text, oddTexts...)
		odd := tr.begin("odd", i)
		odd.scope.Set(slog.String("text", text))
		odd.log(slog.LevelInfo, fmt.Sprintf("odd attribute %d", i), "value", text, text, "name")
		odd.end()
		tr.Cleanup(func() {
			if s := tr.reread(b.name()); len(s.Lines) != len(oddTexts) {
				tr.Errorf("about %q: got %d lines, want %d", text, len(s.Lines), len(oddTexts))
			}
			for _, line := range tr.reread(odd.name()).Lines {
				// What is not UTF-8 stands in an attribute as slog quotes it.
				if got, _ := line.Attr("value"); got != text {
					tr.Errorf("attribute: got %q, want %q", got, text)
				}
			}
		})
	}
}

// reread reads a story after its trial.
func (tr *trial) reread(at name) story.Story {
	s, err := tr.direct.Read(context.WithoutCancel(tr.Context()), at.key, at.id)
	if err != nil {
		tr.Errorf("Read %v: %v", at, err)
	}
	return s
}

// A valuer is a slog.LogValuer.
type valuer func() slog.Value

func (v valuer) LogValue() slog.Value { return v() }

func tellLogValuers(tr *trial) {
	b := tr.begin("user", "valuer")
	logger := slog.New(tr.h)
	var endless valuer
	endless = func() slog.Value { return slog.AnyValue(endless) }
	for i := range 20 {
		inner, outer := fmt.Sprintf("valuer %d logs", i), fmt.Sprintf("valuer %d", i)
		tr.remember(b.name(), inner, outer)
		logger.InfoContext(b.ctx, outer, "logs", valuer(func() slog.Value {
			logger.InfoContext(b.ctx, inner)
			return slog.StringValue("logged")
		}))
		b.log(slog.LevelInfo, fmt.Sprintf("valuer %d panics", i), "panics", valuer(func() slog.Value { panic("in LogValue") }), "after", i)
		b.log(slog.LevelInfo, fmt.Sprintf("valuer %d has no end", i), "endless", endless)
	}
	b.end()
}

func tellCancelled(tr *trial) {
	b := tr.begin("user", "cancelled")
	ctx, cancel := context.WithCancel(b.ctx)
	b.ctx = ctx
	b.log(slog.LevelInfo, "before the cancellation")
	cancel()
	b.log(slog.LevelInfo, "after the cancellation")
	b.end()
}

// tellBackwards tells records whose times go back, a line an hour.
func tellBackwards(tr *trial) {
	b := tr.begin("user", "clock")
	for i := range 50 {
		message := fmt.Sprintf("%d hours back", i)
		tr.remember(b.name(), message)
		at := time.Now().Round(0).Add(-time.Duration(i) * time.Hour)
		if err := tr.h.Handle(b.ctx, slog.NewRecord(at, slog.LevelInfo, message, 0)); err != nil {
			tr.Errorf("Handle: %v", err)
		}
	}
	b.end()
}

// lifeFaults are about the handler's beginning and end, its memory, and the SDK
// that logs.
var lifeFaults = []fault{
	{name: "a story never ended", tell: tellNeverEnded, during: abandonedIsStored, check: checkNeverEnded},
	{name: "500 stories open", alone: true, tell: tellMany},
	{
		name: "10⁶ stories open", alone: true, note: "memory was full", tell: manyOpen, fallback: droppedOnly, check: wasMet,
		setup: func(tr *trial) { tr.opts.MaxBuffered = 2 << 20 },
	},
	{
		name: "memory full during an outage", fault: same(dynamotest.Throttled), lasts: time.Second, note: "memory was full",
		setup:    func(tr *trial) { tr.opts.MaxBuffered = 32 << 10 },
		tell:     watchMemory,
		fallback: droppedOnly,
		check: func(tr *trial, _ *result) {
			if s := tr.h.Stats(); s.Dropped == 0 {
				tr.Errorf("nothing was dropped, the fault was not met: %+v", s)
			}
		},
	},
	{
		name: "a panic in an outage", fault: same(dynamotest.Throttled), lasts: 3 * time.Second, note: "panic: boom",
		tell: tellPanic,
	},
	{
		name: "shut down in an outage", fault: same(dynamotest.Throttled), stays: true, noFlush: true, patience: time.Second,
		fallback: allUnwritten,
	},
	{
		name: "shut down in an outage after commits", fault: same(dynamotest.AfterCommit(dynamotest.Reset)),
		stays: true, noFlush: true, patience: time.Second, both: true, fallback: allUnwritten,
	},
	{
		name: "shut down before a black hole", fault: same(dynamotest.Hang), stays: true, noFlush: true, patience: time.Second,
		fallback: allUnwritten,
	},
	{name: "Close while others log", alone: true, noFlush: true, tell: closeWhileLogging, fallback: someInFallback},
	{
		name: "Close twice", noFlush: true,
		during: func(tr *trial) { // a loaded machine may need more than the five seconds of Close
			if err := tr.h.Flush(tr.Context()); err != nil {
				tr.Errorf("Flush: %v", err)
			}
			closeTwice(tr)
		},
	},
	{
		name: "Close before the first record", alone: true, tell: closeFirst,
		fallback: exactly("logged after Close"),
	},
	{name: "the SDK logs into the handler", client: sdkLogs(true), setup: shortIdle, during: loggingEnds, fallback: noneTold},
	{
		name: "the SDK logs into the handler, without a context", client: sdkLogs(false), setup: shortIdle,
		during: loggingEnds, fallback: noneTold,
	},
	{name: "everything at once", fault: everything, lasts: 3 * time.Second},
}

func everything() dynamotest.Fault {
	return dynamotest.Any(
		dynamotest.Every(11, dynamotest.AfterCommit(dynamotest.Reset)), dynamotest.Every(7, dynamotest.Throttled),
		dynamotest.Every(13, dynamotest.AfterCommit(dynamotest.EmptyObject)), dynamotest.Every(9, dynamotest.ServerError),
		dynamotest.Every(5, dynamotest.Reset), dynamotest.Every(8, dynamotest.Truncated), dynamotest.Every(6, dynamotest.HTML),
		dynamotest.Every(10, dynamotest.NoAccess), dynamotest.Every(12, dynamotest.ExpiredToken),
		dynamotest.Every(4, dynamotest.Drip(50*time.Millisecond)), dynamotest.Every(2, dynamotest.Unprocessed(dynamotest.Half())),
	)
}

// tellNeverEnded leaves a story open, and lets the scope of another go.
func tellNeverEnded(tr *trial) {
	open := tr.begin("user", "open")
	open.log(slog.LevelInfo, "never ended")
	tr.Cleanup(func() { runtime.KeepAlive(open) })
	tr.begin("user", "let go").log(slog.LevelInfo, "its scope is collected")
}

func (tr *trial) nameOf(id string) (found name) {
	for _, at := range tr.names() {
		if at.key.ID == id {
			found = at
		}
	}
	return found
}

func abandonedIsStored(tr *trial) {
	at := tr.nameOf("let go")
	tr.await(flushPatience, "the story of a scope that is gone in the table", func() bool {
		runtime.GC()
		return tr.isStored(at)
	})
}

func checkNeverEnded(tr *trial, _ *result) {
	for id, want := range map[string]story.State{"open": story.Closed, "let go": story.Abandoned} {
		if got := tr.reread(tr.nameOf(id)).State; got != want {
			tr.Errorf("the story %q: got the state %s, want %s", id, got, want)
		}
	}
}

func tellMany(tr *trial) {
	books := make([]*book, 500)
	for i := range books {
		books[i] = tr.begin("item", i)
		books[i].log(slog.LevelInfo, fmt.Sprintf("item %d begins", i))
	}
	for i, b := range books {
		b.log(slog.LevelInfo, fmt.Sprintf("item %d goes on", i))
		if i%2 == 0 {
			b.end()
		}
	}
	tr.Cleanup(func() { runtime.KeepAlive(books) })
}

// watchMemory looks at what the handler holds while others log. What is handed
// over is counted with 1 KB for each chunk, whether or not there is room.
func watchMemory(tr *trial) {
	const asking = 32 << 10
	for deadline := time.Now().Add(500 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got := tr.h.Stats().Buffered; got > tr.opts.MaxBuffered+asking {
			tr.Errorf("%d bytes are buffered, MaxBuffered is %d", got, tr.opts.MaxBuffered)
			return
		}
	}
}

// droppedOnly checks that nothing is in the fallback, and that Flush told of no
// lines but those that were dropped.
func droppedOnly(tr *trial, r *result) {
	tr.Helper()
	var unwritten *dynamoslog.UnwrittenError
	if errors.As(tr.flushed, &unwritten) && int64(unwritten.Lines) <= tr.h.Stats().Dropped {
		tr.flushed = nil
	}
	noneTold(tr, r)
}

func tellPanic(tr *trial) {
	start := time.Now()
	func() {
		defer func() {
			if got := recover(); got != "boom" {
				tr.Errorf("recovered %v, want the panic to go on", got)
			}
		}()
		tr.h.Run(tr.Context(), "user", "panic", func(ctx context.Context) error {
			scope := dynamoslog.FromContext(ctx)
			tr.remember(name{scope.Key(), scope.ID()}, "before the panic")
			slog.New(tr.h).InfoContext(ctx, "before the panic")
			panic("boom")
		})
	}()
	if took := time.Since(start); took > 3*time.Second {
		tr.Errorf("the panic went on after %v, want two seconds", took)
	}
}

// allUnwritten checks that Shutdown told of every line that is not stored, and
// that each of them is in the fallback.
func allUnwritten(tr *trial, r *result) {
	tr.Helper()
	var unwritten *dynamoslog.UnwrittenError
	if !errors.As(tr.shutDown, &unwritten) || unwritten.Lines != len(r.fallback) {
		tr.Errorf("Shutdown: got %v, want an error of the %d lines in the fallback", tr.shutDown, len(r.fallback))
	}
}

// closeWhileLogging closes the handler twice while four goroutines log.
func closeWhileLogging(tr *trial) {
	var wg, begun sync.WaitGroup
	begun.Add(tellers)
	for i := range tellers {
		wg.Go(func() {
			b := tr.begin("user", i)
			defer b.end()
			refused := 0
			for n := 0; refused < 3; n++ {
				message := fmt.Sprintf("teller %d line %d", i, n)
				tr.remember(b.name(), message)
				err := tr.h.Handle(b.ctx, slog.NewRecord(time.Now(), slog.LevelInfo, message, 0))
				if n == 100 {
					begun.Done()
				}
				if err != nil {
					refused++
					if !errors.Is(err, dynamoslog.ErrClosed) {
						tr.Errorf("Handle: %v", err)
					}
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	begun.Wait()
	closeTwice(tr)
	wg.Wait()
}

func closeTwice(tr *trial) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := tr.h.Close(); err != nil {
				tr.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
}

func someInFallback(tr *trial, r *result) {
	tr.Helper()
	if len(r.fallback) < 3*tellers || r.found == 0 {
		tr.Errorf("%d lines are stored and %d in the fallback, want some here and %d there at least", r.found, len(r.fallback), 3*tellers)
	}
}

func closeFirst(tr *trial) {
	closeTwice(tr)
	tr.tellOne("user", 1, "logged after Close")
}

func shortIdle(tr *trial) { tr.opts.MaxIdle = 100 * time.Millisecond }

// sdkLogs makes a client that logs all that it does with the handler.
func sdkLogs(withContext bool) func(*trial) func(*dynamodb.Options) {
	return func(tr *trial) func(*dynamodb.Options) {
		return func(o *dynamodb.Options) {
			o.ClientLogMode = aws.LogRequestWithBody | aws.LogResponseWithBody | aws.LogRetries | aws.LogSigning
			o.Logger = logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
				slog.New(tr.h).Info(fmt.Sprintf(format, args...))
			})
			if withContext {
				o.Logger = sdkLogger{tr, context.Background()}
			}
		}
	}
}

// An sdkLogger logs with the context of the SDK's call.
type sdkLogger struct {
	tr  *trial
	ctx context.Context
}

func (l sdkLogger) WithContext(ctx context.Context) logging.Logger { return sdkLogger{l.tr, ctx} }

func (l sdkLogger) Logf(_ logging.Classification, format string, args ...any) {
	slog.New(l.tr.h).InfoContext(l.ctx, fmt.Sprintf(format, args...))
}

// loggingEnds checks that the handler comes to rest when nobody logs but its own
// client.
func loggingEnds(tr *trial) {
	calls := 0
	tr.await(flushPatience, "no more calls when nobody logs", func() bool {
		before := calls
		time.Sleep(time.Second) // ten times MaxIdle
		calls = tr.proxy.Seen().Calls["BatchWriteItem"]
		return calls == before && calls > 0
	})
}

// noneTold checks that no line of the program's own is in the fallback, where
// those of the client may be.
func noneTold(tr *trial, r *result) {
	tr.Helper()
	if len(r.fallback) > 0 || tr.flushed != nil || tr.shutDown != nil {
		tr.Errorf("%d lines in the fallback; Flush: %v; Shutdown: %v", len(r.fallback), tr.flushed, tr.shutDown)
	}
}

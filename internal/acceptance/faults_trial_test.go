package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
	"github.com/dynamoslog/dynamoslog/internal/handlertest"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	tellers       = 4
	flushPatience = 2 * time.Minute // on a loaded machine
)

// A trial is one run of a fault: a handler on a table behind a proxy, and all
// that it was told.
type trial struct {
	*testing.T
	fault *fault

	proxy  *dynamotest.Proxy
	client *dynamodb.Client  // past the proxy
	table  *dynamoslog.Table // behind the proxy
	direct *dynamoslog.Table // the same, past it
	opts   dynamoslog.Options
	h      *dynamoslog.Handler
	calm   *dynamoslog.Handler // another one, without a fault; nil if times do not matter
	big    bool                // many lines, to measure times

	output   output  // the fallback
	ended    []*book // stories of lateFaults that are stored
	flushed  error
	shutDown error

	mu        sync.Mutex
	told      map[name][]string // messages by story, in their order
	late      map[name]bool     // stories with lines that came after their end
	maybe     map[string]bool   // messages that need not be there, but may
	troubles  []error           // as OnError heard them
	times     []time.Duration   // of Handle
	calmTimes []time.Duration   // of Handle without a fault, at the same time
}

// A name is where a story is found.
type name struct {
	key story.Key
	id  string
}

// newTrial begins a trial on the emulator at a URL.
func newTrial(t *testing.T, endpoint string, f *fault, big bool) *trial {
	t.Helper()
	client, closed := dynamotest.ClientOf(endpoint, http.DefaultTransport.(*http.Transport).Clone())
	t.Cleanup(closed)
	tr := &trial{
		T: t, fault: f, big: big, told: make(map[name][]string), late: make(map[name]bool), maybe: make(map[string]bool),
		proxy: dynamotest.NewProxyOf(t, endpoint), client: client,
	}
	tr.opts = dynamoslog.Options{
		Level:    slog.LevelDebug,
		MaxStory: 4 << 10, // so that long stories are cut while they are told
		Fallback: &tr.output,
		OnError: func(err error) {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.troubles = append(tr.troubles, err)
		},
	}
	tr.direct = &dynamoslog.Table{Name: dynamotest.TableName(t), Client: tr.client}
	tr.table = &dynamoslog.Table{Name: tr.direct.Name}
	var options []func(*dynamodb.Options)
	if f.client != nil {
		options = append(options, f.client(tr))
	}
	tr.table.Client = tr.proxy.Client(options...)
	if !f.noTable {
		tr.createTable()
	}
	if f.setup != nil {
		f.setup(tr)
	}
	if f.fault != nil {
		tr.proxy.Set(f.fault())
	}
	tr.h = dynamoslog.New(tr.table, &tr.opts)
	if big {
		tr.calm = newCalm(t, tr.opts)
	}
	return tr
}

// newCalm returns a handler that no fault disturbs.
func newCalm(t *testing.T, opts dynamoslog.Options) *dynamoslog.Handler {
	t.Helper()
	opts.OnError = func(err error) { t.Errorf("without a fault: %v", err) }
	opts.MaxBuffered, opts.JournalLimit, opts.ReplaceAttr, opts.Keep = 0, 0, nil, nil
	if opts.Journal != "" {
		opts.Journal = t.TempDir() // its own
	}
	h := dynamoslog.New(handlertest.NewTable(t, &dynamoslog.Table{}), &opts)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("without a fault: %v", err)
		}
	})
	return h
}

func (tr *trial) createTable() {
	tr.Helper()
	if err := tr.direct.Create(tr.Context()); err != nil && !dynamotest.IsUnknownOperation(err) { // of the time to live
		tr.Fatal(err)
	}
}

// run tells stories while the fault is there, heals it, and closes the handler.
func (tr *trial) run() {
	start := time.Now()
	stop := tr.watch()
	defer stop()
	tr.labelled(tr.tellAll)
	if tr.fault.during != nil {
		tr.fault.during(tr)
	}
	if tr.fault.fault != nil && !tr.fault.unmet {
		tr.await(flushPatience, "the fault to be met", func() bool { return tr.proxy.Seen().Faults > 0 })
	}
	lasts := tr.fault.lasts
	if tr.big {
		lasts = max(lasts, tr.fault.longest)
	}
	time.Sleep(time.Until(start.Add(lasts)))
	if !tr.fault.stays {
		tr.proxy.Set(nil)
		tr.proxy.Listen()
	}
	if tr.fault.heal != nil {
		tr.fault.heal(tr)
	}
	tr.labelled(tr.finish)
	if tr.proxy.Refuse(); tr.calm == nil { // else the calm one's are there
		tr.checkGoroutines()
	}
	tr.proxy.Idle()
	tr.proxy.Set(nil)
	tr.proxy.Listen()
}

// watch reads stories while they are told and stored, as a person may do, until
// stop is called: what is there of a story is its beginning.
func (tr *trial) watch() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	if !tr.big && tr.fault.note == "" && !tr.fault.rejects {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(20 * time.Millisecond):
				}
				if names := tr.names(); len(names) > 0 {
					tr.readBeginning(names[i%len(names)])
				}
			}
		})
	}
	return func() {
		close(done)
		wg.Wait()
	}
}

func (tr *trial) readBeginning(at name) {
	s, err := tr.direct.Read(tr.Context(), at.key, at.id)
	if err != nil {
		return // it is not stored yet, or there is no table
	}
	tr.mu.Lock()
	want := slices.DeleteFunc(slices.Clone(tr.told[at]), func(message string) bool { return tr.maybe[message] })
	s.Lines = slices.DeleteFunc(s.Lines, func(line story.Line) bool { return tr.maybe[line.Message] })
	ended := len(want)
	if tr.late[at] || tr.fault.others { // the last ones are late
		ended -= max(tr.fault.late, 1)
	}
	tr.mu.Unlock()
	for i, line := range s.Lines {
		if s.State == story.Open && i == len(s.Lines)-1 && i < len(want) && strings.HasPrefix(want[i], line.Message) {
			break // the rest of the line is in a part that is not stored yet
		}
		if i >= len(want) || line.Message != want[i] {
			tr.Errorf("%v, %s, read while it was stored: line %d is %.100q", at, s.State, i, line.Message)
			return
		}
	}
	if s.State != story.Open && len(s.Lines) < ended && !tr.fault.noFlush {
		tr.Errorf("%v is %s, and has only %d of its %d lines", at, s.State, len(s.Lines), len(want))
	}
}

// labelled calls f so that the goroutines that it starts are known as this
// trial's; those of the proxy and of reading the table are started outside.
func (tr *trial) labelled(f func()) {
	pprof.Do(tr.Context(), pprof.Labels("fault", tr.Name()), func(context.Context) { f() })
}

func (tr *trial) tellAll() {
	var wg sync.WaitGroup
	if !tr.fault.alone {
		for i := range tellers {
			wg.Go(func() { tr.tellStories(i) })
		}
	}
	if tr.fault.tell != nil {
		tr.fault.tell(tr)
	}
	wg.Wait()
}

// finish brings all that was told to the table, as far as the fault lets it.
func (tr *trial) finish() {
	ctx, cancel := context.WithTimeout(tr.Context(), flushPatience)
	defer cancel()
	if !tr.fault.noFlush {
		tr.flushed = tr.h.Flush(ctx)
	}
	patience := flushPatience
	if tr.fault.patience != 0 {
		patience = tr.fault.patience
	}
	ctx, cancel = context.WithTimeout(tr.Context(), patience)
	defer cancel()
	start := time.Now()
	tr.shutDown = tr.h.Shutdown(ctx)
	if took := time.Since(start); took > patience+3*time.Second { // this machine is loaded
		tr.Errorf("Shutdown took %v, with a context of %v", took, patience)
	}
	if tr.shutDown != nil { // until it has really ended
		tr.shutDown = tr.h.Shutdown(tr.Context())
	}
}

// tellStories is what one goroutine tells: short stories and long ones, some
// about the same object as those of others.
func (tr *trial) tellStories(teller int) {
	stories, pause := 6, 20*time.Millisecond
	if tr.big {
		stories, pause = 300, time.Millisecond
	}
	for i := range stories {
		b := tr.begin("user", (teller+i)%3)
		lines := 12
		if i%3 == 2 {
			lines = 80
		}
		for n := range lines {
			level := slog.LevelInfo
			if i%2 == 1 && n == 5 {
				level = slog.LevelWarn
			}
			b.log(level, fmt.Sprintf("teller %d story %d line %d", teller, i, n), "step", n, "of", "looking for an exercise")
			if n%10 == 9 {
				time.Sleep(pause)
			}
		}
		b.end()
		if i%3 > 0 { // a late line, of a long story or a short one
			b.log(slog.LevelWarn, fmt.Sprintf("teller %d story %d line %d", teller, i, lines), "step", lines, "of", "looking for an exercise")
			tr.mu.Lock()
			tr.late[b.name()] = true
			tr.mu.Unlock()
		}
	}
}

// A book is a story that is being told, all of whose lines are remembered.
type book struct {
	tr      *trial
	ctx     context.Context
	scope   *dynamoslog.Scope
	calmCtx context.Context
	logger  *slog.Logger
	calm    *slog.Logger
}

func (tr *trial) begin(kind string, id any) *book {
	b := &book{tr: tr, logger: slog.New(tr.h)}
	b.ctx, b.scope = dynamoslog.Begin(tr.Context(), kind, id)
	b.scope.Also("alias", "of a trial")
	if tr.calm != nil {
		b.calmCtx, _ = dynamoslog.Begin(tr.Context(), kind, id)
		b.calm = slog.New(tr.calm)
	}
	return b
}

func (b *book) name() name { return name{b.scope.Key(), b.scope.ID()} }

// remember notes lines that are logged to a story.
func (tr *trial) remember(at name, messages ...string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.told[at] = append(tr.told[at], messages...)
}

// log logs a line and remembers it.
func (b *book) log(level slog.Level, message string, args ...any) {
	tr := b.tr
	tr.remember(b.name(), message)
	tr.mu.Lock()
	calmFirst := tr.calm != nil && len(tr.times)%2 == 0
	tr.mu.Unlock()
	var calm time.Duration
	if calmFirst {
		calm = timed(func() { b.calm.Log(b.calmCtx, level, message, args...) })
	}
	took := timed(func() { b.logger.Log(b.ctx, level, message, args...) })
	if tr.calm != nil && !calmFirst {
		calm = timed(func() { b.calm.Log(b.calmCtx, level, message, args...) })
	}
	tr.mu.Lock()
	tr.times = append(tr.times, took)
	tr.calmTimes = append(tr.calmTimes, calm)
	tr.mu.Unlock()
}

// tellOne logs messages, which are the whole of a story.
func (tr *trial) tellOne(kind string, id any, messages ...string) *book {
	b := tr.begin(kind, id)
	for _, message := range messages {
		b.log(slog.LevelInfo, message)
	}
	b.end()
	return b
}

func (b *book) end() {
	b.scope.End()
	dynamoslog.FromContext(calmContext(b.calmCtx)).End()
}

func calmContext(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// await fails the trial if something does not come about in time.
func (tr *trial) await(patience time.Duration, what string, done func() bool) {
	tr.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			tr.Errorf("after %v: want %s", patience, what)
			return
		}
	}
}

// isStored reports whether the end of a story is in the table.
func (tr *trial) isStored(at name) bool {
	s, err := tr.direct.Read(tr.Context(), at.key, at.id)
	return err == nil && s.State != story.Open
}

// names returns what was told so far.
func (tr *trial) names() []name {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var names []name
	for at := range tr.told {
		names = append(names, at)
	}
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.id, b.id) })
	return names
}

// checkGoroutines finds the goroutines that the handler and the SDK started in
// this trial, and no other, by the label that they inherited.
func (tr *trial) checkGoroutines() {
	tr.Helper()
	var left string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if left = goroutinesOf(tr.Name()); left == "" {
			return
		}
	}
	tr.Errorf("goroutines are left:\n%s", left)
}

func goroutinesOf(value string) string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var left []string
	for block := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(block, fmt.Sprintf("%q:%q", "fault", value)) {
			left = append(left, block)
		}
	}
	return strings.Join(left, "\n\n")
}

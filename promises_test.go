package dynamoslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// reused returns strings over memory that is overwritten by the second function, as a
// server does that reuses its buffers.
func reused() (made func(string) string, overwrite func()) {
	var all [][]byte
	return func(s string) string {
			b := []byte(s)
			all = append(all, b)
			return unsafe.String(&b[0], len(b))
		}, func() {
			for _, b := range all {
				for i := range b {
					b[i] = '?'
				}
			}
		}
}

func TestNothingOfTheCallersMemoryIsKept(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	logger := slog.New(h)
	of, overwrite := reused()
	ctx, scope := dynamoslog.Begin(t.Context(), of("user"), of("alice"))
	scope.Set(slog.String(of("plan"), of("free")), slog.Group(of("g"), slog.Any(of("k"), []byte(of("bytes")))))
	logger.InfoContext(dynamoslog.Lane(ctx, of("worker")), of("hello"), of("name"), of("value"))
	logger.With(dynamoslog.Key(of("job"), of("nightly"))).Info("line 0")
	renamed, other := dynamoslog.Begin(t.Context(), "user", "x")
	other.Rekey(of("user"), of("bob"))
	logger.InfoContext(renamed, "line 0")
	overwrite()
	scope.End()
	other.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Read(t.Context(), story.NewKey("user", "alice"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"plan": "free", "g.k": "bytes", "lane_0": "worker"}
	if s.Title != "hello" || s.Lines[0].Message != "hello" || s.Lines[0].Attrs != "name=value" || fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got %+v", s)
	}
	for _, key := range []string{"job_nightly", "user_bob"} {
		if state(t, store, key, "") == "" {
			t.Errorf("%s is not there", key)
		}
	}
}

type secret string

// mask redacts by key, by path and by type.
func mask(groups []string, a slog.Attr) slog.Attr {
	_, typed := a.Value.Any().(secret)
	if a.Key == "password" && strings.Join(groups, "/") == "user" || a.Key == "token" || typed {
		return slog.String(a.Key, "***")
	}
	return a
}

func TestHeadersAreRedactedAsLinesAre(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	var fallback output
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, func(p story.Part) bool { return p.Key.ID == "rejected" })}
	h := dynamoslog.New(store, &dynamoslog.Options{
		ReplaceAttr: mask, Journal: dir, Fallback: &fallback, OnError: func(error) {},
		Attrs: []slog.Attr{slog.String("token", "hunter2"), slog.Int("build", 7)},
	})
	attrs := []slog.Attr{
		slog.Group("user", slog.String("password", "hunter2"), slog.String("name", "x")), slog.Any("card", secret("hunter2")),
		slog.String("token", strings.Repeat("hunter2", 200)),
	}
	for _, id := range []string{"kept", "rejected"} {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
		scope.Set(attrs...)
		slog.New(h).InfoContext(ctx, "hello")
		scope.Set(slog.Any("late", secret("hunter2")))
		scope.End()
	}
	_ = h.Flush(t.Context()) // one is rejected
	s, err := store.Read(t.Context(), story.NewKey("job", "kept"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"build": "7", "token": "***", "user.password": "***", "user.name": "x", "card": "***", "late": "***"}
	if fmt.Sprint(s.Attrs) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", s.Attrs, want)
	}
	_, data := (&trial{T: t, opts: dynamoslog.Options{Journal: dir}}).segments()
	for what, text := range map[string]string{"story": story.Format(s.Lines), "fallback": fallback.String(), "journal": strings.Join(data, "")} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("the %s tells", what)
		}
	}
	_ = h.Close()
}

// What panics of the user's ends nothing, and is told.
func TestPanicsOfTheUsersAreContained(t *testing.T) {
	var told output
	onError := func(err error) { fmt.Fprintln(&told, err) }
	for _, c := range []struct {
		name string
		opts dynamoslog.Options
		put  bool
		want string
		text string // of the line that is stored
	}{
		{"ReplaceAttr", dynamoslog.Options{OnError: onError, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			return slog.Int(a.Key, int(a.Value.Int64()))
		}}, false, "Options.ReplaceAttr panicked", `hello name="!PANIC in ReplaceAttr"`},
		{"OnError", dynamoslog.Options{Keep: func(story.Header) bool { panic("keep") }, OnError: func(error) { panic("onerror") }, Fallback: &told}, false, "Options.OnError panicked: onerror", "hello name=value"},
		{"Fallback", dynamoslog.Options{OnError: onError, Fallback: panicWriter{}, QuietLevel: panicLevel{}}, false, "Options.QuietLevel panicked", "hello name=value"},
		{"Put", dynamoslog.Options{OnError: onError}, true, "the store panicked", "hello name=value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed atomic.Bool
				store := &faulty{Memory: story.NewMemory(), fault: func(context.Context, []story.Part) error {
					if c.put && !failed.Swap(true) {
						panic("put")
					}
					return nil
				}}
				h := dynamoslog.New(store, &c.opts)
				ctx, scope := dynamoslog.Begin(t.Context(), "job", c.name)
				scope.Set(slog.String("name", "value"))
				slog.New(h).InfoContext(ctx, "hello", "name", "value")
				scope.End()
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				_ = slog.New(h).Handler().Handle(t.Context(), slog.Record{Message: "after Close"}) // goes to the fallback
				s, err := store.Read(t.Context(), story.NewKey("job", c.name), "")
				if err != nil || len(s.Lines) != 1 || !strings.Contains(story.Format(s.Lines), strings.Replace(c.text, " ", "\t", 1)) {
					t.Errorf("got %+v, %v", s, err)
				}
				synctest.Wait()
				if !strings.Contains(told.String(), c.want) {
					t.Errorf("told %q, want %q", told.String(), c.want)
				}
			})
		})
	}
}

type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic("write") }

type panicLevel struct{}

func (panicLevel) Level() slog.Level { panic("level") }

// ReplaceAttr, OnError and Fallback may log, flush and take their time.
func TestCallbacksMayUseTheHandler(t *testing.T) {
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}
	var h *dynamoslog.Handler
	var inside atomic.Bool
	flushed := make(chan error, 1)
	opts := &dynamoslog.Options{
		Fallback: io.Discard,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "name" && !inside.Swap(true) {
				slog.New(h).Info("from ReplaceAttr")
				inside.Store(false)
			}
			return a
		},
		OnError: func(error) {
			slog.New(h).Info("from OnError")
			store.set(nil)
			select {
			case flushed <- h.Flush(context.Background()):
			default:
			}
		},
	}
	h = dynamoslog.New(store, opts)
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	scope.Set(slog.String("name", "x"))
	slog.New(h).InfoContext(ctx, "line 0", "name", "y")
	scope.Set(slog.String("name", "z"))
	scope.End()
	if err := h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-flushed; err != nil {
		t.Errorf("Flush from OnError: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	wantLines(t, store, "1", 1, story.Sealed)
}

// loggingWriter logs what it is to write, through the default logger.
type loggingWriter struct{ writes atomic.Int64 }

func (w *loggingWriter) Write(text []byte) (int, error) {
	w.writes.Add(1)
	log.Print(string(text))
	slog.Info(string(text))
	return len(text), nil
}

func TestFallbackThatLogs(t *testing.T) {
	before, flags := slog.Default(), log.Flags()
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(io.Discard); log.SetFlags(flags) })
	w := &loggingWriter{}
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: w})
	slog.SetDefault(slog.New(h))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	slog.Info("after Close")
	if got := w.writes.Load(); got != 1 {
		t.Errorf("%d writes, want 1", got)
	}
}

// hangingWriter never returns.
type hangingWriter struct{ hang chan struct{} }

func (w hangingWriter) Write(text []byte) (int, error) {
	<-w.hang
	return len(text), nil
}

func TestFallbackThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := hangingWriter{make(chan struct{})}
		h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: w})
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 10 {
			slog.New(h).Info("after Close")
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("ten lines took %v", took)
		}
		close(w.hang)
	})
}

func TestBytesAreText(t *testing.T) {
	type named []byte
	h, store := open(t, dynamoslog.Options{ReplaceAttr: noTime})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	scope.Set(slog.Any("body", json.RawMessage(`{"a":1}`)))
	slog.New(h).InfoContext(ctx, "line 0", "raw", json.RawMessage(`{"a":1}`), "named", named("x"), "nil", named(nil))
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || s.Lines[0].Attrs != `raw="{\"a\":1}" named=x nil=""` || s.Attrs["body"] != `{"a":1}` {
		t.Errorf("got %q, %v, %v", s.Lines[0].Attrs, s.Attrs, err)
	}
}

// Scope.Attr in a record's own attributes joins the scope, as Key does there.
func TestScopeAttrInARecord(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	_, scope := dynamoslog.Begin(t.Context(), "job", "1")
	slog.New(h).Info("line 0", scope.Attr())
	scope.End()
	_ = h.Flush(t.Context())
	wantLines(t, store, "1", 1, story.Sealed)
}

// In an outage of a day open stories stay within the memory, and an Error still finds
// room.
func TestOutageOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback output
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}
		const scopes, most = 1000, 4 << 20
		h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: most, Fallback: &fallback, OnError: func(error) {}})
		logger := slog.New(h)
		var contexts []context.Context
		for i := range scopes {
			ctx, _ := dynamoslog.Begin(t.Context(), "socket", i)
			contexts = append(contexts, ctx)
		}
		largest := int64(0)
		for range 23 * 6 { // hours
			for _, ctx := range contexts {
				logger.InfoContext(ctx, "still here", "name", "value")
			}
			time.Sleep(10 * time.Minute) // of the fake clock
			largest = max(largest, h.Stats().Buffered)
		}
		if largest > most {
			t.Errorf("%d bytes are held, of %d", largest, most)
		}
		before := h.Stats().Dropped
		for _, ctx := range contexts {
			logger.ErrorContext(ctx, "failed")
		}
		synctest.Wait()
		store.set(nil)
		_ = h.Close() // tells what was dropped
		errors := 0
		for _, s := range stored(t, store) {
			errors += strings.Count(story.Format(s.Lines), " E ")
		}
		if errors != scopes {
			t.Errorf("%d of %d errors are stored; %d lines were dropped before them, %d in all", errors, scopes, before, h.Stats().Dropped)
		}
	})
}

// A keyed story for which there was no memory gives back what it takes.
func TestKeyedStoryWithoutMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := open(t, dynamoslog.Options{MaxBuffered: 4 << 10})
		slog.New(h).With(dynamoslog.Key("job", 1)).Info(strings.Repeat("x", 8<<10))
		time.Sleep(time.Minute) // of the fake clock
		if got := h.Stats(); got.Dropped != 1 || got.Buffered != 0 || got.Open != 0 {
			t.Errorf("got %+v", got)
		}
		_ = h.Close()
	})
}

// Scopes that log after Close cost nothing.
func TestScopesAfterClose(t *testing.T) {
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Fallback: io.Discard})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, "after Close")
	scope.End()
	if got := h.Stats(); got.Buffered != 0 || got.Open != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestLanesAreBounded(t *testing.T) {
	h, store := open(t, dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal")})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	for i := range 5000 {
		slog.New(h).InfoContext(dynamoslog.Lane(ctx, fmt.Sprint("lane ", i)), "hello")
	}
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || len(s.Lines) != 5000 || s.Attrs["lane_0"] != "lane 0" {
		t.Fatalf("%d lines, %v, %v", len(s.Lines), s.Attrs, err)
	}
	for _, line := range s.Lines {
		if line.Lane > 1024 {
			t.Fatalf("lane %d", line.Lane)
		}
	}
}

func TestSetIsBounded(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", 1)
	slog.New(h).InfoContext(ctx, "hello")
	for i := range 20_000 {
		scope.Set(slog.Int(fmt.Sprint("name", i), i))
	}
	scope.Set(slog.Int("name0", -1))
	scope.End()
	_ = h.Flush(t.Context())
	s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
	if err != nil || s.Attrs["name0"] != "-1" || len(s.Lines) > 258 || !strings.Contains(s.Lines[len(s.Lines)-1].Message, "19744 further attributes") {
		t.Errorf("%d lines, the last %+v, %v", len(s.Lines), s.Lines[len(s.Lines)-1], err)
	}
}

// Flush and Close do not wait for a store that says that it cannot be used.
func TestNobodyWaitsForAMissingTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fallback output
		missing := fmt.Errorf("no table: %w", story.ErrUnusable)
		store := &faulty{Memory: story.NewMemory(), fault: func(_ context.Context, parts []story.Part) error {
			failed := &story.PutError{}
			for i := range parts {
				failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Wait, Err: missing})
			}
			return failed
		}}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback})
		tell(t, h, "1", 3)
		for _, wait := range []func() error{func() error { return h.Flush(context.Background()) }, h.Close} {
			start := time.Now()
			err := wait()
			var unwritten *dynamoslog.UnwrittenError
			if took := time.Since(start); took > time.Second || !errors.Is(err, story.ErrUnusable) || !errors.As(err, &unwritten) || unwritten.Lines != 3 {
				t.Errorf("took %v: %v", took, err)
			}
		}
		if !strings.Contains(fallback.String(), "line 2") {
			t.Errorf("the fallback has %q", fallback.String())
		}
	})
}

// Flush covers lines that were logged while Keep was asked.
func TestFlushBesideKeep(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Keep: func(story.Header) bool {
		close(asked)
		<-answer
		return true
	}})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	logger := slog.New(h)
	logger.InfoContext(ctx, "line 0")
	var ended sync.WaitGroup
	ended.Go(scope.End)
	<-asked
	logger.InfoContext(ctx, "line 1")
	flushed := make(chan error)
	go func() { flushed <- h.Flush(context.Background()) }()
	select {
	case err := <-flushed:
		t.Fatalf("Flush returned %v while Keep was asked", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(answer)
	ended.Wait()
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	wantLines(t, store, "1", 2, story.Sealed)
	_ = h.Close()
}

// What OnError hears last is how it is.
func TestLastWordOfOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told output
		store := &faulty{Memory: story.NewMemory()}
		h := dynamoslog.New(store, &dynamoslog.Options{OnError: func(err error) { fmt.Fprintln(&told, err) }})
		for i, fault := range []func(context.Context, []story.Part) error{failing(story.Retry, all), nil, failing(story.Retry, all)} {
			store.set(fault)
			tell(t, h, fmt.Sprint(i), 1)
			soon, cancel := context.WithTimeout(t.Context(), 5*time.Second) // of the fake clock
			_ = h.Flush(soon)                                               // as far as it goes, and at once
			cancel()
			synctest.Wait()
		}
		lines := strings.Split(strings.TrimSpace(told.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[2], "as told") {
			t.Errorf("told %q", lines)
		}
		store.set(nil)
		_ = h.Close()
	})
}

// valueStore is a store that cannot be compared.
type valueStore struct {
	story.Store
	any
}

func TestStoresThatAreValues(t *testing.T) {
	store := story.NewMemory()
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	for range 2 {
		h := dynamoslog.New(valueStore{store, []int{1}}, nil)
		slog.New(h).InfoContext(ctx, "hello")
		defer func() { _ = h.Close() }()
	}
	scope.End()
}

// A handler made outside a bubble works in it.
func TestHandlerFromOutsideABubble(t *testing.T) {
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &bytes.Buffer{}})
	synctest.Test(t, func(t *testing.T) {
		tell(t, h, "1", 1)
		time.Sleep(time.Second) // of the fake clock
		if state(t, store, "job_1", "") != story.Sealed {
			t.Error("not stored")
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A story of which only the loss of its lines is stored ends as others do.
func TestStoryOfWhichNothingIsLeftEnds(t *testing.T) {
	h, store := open(t, dynamoslog.Options{MaxBuffered: 4 << 10})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	slog.New(h).InfoContext(ctx, strings.Repeat("x", 8<<10))
	if err := h.Flush(t.Context()); err == nil {
		t.Error("Flush: nil, although a line was dropped")
	}
	scope.End()
	_ = h.Flush(t.Context())
	if got := state(t, store, "job_1", ""); got != story.Sealed {
		t.Errorf("the story is %q", got)
	}
}

// An Error after the story's end is found in lists, on every store, and after a crash.
func TestLateErrorIsInLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory()}
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		logger := slog.New(h)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
		logger.InfoContext(ctx, "line 0")
		scope.End()
		levels := func() (n int) {
			page, err := store.List(t.Context(), story.Query{MinLevel: slog.LevelError})
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Headers)
		}
		logger.InfoContext(ctx, "line 1")
		if err := h.Flush(t.Context()); err != nil || levels() != 0 {
			t.Errorf("%d at level Error, %v", levels(), err)
		}
		store.set(failing(story.Retry, all))
		logger.ErrorContext(ctx, "line 2")
		next := crashed(t, store, opts)
		store.set(nil)
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		if levels() != 1 {
			t.Errorf("%d at level Error after a crash, want 1", levels())
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		wantLines(t, store, "1", 3, story.Sealed)
		if s := h.Stats(); s.Stories != 1 {
			t.Errorf("%d stories are counted, want 1", s.Stories)
		}
	})
}

// The time of a record may be anything.
func TestTimesFarAway(t *testing.T) {
	h, store := open(t, dynamoslog.Options{})
	ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
	for i, year := range []int{1, 1600, 2026, 2400, 9999} {
		r := slog.NewRecord(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), slog.LevelWarn, fmt.Sprintf("line %d", i), 0)
		if err := h.Handle(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	scope.End()
	_ = h.Flush(t.Context())
	wantLines(t, store, "1", 5, story.Sealed)
	s, _ := store.Read(t.Context(), story.NewKey("job", "1"), "")
	for _, line := range s.Lines {
		if line.Level != slog.LevelWarn {
			t.Errorf("got %+v", line)
		}
	}
}

// The fallback says what a story is about, as its header does.
func TestFallbackNamesTheStory(t *testing.T) {
	var fallback output
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, all)}
	h := dynamoslog.New(store, &dynamoslog.Options{Fallback: &fallback, OnError: func(error) {}})
	ctx, scope := dynamoslog.Begin(t.Context(), "http", "GET /users/{id}")
	scope.Set(slog.String("path", "/users/7"), slog.String("request_id", "a b"))
	slog.New(h).InfoContext(ctx, "hello")
	scope.End()
	_ = h.Close()
	want := "dynamoslog: http_GET /users/{id} " + scope.ID() + ` (path=/users/7 request_id="a b") part 0 not stored: as told` + "\n+0.000 I hello\n"
	if got := fallback.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A fallback that hangs does not end storing.
func TestFallbackThatHangsBesideAReject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := hangingWriter{make(chan struct{})}
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Reject, func(p story.Part) bool { return p.Key.ID == "rejected" })}
		h := dynamoslog.New(store, &dynamoslog.Options{Fallback: w})
		tell(t, h, "rejected", 1)
		time.Sleep(time.Minute) // of the fake clock
		tell(t, h, "other", 1)
		time.Sleep(time.Minute)
		if state(t, store, "job_other", "") != story.Sealed {
			t.Error("the other story is not stored")
		}
		close(w.hang)
		_ = h.Close()
	})
}

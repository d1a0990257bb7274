package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

func TestJournalIsEmptyWhenAllIsStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	h := dynamoslog.New(story.NewMemory(), &dynamoslog.Options{Journal: dir})
	for i := range 100 {
		tell(t, h, fmt.Sprint(i), 50)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What Close cannot store is stored by the next handler that uses the journal.
func TestJournalKeepsWhatIsNotStored(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
	var fallback bytes.Buffer
	h := dynamoslog.New(store, &dynamoslog.Options{Journal: dir, Fallback: &fallback, OnError: func(error) {}})
	for i := range 100 {
		tell(t, h, fmt.Sprint(i), 50)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.Shutdown(ctx)
	err := h.Close() // a second time, so that it has really ended
	if unwritten := (*dynamoslog.UnwrittenError)(nil); !errors.As(err, &unwritten) || unwritten.Lines != 5000 || unwritten.Stories != 100 {
		t.Errorf("Shutdown: %v", err)
	}
	if fallback.Len() > 0 {
		t.Errorf("fallback: %.200s", fallback.String())
	}
	store.set(nil)
	next := dynamoslog.New(store, &dynamoslog.Options{Journal: dir})
	tell(t, next, "other", 1)
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		wantLines(t, store, fmt.Sprint(i), 50, story.Sealed)
	}
	if got := next.Stats().Recovered; got != 5000 {
		t.Errorf("%d lines recovered, want 5000", got)
	}
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A copy of the journal of a running process is what a kill would leave.
func TestJournalTellsOfOpenStories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Journal: dir})
	logger := slog.New(h)
	begin := func(id string, lines int) (context.Context, *dynamoslog.Scope) {
		ctx, scope := dynamoslog.Begin(t.Context(), "job", id)
		for i := range lines {
			logger.InfoContext(ctx, fmt.Sprintf("line %d", i))
		}
		return ctx, scope
	}
	_, open := begin("open", 3)
	ctx, partly := begin("partly", 2)
	_, stored := begin("stored", 4)
	badCtx, bad := begin("bad", 1)
	logger.ErrorContext(badCtx, "line 1", "err", "EOF")
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	logger.WarnContext(ctx, "line 2")
	logger.ErrorContext(badCtx, "line 2")
	ctx, fresh := begin("fresh", 5)
	fresh.Set(slog.String("plan", "free"))
	fresh.Rekey("job", "renamed")
	logger.InfoContext(ctx, "line 5")

	after := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(after, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	next := dynamoslog.New(store, &dynamoslog.Options{Journal: after})
	tell(t, next, "other", 1)
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	wantLines(t, store, "open", 3, story.Interrupted)
	wantLines(t, store, "partly", 3, story.Interrupted)
	wantLines(t, store, "stored", 4, story.Interrupted)
	wantLines(t, store, "renamed", 6, story.Interrupted)
	s, err := store.Read(t.Context(), story.NewKey("job", "renamed"), "")
	if err != nil || s.Attrs["plan"] != "free" || s.Title != "line 0" || s.LineCount != 6 {
		t.Errorf("got %+v, %v", s.Header, err)
	}
	s, err = store.Read(t.Context(), story.NewKey("job", "partly"), "")
	if err != nil || s.MaxLevel != slog.LevelWarn || s.LineCount != 3 || s.Cause != "line 2" {
		t.Errorf("got %+v, %v", s.Header, err)
	}
	s, err = store.Read(t.Context(), story.NewKey("job", "bad"), "") // of which the cause was stored before
	if _, id := story.CauseOf("job", s.Lines); err != nil || s.MaxLevel != slog.LevelError || s.State != story.Interrupted || s.Cause != "line 1: EOF" || s.Problem != id {
		t.Errorf("got %+v, %v", s.Header, err)
	}
	bad.End()
	open.End()
	partly.End()
	stored.End()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// Where the journal cannot be written the handler goes on in memory, and says so once.
func TestJournalThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(dir, []byte("a file, not a directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 100)
	store := story.NewMemory()
	h := dynamoslog.New(store, &dynamoslog.Options{Journal: dir, OnError: func(err error) { told <- err }})
	for i := range 10 {
		tell(t, h, fmt.Sprint(i), 50)
	}
	if err := <-told; err == nil {
		t.Error("OnError was not told why")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for i := range 10 {
		wantLines(t, store, fmt.Sprint(i), 50, story.Sealed)
	}
	if got := h.Stats().Unprotected; got != 500 {
		t.Errorf("%d lines are counted as unprotected, want 500", got)
	}
	if len(told) > 1 {
		t.Errorf("OnError was told %d times more", len(told))
	}
}

// Two handlers share a directory, each with a journal of its own in it.
func TestJournalIsShared(t *testing.T) {
	dir := t.TempDir()
	stores := [2]*faulty{{Memory: story.NewMemory(), fault: failing(story.Wait, all)}, {Memory: story.NewMemory()}}
	var handlers [2]*dynamoslog.Handler
	for i := range handlers {
		handlers[i] = dynamoslog.New(stores[i], &dynamoslog.Options{Journal: dir})
		tell(t, handlers[i], fmt.Sprint("of ", i), 10)
	}
	if err := handlers[1].Close(); err != nil {
		t.Fatal(err)
	}
	wantLines(t, stores[1], "of 1", 10, story.Sealed)
	if _, err := stores[1].Read(t.Context(), story.NewKey("job", "of 0"), ""); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("one handler took what another is about to store: %v", err)
	}
	stores[0].set(nil)
	if err := handlers[0].Close(); err != nil {
		t.Fatal(err)
	}
	wantLines(t, stores[0], "of 0", 10, story.Sealed)
}

// A tally store counts how often the end of each story is stored. It may be down.
type tally struct {
	story.Store
	mu     sync.Mutex
	down   bool
	stored map[string]int // by key
}

func (s *tally) Put(_ context.Context, parts []story.Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return story.ErrUnusable
	}
	for _, p := range parts {
		if p.Header != nil && p.Header.State == story.Sealed {
			s.stored[p.Key.String()]++
		}
	}
	return nil
}

// More stories are left than the next handler lists at once, or has memory for.
func TestManyStoriesAreRecovered(t *testing.T) {
	const stories, limit = 40_000, 32 << 20
	dir := filepath.Join(t.TempDir(), "journal")
	store := &tally{down: true, stored: make(map[string]int)}
	h := dynamoslog.New(store, &dynamoslog.Options{Journal: dir})
	for i := range stories {
		tell(t, h, fmt.Sprint(i), 1)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.Shutdown(ctx)
	var unwritten *dynamoslog.UnwrittenError
	if err := h.Shutdown(t.Context()); !errors.As(err, &unwritten) || unwritten.Lines != stories {
		t.Fatalf("Shutdown: %v", err)
	}
	store.down = false
	next := dynamoslog.New(store, &dynamoslog.Options{Journal: dir, MaxBuffered: limit})
	for next.Stats().Recovered < stories {
		if got := next.Stats(); got.Buffered > limit || got.Dropped > 0 {
			t.Fatalf("while they are recovered: %+v", got)
		}
		tell(t, next, "other", 1)
		time.Sleep(time.Millisecond)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range stories {
		if got := store.stored[fmt.Sprint("job_", i)]; got != 1 {
			t.Fatalf("story %d was stored %d times", i, got)
		}
	}
	if left := entries(t, dir); len(left) > 0 || next.Stats().Damaged > 0 {
		t.Errorf("left: %v; %d records damaged", left, next.Stats().Damaged)
	}
}

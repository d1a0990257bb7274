package dynamoslog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// A store that takes nothing, and holds nothing.
type downStore struct{ story.Store }

func (downStore) Put(ctx context.Context, _ []story.Part) error { return story.ErrUnusable }

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million scopes are open while the store takes nothing: what the handler holds
// stays under MaxBuffered, and each line is there or counted.
func TestMillionOpenScopes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a gigabyte for the scopes themselves")
	}
	const scopes, limit = 1_000_000, 16 << 20
	var fallback bytes.Buffer
	contexts := make([]context.Context, scopes)
	open := make([]*dynamoslog.Scope, scopes)
	for i := range contexts {
		contexts[i], open[i] = dynamoslog.Begin(t.Context(), "user", i)
	}
	before := heapInUse()
	h := dynamoslog.New(downStore{}, &dynamoslog.Options{MaxBuffered: limit, Fallback: &fallback})
	logger := slog.New(h)
	for round := range 2 {
		for i, ctx := range contexts {
			logger.InfoContext(ctx, "Starting workout generation", "user", i, "round", round)
		}
	}
	held := heapInUse() - before
	t.Logf("%d bytes of heap for %d lines in %d scopes; MaxBuffered is %d", held, 2*scopes, scopes, limit)
	if held > 2*limit {
		t.Errorf("the handler holds %d bytes, MaxBuffered is %d", held, limit)
	}
	if got := h.Stats().Buffered; got > limit+limit/16 {
		t.Errorf("%d bytes are counted, MaxBuffered is %d", got, limit)
	}
	for _, scope := range open {
		scope.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); err == nil {
		t.Error("Shutdown: want an error, as nothing is stored")
	}
	kept := bytes.Count(fallback.Bytes(), []byte("Starting workout"))
	dropped := h.Stats().Dropped
	if int64(kept)+dropped != 2*scopes || h.Stats().DroppedBy["user"] != dropped {
		t.Errorf("%d lines in the fallback and %d dropped, %v, want %d in all", kept, dropped, h.Stats().DroppedBy, 2*scopes)
	}
	runtime.KeepAlive(contexts)
}

// Past MaxBuffered what is in the journal leaves memory; nothing is dropped, and
// all of it is stored when the store takes it again.
func TestSpilledToJournal(t *testing.T) {
	const stories, limit = 3000, 4 << 20
	store := &faulty{Memory: story.NewMemory(), fault: failing(story.Wait, all)}
	h := dynamoslog.New(store, &dynamoslog.Options{MaxBuffered: limit, Journal: t.TempDir()})
	for i := range stories {
		lines := 40
		if i%10 == 0 {
			lines = 400 // too many for a header
		}
		tell(t, h, fmt.Sprint(i), lines)
	}
	if s := h.Stats(); s.Dropped > 0 || s.Unprotected > 0 || s.Buffered > limit {
		t.Errorf("%d lines dropped, %d unprotected; %d bytes held, MaxBuffered is %d", s.Dropped, s.Unprotected, s.Buffered, limit)
	}
	store.set(nil)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range stories {
		lines := 40
		if i%10 == 0 {
			lines = 400
		}
		wantLines(t, store, fmt.Sprint(i), lines, story.Sealed)
	}
}

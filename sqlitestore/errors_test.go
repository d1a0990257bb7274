package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// lock makes another connection the file's writer, until unlock is called.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	sqlitestore.Hurry(t, store)
	part := header(story.NewKey("user", "1"), time.Now())
	unlock := lock(t, path)
	putErr := store.Put(t.Context(), []story.Part{part})
	for method, err := range map[string]error{"Put": putErr, "Delete": store.Delete(t.Context(), part.Key, "")} {
		if !errors.Is(err, story.ErrBusy) || errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), "another process is writing") {
			t.Errorf("%s: got %v, want ErrBusy", method, err)
		}
	}
	var failed *story.PutError
	if !errors.As(putErr, &failed) || failed.Failures[0].Outcome != story.Retry {
		t.Errorf("Put: got %v, want a PutError with Retry", putErr)
	}
	unlock()
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Errorf("when nobody else writes: %v", err)
	}
}

func TestUnusable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	part := header(story.NewKey("user", "1"), time.Now())
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil { // brings everything into the file itself
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ { // all pages but the first
		data[i] = 0xee
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := open(t, path)
	_, listErr := damaged.List(t.Context(), story.Query{})
	_, readErr := damaged.Read(t.Context(), part.Key, part.ID)
	for method, err := range map[string]error{
		"Put": damaged.Put(t.Context(), []story.Part{part}), "List": listErr, "Read": readErr,
		"Delete": damaged.Delete(t.Context(), part.Key, ""),
	} {
		if !errors.Is(err, story.ErrUnusable) || errors.Is(err, story.ErrBusy) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s of a damaged file: got %v, want ErrUnusable", method, err)
		}
	}
}

func TestNoDatabaseIsUnusable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlitestore.Open(path)
	if !errors.Is(err, sqlitestore.ErrNotStore) || !errors.Is(err, story.ErrUnusable) {
		t.Errorf("got %v, want ErrNotStore and ErrUnusable", err)
	}
}

func TestContextEndsAWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	part := header(story.NewKey("user", "1"), time.Now())
	unlock := lock(t, path)
	defer unlock()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("the caller's patience"))
	defer cancel()
	began := time.Now()
	err := store.Put(ctx, []story.Part{part})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the caller's patience") {
		t.Errorf("got %v, want DeadlineExceeded with its cause", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Put returned %v after its deadline", took)
	}
}

// TestCloseDuringPut closes the store while one Put waits for another process,
// and a second one for the first.
func TestCloseDuringPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	part := header(story.NewKey("user", "1"), time.Now())
	unlock := lock(t, path)
	errs := make(chan error)
	for range 2 {
		go func() { errs <- store.Put(t.Context(), []story.Part{part}) }()
	}
	for store.Waiting() == 0 {
		runtime.Gosched()
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if err := <-errs; !errors.Is(err, sqlitestore.ErrClosed) {
		t.Errorf("the one that waits for a connection: got %v, want ErrClosed", err)
	}
	unlock()
	if err := <-errs; err != nil && !errors.Is(err, sqlitestore.ErrClosed) {
		t.Errorf("the one that had begun: got %v, want that it is stored, or ErrClosed", err)
	}
}

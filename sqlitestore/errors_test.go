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
	"github.com/dynamoslog/dynamoslog/story/storetest"
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
	if !errors.As(putErr, &failed) || failed.Failures[0].Outcome != story.Busy {
		t.Errorf("Put: got %v, want a PutError with Busy", putErr)
	}
	if err := storetest.CheckPutError(1, putErr); err != nil {
		t.Error(err)
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

func TestOpenUnwritable(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	closed := open(t, file)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	unwritable := filepath.Join(folder, "unwritable")
	if err := os.Mkdir(unwritable, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "stories.db"), folder, filepath.Join(unwritable, "stories.db"), file} {
		if path == file {
			if err := os.Chmod(file, 0o400); err != nil {
				t.Fatal(err)
			}
		}
		if os.Geteuid() == 0 && path != folder && filepath.Dir(path) != file {
			continue // nothing is unwritable for root
		}
		store, err := sqlitestore.Open(path)
		if !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "must be writable") {
			t.Errorf("%s: got %v, %v; want ErrUnusable that says what to do", path, store, err)
		}
	}
}

// TestPartTooBig stores what fits beside a part that SQLite cannot hold.
func TestPartTooBig(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	sqlitestore.LimitLength(t, store, 100_000)
	key := story.NewKey("user", "1")
	first, second := header(key, time.Now()), header(key, time.Now())
	first.Header.Parts, second.Text = 1, strings.Repeat("x", 200_000)
	parts := []story.Part{
		{Key: key, ID: first.ID, Number: 1, Text: strings.Repeat("x", 200_000)}, first,
		{Key: key, ID: first.ID, Number: 2, Text: "+0.000 I late\n"}, second,
	}
	err := store.Put(t.Context(), parts)
	var failed *story.PutError
	if !errors.As(err, &failed) || len(failed.Failures) != 2 || failed.Failures[0].Index != 0 || failed.Failures[1].Index != 3 {
		t.Fatalf("got %v, want a PutError for the parts 0 and 3", err)
	}
	for _, f := range failed.Failures {
		if f.Outcome != story.Reject {
			t.Errorf("part %d: got the outcome %v, want reject", f.Index, f.Outcome)
		}
	}
	page, err := store.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].ID != first.ID {
		t.Errorf("got %+v, %v; want the first story alone", page, err)
	}
	s, err := store.Read(t.Context(), key, first.ID)
	if err != nil || len(s.Lines) != 3 || s.Lines[2].Message != "late" {
		t.Errorf("got %+v, %v; want its lines, and one for the part that is missing", s.Lines, err)
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

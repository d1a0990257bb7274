package sqlitestore_test

import (
	"database/sql"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
)

func open(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func header(key story.Key, start time.Time) story.Part {
	start = start.UTC().Truncate(time.Millisecond)
	id := story.NewID(start)
	return story.Part{Key: key, ID: id, Text: "+0.000 I hello\n", Header: &story.Header{
		Key: key, ID: id, Start: start, Updated: start, State: story.Sealed, LineCount: 1, Title: "hello",
	}}
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) story.Store { return open(t, filepath.Join(t.TempDir(), "stories.db")) })
}

func TestExpiredStoriesAreNotShown(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	store.TTL = time.Hour
	key := story.NewKey("user", "1")
	old, fresh := header(key, time.Now().Add(-26*time.Hour)), header(key, time.Now().Add(-24*time.Hour))
	if err := store.Put(t.Context(), []story.Part{old, fresh}); err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].ID != fresh.ID {
		t.Errorf("got %+v, %v; want only the fresh one", page, err)
	}
	if _, err := store.Read(t.Context(), key, old.ID); !errors.Is(err, story.ErrNotFound) {
		t.Errorf("reading the expired one: %v", err)
	}
}

func TestTwoStoresOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "stories.db")
	one, two := open(t, path), open(t, path)
	key := story.NewKey("user", "1")
	for range 20 {
		for _, store := range []*sqlitestore.Store{one, two} {
			if err := store.Put(t.Context(), []story.Part{header(key, time.Now())}); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 0
	for _, err := range story.All(t.Context(), two, story.Query{Key: key, Limit: 7}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 40 {
		t.Errorf("got %d stories, want 40", n)
	}
	info, err := os.Stat(path)
	if err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("only the user may read the file: %v %v", info.Mode(), err)
	}
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	key := story.NewKey("user", "1")
	if err := store.Put(t.Context(), []story.Part{header(key, time.Now())}); err != nil {
		t.Fatal(err)
	}
	restore := sqlitestore.LimitPages(t, store)
	part := story.Part{Key: key, ID: "id", Number: 1, Text: strings.Repeat("x", story.MaxPartText)}
	err := store.Put(t.Context(), []story.Part{part})
	var putErr *story.PutError
	if !errors.As(err, &putErr) || putErr.Failures[0].Outcome != story.Wait || !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v, want a PutError with Wait and ErrUnusable that says to make room", err)
	}
	restore()
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	newer := filepath.Join(dir, "newer")
	open(t, newer)
	for path, statement := range map[string]string{other: "CREATE TABLE t (x)", newer: "PRAGMA user_version = 99"} {
		db, err := sql.Open("sqlite", path)
		if err == nil {
			_, err = db.Exec(statement)
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", text, other, newer} {
		if store, err := sqlitestore.Open(path); !errors.Is(err, sqlitestore.ErrNotStore) {
			t.Errorf("%q: got %v, %v; want ErrNotStore", path, store, err)
		}
	}
	if _, err := sqlitestore.Open(dir); err == nil {
		t.Error("a folder was opened")
	}
}

func TestEveryByteIsKept(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	part := header(story.NewKey("user", "1"), time.Now())
	part.Header.Title = "\xff\x00é"
	part.Header.Attrs = map[string]string{"valid": "é\n\"<\x00", "na\xffme": "\xfe\xc3(", "": "\\xff", "\ufffd": "\ufffd"}
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{})
	if err != nil || len(page.Headers) != 1 {
		t.Fatalf("got %+v, %v", page, err)
	}
	if got := page.Headers[0]; got.Title != part.Header.Title || !maps.Equal(got.Attrs, part.Header.Attrs) {
		t.Errorf("got  %q %q\nwant %q %q", got.Title, got.Attrs, part.Header.Title, part.Header.Attrs)
	}
}

func TestFarTimes(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	store.TTL = math.MaxInt64
	if err := store.Put(t.Context(), []story.Part{header(story.NewKey("user", "1"), time.Now())}); err != nil {
		t.Fatal(err)
	}
	far, ancient := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		query story.Query
		want  int
	}{
		{story.Query{Until: far}, 1}, {story.Query{Since: ancient, Until: far}, 1},
		{story.Query{Since: far}, 0}, {story.Query{Until: ancient}, 0},
	} {
		if page, err := store.List(t.Context(), c.query); err != nil || len(page.Headers) != c.want {
			t.Errorf("%+v: got %d headers, %v; want %d", c.query, len(page.Headers), err, c.want)
		}
	}
}

func TestClosed(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "stories.db"))
	for range 2 {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := store.Put(t.Context(), nil); !errors.Is(err, sqlitestore.ErrClosed) {
		t.Errorf("Put: got %v", err)
	}
	if _, err := store.List(t.Context(), story.Query{}); !errors.Is(err, sqlitestore.ErrClosed) {
		t.Errorf("List: got %v", err)
	}
}

package sqlitestore_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// olderFile makes a file as it was before headers had a cause and stories aliases, with a story in it.
func olderFile(t *testing.T) (path string, part story.Part) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	part = header(story.NewKey("user", "1"), time.Now())
	part.Header.MaxLevel = slog.LevelWarn
	store, err := sqlitestore.Open(path)
	if err == nil {
		err = store.Put(t.Context(), []story.Part{part})
	}
	if err != nil || store.Close() != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`ALTER TABLE headers DROP COLUMN cause; ALTER TABLE headers DROP COLUMN problem;
			ALTER TABLE headers DROP COLUMN also; DROP TABLE aliases; PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	return path, part
}

func wantCause(t *testing.T, store story.Store, key story.Key, id, want string) {
	t.Helper()
	page, err := store.List(t.Context(), story.Query{Key: key})
	if err != nil || len(page.Headers) != 1 || page.Headers[0].Cause != want {
		t.Errorf("%s: listed as %+v, %v, want the cause %q", key, page.Headers, err, want)
	}
	s, err := store.Read(t.Context(), key, id)
	if err != nil || s.Cause != want || len(s.Lines) != 1 {
		t.Errorf("%s: read as %+v, %v, want the cause %q", key, s, err, want)
	}
}

// A file of before is read as it is, and written to when there is something to write.
func TestOlderFileGetsCauses(t *testing.T) {
	path, old := olderFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := sqlitestore.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	writer := open(t, path)
	for _, store := range []story.Store{reader, writer} {
		wantCause(t, store, old.Key, old.ID, "")
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was changed by reading it: %v", err)
	}

	bad := header(story.NewKey("user", "2"), time.Now())
	bad.Header.MaxLevel, bad.Header.Cause, bad.Header.Problem = slog.LevelError, "gone", "abcdefgh22"
	if err := writer.Put(t.Context(), []story.Part{bad}); err != nil {
		t.Fatal(err)
	}
	for _, store := range []story.Store{reader, writer, open(t, path)} { // one that was open before too
		wantCause(t, store, bad.Key, bad.ID, "gone")
		wantCause(t, store, old.Key, old.ID, "")
	}
	raised := old
	raised.Header, raised.Text, raised.Raise = bad.Header, "", true
	if err := writer.Put(t.Context(), []story.Part{raised}); err != nil {
		t.Fatal(err)
	}
	wantCause(t, reader, old.Key, old.ID, "gone")
	if n := ask(t, path, `SELECT count(*) FROM pragma_table_info('headers') WHERE name IN ('cause', 'problem')`); n != 2 {
		t.Errorf("the table has %d of 2 columns", n)
	}
}

// Programs of before go on with a file that was given the columns.
func TestOlderProgramWritesOn(t *testing.T) {
	path, old := olderFile(t)
	bad := header(story.NewKey("user", "2"), time.Now())
	bad.Header.Cause = "gone"
	store := open(t, path)
	if err := store.Put(t.Context(), []story.Part{bad}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.Exec(`INSERT OR REPLACE INTO headers (object, id, kind, start, updated, duration, state, level, lines, parts, title, attrs)
			SELECT object, id, kind, start, updated, duration, state, level, lines, parts, title, attrs FROM headers`)
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	wantCause(t, store, bad.Key, bad.ID, "")
	wantCause(t, store, old.Key, old.ID, "")
}

// What others put into the columns is bounded.
func TestForeignCauses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	part := header(story.NewKey("user", "1"), time.Now())
	store := open(t, path)
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for value, want := range map[string]string{
		`zeroblob(100000000)`: "", `12`: "12", `printf('%.1000c', 'x')`: string(bytes.Repeat([]byte("x"), story.MaxCause-len("…"))) + "…",
	} {
		if _, err := db.Exec(`UPDATE headers SET cause = ` + value + `, problem = ` + value); err != nil {
			t.Fatal(err)
		}
		wantCause(t, store, part.Key, part.ID, want)
	}
}

// A file that has all is asked once what it has, and an older one until it has.
func TestLayoutIsKept(t *testing.T) {
	path, old := olderFile(t)
	reader, writer := open(t, path), open(t, path)
	for want, change := range []func() error{
		func() error { return nil },
		func() error { return writer.Put(t.Context(), []story.Part{old}) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Read(t.Context(), old.Key, old.ID); err != nil || reader.KnowsLayout() != (want == 1) {
			t.Errorf("after %d changes: %v, the layout is known: %v", want, err, reader.KnowsLayout())
		}
	}
}

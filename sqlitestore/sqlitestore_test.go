package sqlitestore_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/dynamoslog/dynamoslog/story/storetest"
	"go.uber.org/goleak"
)

const writerFile = "SQLITESTORE_TEST_FILE" // makes the test binary the process that is killed

func TestMain(m *testing.M) {
	if path := os.Getenv(writerFile); path != "" {
		writeForEver(path)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(removeLargeStore))
}

// writeForEver stores one part after another, and prints each that is stored.
func writeForEver(path string) {
	store, err := sqlitestore.Open(path)
	for number := 1; err == nil; number++ {
		part := story.Part{Key: story.NewKey("job", "1"), ID: "id", Number: number, Text: strings.Repeat("+0.000 I line\n", 50)}
		if err = store.Put(context.Background(), []story.Part{part}); err == nil {
			fmt.Println(number)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

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

func TestKilledWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stored := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if stored++; stored == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		store := open(t, path)
		s, err := store.Read(t.Context(), story.NewKey("job", "1"), "id")
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Lines) < 50*stored || stored == 0 {
			t.Errorf("round %d: %d lines of %d parts that were stored", round, len(s.Lines), stored)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		var check string
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
			t.Errorf("round %d: integrity_check: %s %v", round, check, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
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

func TestTwoProcesses(t *testing.T) {
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

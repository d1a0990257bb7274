package sqlitestore_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// moves are what somebody may do to the file of an open store.
var moves = map[string]func(path string) error{
	"removed":             os.Remove,
	"renamed":             func(path string) error { return os.Rename(path, path+".old") },
	"removed with folder": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	"all files removed": func(path string) error {
		return errors.Join(os.Remove(path), os.Remove(path+"-wal"), os.Remove(path+"-shm"))
	},
}

func skipWhereOpenFilesStay(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("an open file can be neither removed nor renamed")
	}
}

// openQuietly opens a store whose Close may tell that the file is gone.
func openQuietly(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func ids(t *testing.T, store *sqlitestore.Store) (ids []string) {
	t.Helper()
	for h, err := range story.All(t.Context(), store, story.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	return ids
}

func put(t *testing.T, store *sqlitestore.Store, stories int) (ids []string) {
	t.Helper()
	for range stories {
		part := header(story.NewKey("user", "1"), time.Now())
		if err := store.Put(t.Context(), []story.Part{part}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, part.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestFileThatGoesIsMadeAnew(t *testing.T) {
	skipWhereOpenFilesStay(t)
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "folder", "stories.db")
			one, two := open(t, path), open(t, path) // two of one process share SQLite's locks
			before := append(put(t, one, 2), put(t, two, 1)...)
			slices.Sort(before)
			if err := move(path); err != nil {
				t.Fatal(err)
			}
			want := append(put(t, one, 5), put(t, two, 5)...)
			slices.Sort(want)
			for who, store := range map[string]*sqlitestore.Store{"the first": one, "the second": two, "a new one": open(t, path)} {
				if got := ids(t, store); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s has %d stories at the path, want the 10 stored since: %v", who, len(got), got)
				}
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the new file: %v, %v; want one that only this user may read", info, err)
			}
			if name == "renamed" {
				if got := ids(t, open(t, path+".old")); fmt.Sprint(got) != fmt.Sprint(before) {
					t.Errorf("the renamed file has %v, want what was stored before: %v", got, before)
				}
			}
		})
	}
}

func TestFileThatIsReplaced(t *testing.T) {
	skipWhereOpenFilesStay(t)
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	put(t, store, 1)
	other, err := sqlitestore.Open(path + ".other")
	if err != nil {
		t.Fatal(err)
	}
	want := put(t, other, 1)
	if err := errors.Join(other.Close(), os.Rename(path+".other", path)); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, store); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, want what is in the new file: %v", got, want)
	}
	want = append(want, put(t, store, 1)...)
	slices.Sort(want)
	if got := ids(t, open(t, path)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the new file has %v, want %v", got, want)
	}
}

func TestReplacedBySomethingElse(t *testing.T) {
	skipWhereOpenFilesStay(t)
	for name, make := range map[string]func(path string) error{
		"text": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("my notes\n", 1000)), 0o600) },
		"another database": func(path string) error {
			db, err := sql.Open("sqlite", path)
			if err == nil {
				_, err = db.Exec(`CREATE TABLE notes (text)`)
			}
			return errors.Join(err, db.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "stories.db")
			store := open(t, path)
			put(t, store, 1)
			if err := errors.Join(make(path+".other"), os.Rename(path+".other", path)); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			err = store.Put(t.Context(), []story.Part{header(story.NewKey("user", "1"), time.Now())})
			var failed *story.PutError
			if !errors.As(err, &failed) || failed.Failures[0].Outcome != story.Wait || !errors.Is(err, story.ErrUnusable) || !errors.Is(err, sqlitestore.ErrNotStore) {
				t.Errorf("got %v, want a PutError with Wait, ErrUnusable and ErrNotStore", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
				t.Errorf("somebody else's file was written to: %v", err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			want := put(t, store, 1)
			if got := ids(t, store); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("once it is away: %v is read, want %v", got, want)
			}
		})
	}
}

// A part is acknowledged only where the path still names the file after it is stored.
func TestFileThatGoesDuringAPut(t *testing.T) {
	skipWhereOpenFilesStay(t)
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	unlock := lock(t, path) // so that the Put waits after it has looked
	part := header(story.NewKey("user", "1"), time.Now())
	stored := make(chan error)
	go func() { stored <- store.Put(t.Context(), []story.Part{part}) }()
	for !store.Writing() {
		runtime.Gosched()
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	if got := ids(t, open(t, path)); len(got) != 1 || got[0] != part.ID {
		t.Errorf("the new file has %v, want the part that was acknowledged, %s", got, part.ID)
	}
}

// However often the file is renamed while others write and read, whatever was
// acknowledged is in a file that has a name.
func TestFileThatIsRenamedAllTheTime(t *testing.T) {
	skipWhereOpenFilesStay(t)
	path := filepath.Join(t.TempDir(), "stories.db")
	stores := []*sqlitestore.Store{openQuietly(t, path), openQuietly(t, path)}
	const writers, each, renames = 4, 25, 6
	acknowledged := make(chan string, writers*each)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			store := stores[i%len(stores)]
			for range each {
				part := header(story.NewKey("user", "1"), time.Now())
				for store.Put(t.Context(), []story.Part{part}) != nil { // it went once more
				}
				acknowledged <- part.ID
				_, _ = store.List(t.Context(), story.Query{})
			}
		})
	}
	want := make(map[string]bool)
	for i := range renames {
		for range writers * each / (renames + 2) {
			want[<-acknowledged] = true
		}
		if err := os.Rename(path, fmt.Sprint(path, ".", i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	wg.Wait()
	for _, store := range stores {
		_ = store.Close() // the last rename may have taken its file
	}
	close(acknowledged)
	for id := range acknowledged {
		want[id] = true
	}
	found := make(map[string]bool)
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "-wal") || strings.HasSuffix(file, "-shm") {
			continue
		}
		for _, id := range ids(t, open(t, file)) {
			found[id] = true
		}
	}
	for id := range want {
		if !found[id] {
			t.Errorf("%s was acknowledged and is in none of %d files", id, len(files))
		}
	}
}

// expectGone calls the methods that make no file where it is gone.
func expectGone(t *testing.T, store *sqlitestore.Store, path string) {
	t.Helper()
	key := story.NewKey("user", "1")
	id := story.IDPrefix(time.Now())
	_, listErr := store.List(t.Context(), story.Query{})
	_, readErr := store.Read(t.Context(), key, id)
	_, partsErr := store.ReadParts(t.Context(), key, id)
	for method, err := range map[string]error{
		"List": listErr, "Read": readErr, "ReadParts": partsErr, "Delete": store.Delete(t.Context(), key, id),
	} {
		if !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), path+" was removed or renamed") {
			t.Errorf("%s: got %v, want ErrUnusable that says what happened", method, err)
		}
	}
}

// Who only reads makes no file.
func TestReadersOfAFileThatIsGone(t *testing.T) {
	skipWhereOpenFilesStay(t)
	path := filepath.Join(t.TempDir(), "stories.db")
	store := openQuietly(t, path)
	part := header(story.NewKey("user", "1"), time.Now())
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	expectGone(t, store, path)
	if _, err := os.Stat(path); err == nil {
		t.Error("reading made a file")
	}
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, store); len(got) != 1 || got[0] != part.ID {
		t.Errorf("when it is back: %v, want %s", got, part.ID)
	}
}

func TestCloseTellsThatTheFileIsGone(t *testing.T) {
	skipWhereOpenFilesStay(t)
	path := filepath.Join(t.TempDir(), "stories.db")
	store := openQuietly(t, path)
	put(t, store, 10)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err == nil || !strings.Contains(err.Error(), path+" was removed or renamed") {
		t.Errorf("Close: %v, want an error that says that the file is gone", err)
	}
	if got := ids(t, open(t, path+".old")); len(got) != 10 {
		t.Errorf("the renamed file has %d stories, want 10", len(got))
	}
	if err := store.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

// What a process left that died while it made the file is no hindrance.
func TestFileLeftHalfMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path+".new", old, old); err != nil {
		t.Fatal(err)
	}
	put(t, open(t, path), 1)
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("it is still there")
	}
}

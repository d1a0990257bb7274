//go:build linux || darwin

package sqlitestore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// An onlooker is a process that only reads: as another user if this one may write to
// everything.
type onlooker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func newOnlooker(t *testing.T, path string) *onlooker {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), processVariable+"=readonly", fileVariable+"="+path)
	if os.Geteuid() == 0 {
		const nobody = 65534
		program, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(readable(t), "program")
		if err := os.WriteFile(cmd.Path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("no process of another user: ", err)
	}
	return &onlooker{cmd, in, bufio.NewScanner(out)}
}

// says returns the next line that it prints.
func (s *onlooker) says() string {
	s.out.Scan()
	return s.out.Text()
}

func (s *onlooker) end(t *testing.T) {
	t.Helper()
	_ = s.in.Close()
	for s.out.Scan() {
		t.Error("at its end it said", s.out.Text())
	}
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// readable returns a folder that every user may go to.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// protect takes the right to write away from a folder and what is in it.
func protect(t *testing.T, dir string) {
	t.Helper()
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Chmod(filepath.Join(dir, e.Name()), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
}

// putOne stores one story more.
func putOne(t *testing.T, store *sqlitestore.Store) {
	t.Helper()
	if err := store.Put(t.Context(), []story.Part{header(story.NewKey("job", "1"), time.Now())}); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestOpenReadOnly(t *testing.T) {
	dir := readable(t)
	path := filepath.Join(dir, "stories.db")
	store := open(t, path)
	putOne(t, store)
	putOne(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	protect(t, dir)
	before := names(t, dir)
	reader := newOnlooker(t, path)
	if got := reader.says(); got != "2 stories" {
		t.Errorf("where nothing can be written: %s", got)
	}
	reader.end(t)

	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	reader = newOnlooker(t, path)
	if got := reader.says(); got != "2 stories" {
		t.Errorf("where only the file cannot be written to: %s", got)
	}
	reader.end(t)
	if after := names(t, dir); after != before {
		t.Errorf("reading has made files: there are %s, there were %s", after, before)
	}
}

func TestOpenReadOnlyWhileAnotherWrites(t *testing.T) {
	dir := readable(t)
	path := filepath.Join(dir, "stories.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // and so the files that the writer makes beside it
		t.Fatal(err)
	}
	reader := newOnlooker(t, path)
	if got := reader.says(); got != "0 stories" {
		t.Errorf("before the writer came: %s", got)
	}
	store := open(t, path)
	for n := 1; n <= 3; n++ {
		putOne(t, store)
		fmt.Fprintln(reader.in)
		if got := reader.says(); got != fmt.Sprint(n, " stories") {
			t.Errorf("after %d: %s", n, got)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(reader.in)
	if got := reader.says(); got != "3 stories" {
		t.Errorf("after the writer left: %s", got)
	}
	reader.end(t)
}

// What a writer leaves that was killed has the last changes in a file beside.
func TestOpenReadOnlyAfterAKill(t *testing.T) {
	from := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, from)
	putOne(t, store)
	for _, left := range []struct {
		suffixes []string
		want     string
	}{
		{[]string{"", "-wal", "-shm"}, "1 stories"},
		{[]string{"", "-wal"}, "copy both to another folder"},
	} {
		dir := readable(t)
		path := filepath.Join(dir, "stories.db")
		for _, suffix := range left.suffixes {
			data, err := os.ReadFile(from + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+suffix, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		protect(t, dir)
		reader := newOnlooker(t, path)
		if got := reader.says(); !strings.Contains(got, left.want) {
			t.Errorf("with %q beside it: %s, want %s", left.suffixes, got, left.want)
		}
		_ = reader.in.Close()
		_ = reader.cmd.Wait()
	}
}

func TestOpenReadOnlyRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]error{
		filepath.Join(dir, "none"): os.ErrNotExist,
		dir:                        story.ErrUnusable,
		write("empty", ""):         sqlitestore.ErrNotStore,
		write("text", strings.Repeat("a text\n", 1000)): sqlitestore.ErrNotStore,
	} {
		store, err := sqlitestore.OpenReadOnly(path)
		if store != nil || !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), path) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
	if got := names(t, dir); got != "empty text" {
		t.Errorf("there are %s now", got)
	}
}

func openReadOnly(t *testing.T, path string) *sqlitestore.Store {
	t.Helper()
	store, err := sqlitestore.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // its file may be gone
	return store
}

func TestOpenReadOnlyNoticesAnotherFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "stories.db")
	first := openQuietly(t, path)
	before := put(t, first, 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	reader := openReadOnly(t, path)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	expectGone(t, reader, path)
	err := reader.Put(t.Context(), []story.Part{header(story.NewKey("user", "1"), time.Now())})
	if !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), path+" was removed or renamed") {
		t.Errorf("Put: got %v, want ErrUnusable that says what happened", err)
	}
	if got := names(t, dir); got != "stories.db.old" {
		t.Errorf("a store that only reads has made files: there are %s", got)
	}

	second := openQuietly(t, path)
	after := put(t, second, 2)
	if got := ids(t, reader); fmt.Sprint(got) != fmt.Sprint(after) {
		t.Errorf("of the new file it reads %v, want %v", got, after)
	}
	if err := errors.Join(second.Close(), os.Rename(path+".old", path)); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, reader); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("of the first file, which is back, it reads %v, want %v", got, before)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err == nil || !strings.Contains(err.Error(), path+" was removed or renamed") {
		t.Errorf("Close: %v, want an error that says that the file is gone", err)
	}
}

func TestOpenReadOnlyReplacedBySomethingElse(t *testing.T) {
	for name, other := range map[string]struct {
		make func(path string) error
		want error
		says string
	}{
		"text":   {func(path string) error { return os.WriteFile(path, []byte("a text\n"), 0o600) }, sqlitestore.ErrNotStore, "no file of stories"},
		"empty":  {func(path string) error { return os.WriteFile(path, nil, 0o600) }, sqlitestore.ErrNotStore, "is empty"},
		"folder": {func(path string) error { return os.Mkdir(path, 0o700) }, story.ErrUnusable, "it is a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "stories.db")
			if err := openQuietly(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			reader := openReadOnly(t, path)
			if err := errors.Join(os.Remove(path), other.make(path)); err != nil {
				t.Fatal(err)
			}
			_, err := reader.List(t.Context(), story.Query{})
			if !errors.Is(err, other.want) || !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), other.says) {
				t.Errorf("got %v, want %v that says that %s", err, other.want, other.says)
			}
		})
	}
}

// A reader that only reads keeps what it has opened for the next call, but not when the file
// has changed: each time a writer comes, writes and leaves there is one story more, even
// where the file system is too coarse to tell the times of its changes apart.
func TestOpenReadOnlySeesEachWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	always := time.Now().Add(time.Hour) // too late for any time to be surely behind it
	reader := openReadOnly(t, path)
	for n := range 50 {
		if got := len(ids(t, reader)); got != n {
			t.Fatalf("after %d writers it reads %d stories", n, got)
		}
		writer := open(t, path)
		putOne(t, writer)
		if n%2 == 0 { // while the writer is there, too
			if got := len(ids(t, reader)); got != n+1 {
				t.Fatalf("beside writer %d it reads %d stories", n, got)
			}
		}
		if err := errors.Join(writer.Close(), os.Chtimes(path, always, always)); err != nil {
			t.Fatal(err)
		}
		if got := names(t, filepath.Dir(path)); got != "stories.db" {
			t.Fatalf("a writer could not tidy up: there are %s", got)
		}
	}
}

// A file that nobody changes is opened once for all calls that follow each other.
func TestOpenReadOnlyOpensOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	putOne(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	reader := openReadOnly(t, path)
	for range 10 {
		if got := len(ids(t, reader)); got != 1 {
			t.Errorf("it reads %d stories", got)
		}
	}
	if got := sqlitestore.Connections(reader); got != 1 {
		t.Errorf("it has %d connections", got)
	}
}

// Who looks at the file just when a writer ends does not take it for unchanged.
func TestOpenReadOnlyLooksWhileWriterEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if !sqlitestore.IsStill(path, func() {}) {
		t.Error("a file that nobody has changed is taken for another one")
	}
	writer := open(t, path)
	putOne(t, writer)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if sqlitestore.IsStill(path, func() {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	}) {
		t.Error("what the writer has left in the file is not seen")
	}
}

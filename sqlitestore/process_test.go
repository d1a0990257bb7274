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

	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// These make the test binary another process, that does one thing with a file.
const (
	processVariable = "SQLITESTORE_TEST_PROCESS"
	fileVariable    = "SQLITESTORE_TEST_FILE"
)

var processes = map[string]func(path string) error{
	"readonly": readOnly,
	"write":    writeForEver,
	"read":     readUntilSealed,
	"close":    openAndClose,
}

func TestMain(m *testing.M) {
	if process := processes[os.Getenv(processVariable)]; process != nil {
		if err := process(os.Getenv(fileVariable)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	removeLargeStore()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// startProcess starts another process, and returns what it prints.
func startProcess(t *testing.T, process, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processVariable+"="+process, fileVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// linesInPart is how many lines each part of the story job_1 has.
const linesInPart = 50

func numberedPart(number int) story.Part {
	lines := make([]story.Line, linesInPart)
	for i := range lines {
		lines[i].Message = fmt.Sprint("line ", (number-1)*linesInPart+i)
	}
	return story.Part{Key: story.NewKey("job", "1"), ID: "id", Number: number, Text: story.Format(lines)}
}

// writeForEver stores one part after another, and prints each that is stored.
func writeForEver(path string) error {
	store, err := sqlitestore.Open(path)
	for number := 1; err == nil; number++ {
		if err = store.Put(context.Background(), []story.Part{numberedPart(number)}); err == nil {
			fmt.Println(number)
		}
	}
	return err
}

// readUntilSealed reads a story again and again, and prints how many parts it
// has each time that there are more.
func readUntilSealed(path string) error {
	store, err := sqlitestore.Open(path)
	if err != nil {
		return err
	}
	for parts := 0; ; {
		s, err := store.Read(context.Background(), story.NewKey("job", "1"), "")
		if err != nil {
			return err
		}
		for i, line := range s.Lines {
			if line.Message != fmt.Sprint("line ", i) {
				return fmt.Errorf("line %d of %d is %q", i, len(s.Lines), line.Message)
			}
		}
		if len(s.Lines)%linesInPart != 0 || len(s.Lines) < parts*linesInPart || len(s.Lines) != s.LineCount {
			return fmt.Errorf("%d lines after %d parts, the header says %d", len(s.Lines), parts, s.LineCount)
		}
		page, err := store.List(context.Background(), story.Query{Kind: "job"})
		if err != nil || len(page.Headers) != 1 {
			return fmt.Errorf("listed %d headers: %w", len(page.Headers), err)
		}
		if more := len(s.Lines) / linesInPart; more > parts {
			parts = more
			fmt.Println(parts)
		}
		if s.State == story.Sealed {
			return store.Close()
		}
	}
}

// readOnly is a process that reads a file, then again for every line of its input.
func readOnly(path string) error {
	store, err := sqlitestore.OpenReadOnly(path)
	if err != nil {
		if !errors.Is(err, story.ErrUnusable) && !errors.Is(err, sqlitestore.ErrNotStore) {
			fmt.Print("which is neither: ")
		}
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	for {
		page, err := store.List(context.Background(), story.Query{})
		if err != nil {
			return err
		}
		for _, h := range page.Headers {
			if s, err := store.Read(context.Background(), h.Key, h.ID); err != nil || len(s.Lines) != 1 {
				return fmt.Errorf("%s: %d lines, %w", h.ID, len(s.Lines), err)
			}
		}
		fmt.Println(len(page.Headers), "stories")
		if !input.Scan() {
			break
		}
	}
	for doing, err := range map[string]error{
		"Put":    store.Put(context.Background(), []story.Part{numberedPart(9)}),
		"Delete": store.Delete(context.Background(), story.NewKey("job", "1"), ""),
	} {
		if !errors.Is(err, story.ErrUnusable) || !strings.Contains(err.Error(), "it is opened for reading only") {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return store.Close()
}

func openAndClose(path string) error {
	store, err := sqlitestore.Open(path)
	if err != nil {
		return err
	}
	return store.Close()
}

func TestReadWhileAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store := open(t, path)
	start := time.Now().UTC().Truncate(time.Millisecond)
	head := numberedPart(0)
	head.Text = ""
	head.ID = story.NewID(start)
	head.Header = &story.Header{Key: head.Key, ID: head.ID, Start: start, Updated: start, State: story.Open, Title: "line 0"}
	put := func(part story.Part) {
		t.Helper()
		part.ID = head.ID
		if err := store.Put(t.Context(), []story.Part{part}); err != nil {
			t.Fatal(err)
		}
	}
	put(head)
	cmd, lines := startProcess(t, "read", path)
	printed, seen := make(chan string), 0
	go func() {
		defer close(printed)
		for lines.Scan() {
			printed <- lines.Text()
		}
	}()
	number := 0
	for seen < 20 {
		number++
		put(numberedPart(number))
		select {
		case text, running := <-printed:
			if !running {
				t.Fatalf("the reader ended early: %v", cmd.Wait())
			}
			if strings.Trim(text, "0123456789") != "" {
				t.Fatalf("the reader says %s", text)
			}
			seen++
		default:
		}
	}
	head.Header.State, head.Header.Parts, head.Header.LineCount = story.Sealed, number, number*linesInPart
	put(head)
	last := ""
	for last = range printed {
	}
	if err := cmd.Wait(); err != nil || last != fmt.Sprint(number) {
		t.Errorf("the reader of %d parts ended with %q, %v", number, last, err)
	}
}

// TestOpenKeepsLocks opens a file that this process has open already: a process
// loses its locks on a file when it closes it anywhere.
func TestOpenKeepsLocks(t *testing.T) {
	locks := func() (mine int) {
		all, err := os.ReadFile("/proc/locks")
		if err != nil {
			t.Skipf("the system does not tell its locks: %v", err)
		}
		return strings.Count(string(all), fmt.Sprintf(" %d ", os.Getpid()))
	}
	path := filepath.Join(t.TempDir(), "stories.db")
	open(t, path)
	before := locks()
	open(t, path)
	if after := locks(); before == 0 || after < before {
		t.Errorf("the process has %d locks after opening the file again, before %d", after, before)
	}
}

func TestOpenAtOnce(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "stories.db")
		errs := make(chan error)
		const openers = 6
		for range openers {
			go func() {
				store, err := sqlitestore.Open(path)
				if err == nil {
					err = errors.Join(store.Put(t.Context(), []story.Part{header(story.NewKey("user", "1"), time.Now())}), store.Close())
				}
				errs <- err
			}()
		}
		for range openers {
			cmd, lines := startProcess(t, "close", path)
			defer func() {
				for lines.Scan() {
					t.Error(lines.Text())
				}
				if err := cmd.Wait(); err != nil {
					t.Error(err)
				}
			}()
		}
		for range openers {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
}

func TestKilledWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	for round := range 5 {
		cmd, lines := startProcess(t, "write", path)
		stored := 0
		for lines.Scan() {
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

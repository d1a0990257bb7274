package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/proflabel"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

const (
	endEnv  = "DYNAMOSLOG_TEST_END"  // how a process ends, as one of ends
	lateEnv = "DYNAMOSLOG_TEST_LATE" // what became of the late line by then, as one of lates
)

// ends are the ways in which a process ends: in all of them an unrelated line is left
// in the journal.
var ends = []string{"kill -9", "os.Exit", "panic", "log.Fatal", "SIGTERM", "Close"}

// lates are what may have become of a line after the story's end.
var lates = []string{"none", "stored", "waiting"}

// A stubborn store takes nothing of one key.
type stubborn struct{ story.PartReader }

func (s stubborn) Put(ctx context.Context, parts []story.Part) error {
	return putSome(ctx, s.PartReader, parts, func(p story.Part) bool { return p.Key.ID == "left" })
}

// runEnding is a process that tells two stories, of one part and of several, which are
// stored, a late line of each, and a line that is left; and ends.
func runEnding(how string) error {
	dir := os.Getenv(dirEnv)
	file, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
	if err != nil {
		return err
	}
	h := dynamoslog.New(stubborn{file}, &dynamoslog.Options{
		Journal: filepath.Join(dir, "journal"), MaxStory: 1 << 10, OnError: func(error) {},
	})
	logger := slog.New(h)
	left, _ := dynamoslog.Begin(context.Background(), "job", "left")
	logger.InfoContext(left, "line 0")
	var stories []context.Context
	for id, lines := range map[string]int{"short": 3, "long": 100} {
		ctx, scope := dynamoslog.Begin(context.Background(), "job", id)
		for n := range lines {
			logger.InfoContext(ctx, fmt.Sprintf("line %d", n))
		}
		scope.End()
		stories = append(stories, ctx)
	}
	flush := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		_ = h.Flush(ctx) // all but what is left
	}
	flush()
	if late := os.Getenv(lateEnv); late != "none" {
		for _, ctx := range stories {
			logger.WarnContext(ctx, "late")
		}
		if late == "stored" {
			flush()
		}
	}
	switch how {
	case "kill -9":
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		return self.Kill()
	case "os.Exit":
		os.Exit(3)
	case "panic":
		panic("at the end")
	case "log.Fatal":
		log.Fatal("at the end")
	case "SIGTERM":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := self.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		<-ctx.Done()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); err == nil {
		return errors.New("nothing was left")
	}
	return file.Close()
}

// However a process ends, with whatever is left in its journal, a stored story keeps
// all of its lines, its late ones included, and its state.
func TestEndings(t *testing.T) {
	for _, end := range ends {
		for _, late := range lates {
			t.Run(end+", late line "+late, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), endEnv+"="+end, lateEnv+"="+late, dirEnv+"="+dir)
				out, err := cmd.CombinedOutput()
				if (err == nil) != (end == "SIGTERM" || end == "Close") {
					t.Fatalf("the process: %v\n%s", err, out)
				}
				t.Logf("%d lost", lostAfter(t, dir, late))
			})
		}
	}
}

// lostAfter lets another process's handler recover, and returns how many lines of the
// stories are gone.
func lostAfter(t *testing.T, dir, late string) (lost int) {
	t.Helper()
	file, err := sqlitestore.Open(filepath.Join(dir, "stories.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	h := dynamoslog.New(file, &dynamoslog.Options{Journal: filepath.Join(dir, "journal")})
	slog.New(h).Info("begins")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for id, lines := range map[string]int{"short": 3, "long": 100, "left": 1} {
		var want []string
		for n := range lines {
			want = append(want, fmt.Sprintf("line %d", n))
		}
		state := story.Sealed
		if id == "left" {
			state = story.Interrupted
		} else if late != "none" {
			want = append(want, "late")
		}
		s, err := file.Read(t.Context(), story.NewKey("job", id), "")
		if err != nil {
			t.Fatal(err)
		}
		if id == "left" && s.State == story.Closed { // it ended in order
			state = story.Closed
		}
		var got []string
		for _, line := range s.Lines {
			got = append(got, line.Message)
		}
		if !slices.Equal(got, want) || s.State != state || s.LineCount != len(want) {
			t.Errorf("%s: %s, %d lines: %q", id, s.State, s.LineCount, got)
		}
		for _, message := range want {
			if !slices.Contains(got, message) {
				lost++
			}
		}
	}
	return lost
}

// Late lines of a story in several parts, which came before its chunks were done, take
// the numbers after them.
func TestLateLinesOfSeveralParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, func(p story.Part) bool { return p.Number == 2 })}
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), MaxStory: 1 << 10, Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
		logger := slog.New(h)
		for n := range 100 {
			logger.InfoContext(ctx, fmt.Sprintf("line %d", n))
		}
		scope.End()
		logger.InfoContext(ctx, "line 100")
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_ = h.Flush(short) // as far as it goes
		cancel()
		next := crashed(t, store, opts)
		store.set(nil)
		if err := errors.Join(next.Close(), h.Close()); err != nil {
			t.Fatal(err)
		}
		wantLines(t, store, "1", 101, story.Sealed)
	})
}

// Stories whose chunk records found no room in the journal stay as they are stored.
func TestStoriesWithoutRoomInTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		taken := failing(story.Retry, func(p story.Part) bool { return p.Key.ID == "left" })
		store := &faulty{Memory: story.NewMemory(), fault: func(ctx context.Context, parts []story.Part) error {
			if down.Load() {
				return errors.New("down")
			}
			return taken(ctx, parts)
		}}
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), JournalLimit: 32 << 10, Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		logger := slog.New(h)
		left, _ := dynamoslog.Begin(t.Context(), "job", "left")
		logger.InfoContext(left, "line 0") // which keeps the journal
		stories := 0
		var scopes []*dynamoslog.Scope
		for ; h.Stats().Unprotected == 0; stories++ {
			ctx, scope := dynamoslog.Begin(t.Context(), "job", stories)
			for n := range 3 {
				logger.InfoContext(ctx, fmt.Sprintf("line %d", n))
			}
			scopes = append(scopes, scope)
		}
		for _, scope := range scopes {
			scope.End() // for which there is no room
		}
		down.Store(false)
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = h.Flush(soon) // all but that
		next := crashed(t, store, opts)
		store.set(nil)
		if err := errors.Join(next.Close(), h.Close()); err != nil {
			t.Error(err)
		}
		for i := range stories {
			wantLines(t, store, fmt.Sprint(i), 3, story.Sealed)
		}
	})
}

// What is recovered of a journal without room goes behind what is stored, in the
// places that are free, and nothing is there twice.
func TestRecoveryAddsWhatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := make(map[int]bool) // parts that the store does not get
		store := &faulty{Memory: story.NewMemory(), fault: func(_ context.Context, parts []story.Part) error {
			failed := &story.PutError{}
			for i, part := range parts {
				if lost[part.Number] || part.Header != nil && part.Header.State != story.Open {
					failed.Failures = append(failed.Failures, story.PutFailure{Index: i, Outcome: story.Busy, Err: story.ErrBusy})
				}
			}
			if len(failed.Failures) == 0 {
				return nil
			}
			return failed
		}}
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), JournalLimit: 16 << 10, MaxStory: 500, Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		logger := slog.New(h)
		ctx, scope := dynamoslog.Begin(t.Context(), "job", "1")
		protected := make(map[string]bool)
		lost[2] = true
		for n := range 400 {
			message := fmt.Sprintf("line %d", n)
			before := h.Stats().Unprotected
			logger.InfoContext(ctx, message)
			protected[message] = h.Stats().Unprotected == before
			time.Sleep(10 * time.Millisecond) // of the fake clock
		}
		scope.End()
		time.Sleep(10 * time.Minute) // the story is tried again and again
		synctest.Wait()
		parts, err := store.ReadParts(t.Context(), story.NewKey("job", "1"), scope.ID())
		if err != nil || len(parts) < 5 {
			t.Errorf("%d parts are stored, %v", len(parts), err)
		}
		for _, part := range parts {
			for _, line := range story.Parse(part.Text) {
				protected[line.Message] = true
			}
		}
		next := crashed(t, store, opts)
		store.set(nil)
		if err := errors.Join(next.Close(), h.Close()); err != nil {
			t.Fatal(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		last := -1
		for _, line := range s.Lines {
			var n int
			if _, err := fmt.Sscanf(line.Message, "line %d", &n); err != nil {
				continue // that a part is missing
			}
			if seen[line.Message] || n < last {
				t.Errorf("%q is there twice, or after line %d", line.Message, last)
			}
			seen[line.Message], last = true, n
		}
		for message, want := range protected {
			if want && !seen[message] {
				t.Errorf("%q is lost", message)
			}
		}
	})
}

// A store that does not tell parts is asked for stories: what is there stays.
func TestRecoveryFromAStoreWithoutParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type plainStore struct{ story.Store }
		store := story.NewMemory()
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), JournalLimit: 16 << 10, Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(plainStore{store}, &opts)
		for i := range 300 {
			tell(t, h, fmt.Sprint(i), 3)
		}
		if h.Stats().Unprotected == 0 {
			t.Fatal("the journal had room for all")
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		next := crashed(t, plainStore{store}, opts)
		if err := errors.Join(next.Close(), h.Close()); err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			wantLines(t, store, fmt.Sprint(i), 3, story.Sealed)
		}
	})
}

// While it cannot be read what is stored of a story, it stays in the journal, and that
// is told.
func TestRecoveryWaitsUntilTheStoreCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unreadable{faulty: &faulty{Memory: story.NewMemory(), fault: failing(story.Retry, all)}}
		var told output
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), JournalLimit: 16 << 10, Fallback: &told}
		h := dynamoslog.New(store, &opts)
		ctx, _ := dynamoslog.Begin(t.Context(), "job", "open")
		slog.New(h).InfoContext(ctx, "line 0")
		for i := 0; h.Stats().Unprotected == 0; i++ {
			tell(t, h, fmt.Sprint(i), 3)
		}
		store.broken.Store(true)
		next := crashed(t, store, opts)
		store.set(nil)
		time.Sleep(time.Minute)
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := next.Shutdown(soon); err == nil || !strings.Contains(err.Error(), "still in the journal") {
			t.Errorf("Shutdown: %v", err)
		}
		if !strings.Contains(told.String(), "what is stored of job_open") {
			t.Errorf("told: %s", told.String())
		}
		_ = h.Close()
	})
}

// unreadable is a store that may not be read.
type unreadable struct {
	*faulty
	broken atomic.Bool
}

func (u *unreadable) ReadParts(ctx context.Context, key story.Key, id string) ([]story.Part, error) {
	if u.broken.Load() {
		return nil, fmt.Errorf("no access: %w", story.ErrUnusable)
	}
	return u.Memory.ReadParts(ctx, key, id)
}

// A story whose scope has ended is no interrupted one, though it waits for last lines.
func TestEndedStoryIsRecoveredAsSealed(t *testing.T) {
	if !proflabel.Supported {
		t.Skip("goroutines have no scopes here")
	}
	for _, flush := range []bool{false, true} { // before its last line
		synctest.Test(t, func(t *testing.T) {
			store := story.NewMemory()
			opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), Fallback: &bytes.Buffer{}}
			h := dynamoslog.New(store, &opts)
			logger := slog.New(h)
			_, scope := dynamoslog.Begin(t.Context(), "job", "1")
			leave := scope.Enter()
			logger.Info("begin")
			if flush {
				if err := h.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			logger.Info("end")
			go func() { logger.Info("last") }()
			time.Sleep(time.Millisecond)
			scope.End()
			go func() { logger.Info("after the end") }()
			leave()
			synctest.Wait()
			if err := crashed(t, store, opts).Close(); err != nil {
				t.Error(err)
			}
			s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
			if err != nil || s.State != story.Sealed || len(s.Lines) != 4 || s.Duration != time.Millisecond || s.LaneName(2) == "" || s.Title != "begin" {
				t.Errorf("%+v, %v", s, err)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A story that a crash left has the names of its lanes, those that came last too.
func TestLaneNamesAreRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := story.NewMemory()
		opts := dynamoslog.Options{Journal: filepath.Join(t.TempDir(), "journal"), Fallback: &bytes.Buffer{}}
		h := dynamoslog.New(store, &opts)
		logger := slog.New(h)
		ctx, _ := dynamoslog.Begin(t.Context(), "job", "1")
		logger.InfoContext(ctx, "begin")
		go func() { logger.InfoContext(ctx, "from a goroutine") }()
		synctest.Wait()
		logger.InfoContext(dynamoslog.Lane(ctx, "last"), "from a lane")
		if err := crashed(t, store, opts).Close(); err != nil {
			t.Error(err)
		}
		s, err := store.Read(t.Context(), story.NewKey("job", "1"), "")
		if err != nil || s.State != story.Interrupted || !strings.HasPrefix(s.LaneName(1), "acceptance_test.TestLaneNamesAreRecovered.func") || s.LaneName(2) != "last" {
			t.Errorf("%s, %v, %v", s.State, s.Attrs, err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		if err := runKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string, opts journal.Options) *journal.Log {
	t.Helper()
	l, err := journal.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// adopt returns what is left in a directory, and how much of it is damaged.
func adopt(t testing.TB, dir string) (found map[journal.Position]string, damage journal.Damage) {
	t.Helper()
	all, err := journal.Adopt(dir)
	if err != nil {
		t.Fatal(err)
	}
	found = make(map[journal.Position]string)
	for _, r := range all {
		last := journal.Position(0)
		for at, text := range r.All() {
			if at <= last {
				t.Fatalf("record %d comes after %d", at, last)
			}
			last = at
			found[at] = string(text)
			if again, err := r.Read(at, nil); err != nil || string(again) != string(text) {
				t.Fatalf("record %d reads back as %q, %v", at, again, err)
			}
		}
		d := r.Damage()
		damage.Records, damage.Files = damage.Records+d.Records, damage.Files+d.Files
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return found, damage
}

func TestRecordsAreFoundAgain(t *testing.T) {
	for _, segment := range []int{64 << 10, 1 << 20} { // a record takes all of an extent, or a part of one
		dir := t.TempDir()
		l := open(t, dir, journal.Options{SegmentSize: segment})
		want := appendedBy(t, l, 6)
		if len(want) != 18000 {
			t.Fatalf("%d positions of 18000", len(want))
		}
		for at, text := range want {
			if got, err := l.Read(at, nil); err != nil || string(got) != text {
				t.Fatalf("%d: %q, %v, want %q", at, got, err, text)
			}
		}
		if inUse, _ := adopt(t, dir); len(inUse) > 0 {
			t.Error("a log in use was adopted")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		got, damage := adopt(t, dir)
		if len(got) != len(want) || damage != (journal.Damage{}) {
			t.Fatalf("%d records of %d, damage %+v", len(got), len(want), damage)
		}
		for at, text := range want {
			if got[at] != text {
				t.Fatalf("%d: %q, want %q", at, got[at], text)
			}
		}
	}
}

// appendedBy returns what goroutines append, 3000 records each, two of them to a series. What
// one of them has appended before stands before.
func appendedBy(t *testing.T, l *journal.Log, goroutines int) map[journal.Position]string {
	want := make(map[journal.Position]string)
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			last := journal.Position(0)
			for i := range 3000 {
				message := strings.Repeat("x", i%300) + fmt.Sprint(g, " ", i)
				at, err := l.Append(uint64(g/2), true, []byte("head "), message, []byte(" attrs"))
				if err != nil {
					t.Error(err)
					return
				}
				if at <= last {
					t.Errorf("%d stands behind %d", at, last)
				}
				last = at
				mu.Lock()
				want[at] = "head " + message + " attrs"
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return want
}

// What is not pinned is freed, oldest first, and nothing is left of it.
func TestFreedInOrder(t *testing.T) {
	for _, segment := range []int{16 << 10, 256 << 10} { // of which an extent is a record, or some
		freedInOrder(t, segment, segment/16)
		freedInOrder(t, segment, 60)
	}
}

func freedInOrder(t *testing.T, segment, length int) {
	dir, limit := t.TempDir(), 16*segment
	l := open(t, dir, journal.Options{SegmentSize: segment, Limit: int64(limit)})
	text := strings.Repeat("x", length)
	pinned := make([]journal.Position, 0, 10)
	for i := range 5 * limit / length {
		at, err := l.Append(uint64(i/3), true, nil, text, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		if pinned = append(pinned, at); len(pinned) == cap(pinned) {
			l.Unpin(pinned[0])
			pinned = append(pinned[:0], pinned[1:]...)
		}
	}
	if size := l.Size(); size > int64(limit) {
		t.Errorf("%d bytes on disk", size)
	}
	for _, at := range pinned {
		if got, err := l.Read(at, nil); err != nil || string(got) != text {
			t.Errorf("%d: %v", at, err)
		}
		l.Unpin(at)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFull(t *testing.T) {
	l := open(t, t.TempDir(), journal.Options{SegmentSize: 16 << 10, Limit: 128 << 10})
	var pinned []journal.Position
	var err error
	for err == nil {
		var at journal.Position
		if at, err = l.Append(0, true, nil, strings.Repeat("x", 1000), nil); err == nil {
			pinned = append(pinned, at)
		}
	}
	if !errors.Is(err, journal.ErrFull) || len(pinned) < 32 || len(pinned) > 128 {
		t.Fatalf("%v after %d records", err, len(pinned))
	}
	if _, err := l.Append(0, false, nil, strings.Repeat("x", 20<<10), nil); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("a record larger than a segment: %v", err)
	}
	for _, at := range pinned {
		l.Unpin(at)
	}
	for deadline := time.Now().Add(30 * time.Second); ; { // it is freed in the background
		if _, err = l.Append(0, false, nil, "again", nil); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Errorf("still %v when nothing is pinned", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Append(0, false, nil, "late", nil); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// The file system fails at random. What Append returned for is found again.
func TestFailingFileSystem(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		var mu sync.Mutex
		fault := func(op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(4) == 0 {
				return errors.New("no " + op)
			}
			return nil
		}
		dir := t.TempDir()
		var troubles int
		l, err := journal.Open(dir, journal.OptionsWith(journal.Options{
			SegmentSize: 8 << 10, Limit: 256 << 10, OnError: func(error) { troubles++ },
		}, journal.Trouble{Fault: fault, Retry: time.Millisecond, Unmapped: seed%3 == 0}))
		if err != nil {
			continue
		}
		model := make(map[journal.Position]string)
		var order []journal.Position
		for i := range 2000 {
			text := fmt.Sprint(seed, " ", i, strings.Repeat("y", int(seed)*3))
			at, err := l.Append(0, true, nil, text, nil)
			if err == nil {
				model[at] = text
				order = append(order, at)
			} else if i%50 == 0 {
				time.Sleep(time.Millisecond) // lets it try again
			}
			if len(order) > 100 {
				l.Unpin(order[0])
				order = order[1:]
			}
		}
		_ = l.Close() // may fail as everything else
		found, damage := adopt(t, dir)
		for _, at := range order {
			if found[at] != model[at] {
				t.Fatalf("seed %d: record %d is %q, want %q", seed, at, found[at], model[at])
			}
		}
		for at, text := range found {
			if model[at] != text {
				t.Fatalf("seed %d: record %d is %q, which was never appended", seed, at, text)
			}
		}
		if damage.Records > 0 {
			t.Errorf("seed %d: damage %+v", seed, damage)
		}
	}
}

func TestDirectoryThatGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	told := make(chan error, 1000)
	l, err := journal.Open(dir, journal.OptionsWith(journal.Options{
		SegmentSize: 8 << 10, Limit: 1 << 20, OnError: func(err error) { told <- err },
	}, journal.Trouble{Retry: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(0, false, nil, "there", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(told) == 0 && time.Now().Before(deadline); {
		_, _ = l.Append(0, false, nil, strings.Repeat("x", 1000), nil)
	}
	if len(told) == 0 || <-told == nil {
		t.Error("OnError was not told that the directory is gone")
	}
	if err := l.Close(); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// fill appends pinned records until the log is full, and says so. What was concluded before
// may be freed meanwhile, in the background.
func fill(t *testing.T, l *journal.Log) (pinned []journal.Position) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		at, err := l.Append(0, true, nil, strings.Repeat("x", 1000), nil)
		switch {
		case err == nil:
			pinned = append(pinned, at)
		case !errors.Is(err, journal.ErrFull):
			t.Fatal(err)
		case errors.Is(l.Err(), journal.ErrFull):
			return pinned
		case time.Now().After(deadline):
			t.Fatalf("a full log: Err is %v", l.Err())
		}
	}
}

// A full log still takes the records that make its oldest segment free.
func TestConcludeInAFullLog(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, journal.Options{SegmentSize: 16 << 10, Limit: 64 << 10})
	for range 3 { // as often as it is full
		pinned := fill(t, l)
		for i, at := range pinned {
			for deadline := time.Now().Add(30 * time.Second); ; { // it is freed in the background
				err := l.Conclude(0, at, []byte("done"))
				if err == nil {
					break
				}
				if !errors.Is(err, journal.ErrFull) || time.Now().After(deadline) {
					t.Fatalf("record %d of %d: %v", i, len(pinned), err)
				}
			}
		}
		for deadline := time.Now().Add(30 * time.Second); l.Err() != nil; {
			if time.Now().After(deadline) {
				t.Fatal("all is concluded: ", l.Err())
			}
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*", "0*")); len(files) > 4 {
		t.Errorf("%d files, where the limit is four: %v", len(files), files)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Where a record cannot be concluded it stays pinned.
func TestConcludeThatFails(t *testing.T) {
	l := open(t, t.TempDir(), journal.Options{SegmentSize: 16 << 10, Limit: 64 << 10})
	pinned := fill(t, l)
	newest := pinned[len(pinned)-1]
	if err := l.Conclude(0, newest, []byte("done")); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("of the newest segment: got %v, want ErrFull", err)
	}
	for _, at := range pinned {
		if at != newest {
			l.Unpin(at)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); l.Err() != nil && time.Now().Before(deadline); {
	}
	if got, err := l.Read(newest, nil); err != nil || len(got) != 1000 {
		t.Errorf("the record that was not concluded: %d bytes, %v", len(got), err)
	}
	if err := l.Conclude(0, newest, []byte("done")); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// A process that dies while it removes what it has stored leaves all of it, or
// nothing: part of it would be taken for all there is.
func TestRemoveIsAllOrNothing(t *testing.T) {
	for allowed := range 30 {
		dir := t.TempDir()
		l := open(t, dir, journal.Options{SegmentSize: 8 << 10, Limit: 64 << 10})
		records := len(fill(t, l))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		steps := 0
		all, err := journal.AdoptWith(dir, journal.Trouble{Fault: func(op, path string) error {
			if filepath.Base(path) == "lock" && op == "open" {
				return nil
			}
			if steps++; steps > allowed {
				return errors.New("the process is dead")
			}
			return nil
		}})
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		err = all[0].Remove()
		found, damage := adopt(t, dir)
		if len(found) != 0 && len(found) != records || damage != (journal.Damage{}) {
			t.Errorf("after %d steps: %d records of %d, damage %+v", allowed, len(found), records, damage)
		}
		if err == nil {
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			return
		}
	}
	t.Error("Remove never came to its end")
}

package journal_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

const (
	killedDir     = "DYNAMOSLOG_TEST_JOURNAL"  // of a process that is to be killed
	killedPrivate = "DYNAMOSLOG_TEST_NO_WRITE" // nothing that it appends reaches the files
	killedWriters = 4
)

// runKilled appends numbered records until it is killed, and notes in a file how many
// calls of Append have returned.
func runKilled(dir string) error {
	l, err := journal.Open(filepath.Join(dir, "journal"), journal.OptionsWith(
		journal.Options{SegmentSize: 512 << 10, Limit: 4 << 20}, journal.Trouble{Private: os.Getenv(killedPrivate) != ""}))
	if err != nil {
		return err
	}
	status, err := os.OpenFile(filepath.Join(dir, "status"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for g := range killedWriters {
		all.Go(func() {
			var number [8]byte
			var pinned []journal.Position
			for n := uint64(1); ; n++ {
				at, err := l.Append(uint64(g), true, []byte(fmt.Sprint(g, " ", n)), " and a message", nil)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				binary.LittleEndian.PutUint64(number[:], n)
				if _, err := status.WriteAt(number[:], int64(8*g)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				if pinned = append(pinned, at); len(pinned) > keptRecords {
					l.Unpin(pinned[0])
					pinned = pinned[1:]
				}
			}
		})
	}
	all.Wait()
	return nil
}

// keptRecords are pinned by each goroutine, so that segments are recycled.
const keptRecords = 100

// killed kills a process that appends, and returns how many records are lost of those
// that have to be there.
func killed(t *testing.T, after time.Duration, env ...string) (lost, returned int) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), killedDir+"="+dir), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "status")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() == 8*killedWriters {
			break
		}
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	status, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, damage := adopt(t, filepath.Join(dir, "journal"))
	if damage != (journal.Damage{}) {
		t.Errorf("damage %+v", damage)
	}
	there := make(map[string]bool)
	for _, text := range found {
		place, ok := strings.CutSuffix(text, " and a message")
		if !ok {
			t.Errorf("%q was never written", text)
		}
		there[place] = true
	}
	for g := range killedWriters {
		last := binary.LittleEndian.Uint64(status[8*g:])
		returned += int(last)
		for n := max(1, int(last)-keptRecords+1); n <= int(last); n++ {
			if !there[strconv.Itoa(g)+" "+strconv.Itoa(n)] {
				lost++
			}
		}
	}
	return lost, returned
}

// A record whose Append returned outlives kill -9.
func TestKilled(t *testing.T) {
	all := 0
	for i := range 20 {
		lost, returned := killed(t, time.Duration(i)*3*time.Millisecond)
		if all += returned; lost > 0 {
			t.Errorf("%d records are lost of those that were pinned", lost)
		}
	}
	t.Logf("%d records", all)
}

// The test above notices where nothing reaches the files.
func TestKilledWithoutWriting(t *testing.T) {
	if !journal.CanMap {
		t.Skip("writing is disabled in the mapping")
	}
	lost, returned := killed(t, 20*time.Millisecond, killedPrivate+"=1")
	if lost == 0 {
		t.Errorf("nothing is lost of %d records that were never written", returned)
	}
}

package journal_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// A model is what a log has to hold: the pinned records, and all that were ever written.
type model struct {
	t       *testing.T
	r       *rand.Rand
	log     *journal.Log
	pinned  map[journal.Position]string
	written map[journal.Position]string
	count   int
}

func (m *model) append(pin bool) {
	text := fmt.Sprintf("%d %s", m.count, strings.Repeat("z", m.r.IntN(400)))
	m.count++
	at, err := m.log.Append(uint64(m.count%3), pin, []byte(text[:2]), text[2:], nil)
	if err != nil {
		return // it fails as the file system does, or is full
	}
	if m.written[at] != "" {
		m.t.Fatalf("%d: two records at one place", at)
	}
	if m.written[at] = text; pin {
		m.pinned[at] = text
	}
}

// some returns a pinned record.
func (m *model) some() (journal.Position, bool) {
	if len(m.pinned) == 0 {
		return 0, false
	}
	all := slices.Sorted(maps.Keys(m.pinned))
	return all[m.r.IntN(min(len(all), 5))], true // one of the oldest, so that some are freed
}

func (m *model) conclude(at journal.Position) {
	text := fmt.Sprint("done ", at)
	if err := m.log.Conclude(uint64(m.count%3), at, []byte(text)); err == nil {
		delete(m.pinned, at)
	}
}

func (m *model) read(at journal.Position) {
	got, err := m.log.Read(at, nil)
	if err != nil || string(got) != m.pinned[at] {
		m.t.Fatalf("%d reads as %q, %v; want %q", at, got, err, m.pinned[at])
	}
}

// act does something at random.
func (m *model) act() {
	at, some := m.some()
	switch action := m.r.IntN(10); {
	case action < 4 || !some:
		m.append(true)
	case action < 6:
		m.append(false)
	case action < 7:
		m.log.Unpin(at)
		delete(m.pinned, at)
	case action < 9:
		m.conclude(at)
	default:
		m.read(at)
	}
}

// left checks what the next process finds.
func (m *model) left(dir string) {
	found, damage := adopt(m.t, dir)
	for at, text := range m.pinned {
		if found[at] != text {
			m.t.Fatalf("%d is left as %q, want %q", at, found[at], text)
		}
	}
	for at, text := range found {
		if m.written[at] != text && !strings.HasPrefix(text, "done ") {
			m.t.Fatalf("%d is left as %q, which was never written", at, text)
		}
	}
	if damage != (journal.Damage{}) {
		m.t.Fatalf("damage %+v", damage)
	}
}

// Random actions on a log whose file system fails now and then leave what a model
// of it in memory says.
func TestModel(t *testing.T) {
	records := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		var failing atomic.Bool
		var mu sync.Mutex
		faults := rand.New(rand.NewPCG(seed, 13))
		dir := t.TempDir()
		l, err := journal.Open(dir, journal.OptionsWith(journal.Options{SegmentSize: 4 << 10, Limit: 32 << 10}, journal.Trouble{
			Retry: time.Millisecond, Unmapped: seed%3 == 0,
			Fault: func(string, string) error {
				mu.Lock()
				defer mu.Unlock()
				if failing.Load() && faults.IntN(3) == 0 {
					return []error{errors.New("input/output error"), syscall.ENOSPC}[faults.IntN(2)]
				}
				return nil
			},
		}))
		if err != nil {
			t.Fatal(err)
		}
		m := &model{t: t, r: r, log: l, pinned: make(map[journal.Position]string), written: make(map[journal.Position]string)}
		for i := range 3000 {
			if i%200 == 0 {
				failing.Store(r.IntN(2) == 0)
			}
			if m.act(); i%20 == 0 {
				time.Sleep(100 * time.Microsecond) // it frees and tries again meanwhile
			}
		}
		failing.Store(false)
		if err := l.Close(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		m.left(dir)
		all, err := journal.Adopt(dir)
		for _, remains := range all {
			err = errors.Join(err, remains.Remove())
		}
		if left, _ := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("seed %d: after Remove: %v, %v", seed, left, err)
		}
		records += len(m.written)
	}
	if t.Logf("%d records", records); records < 40*100 {
		t.Error("that is more failures than records")
	}
}

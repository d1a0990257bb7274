package acceptance_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/dynamotest"
)

// journalFaults are about the journal's disk, and about what is found on it.
var journalFaults = []fault{
	{
		name: "disk full", fault: same(dynamotest.Throttled), lasts: time.Second,
		setup: func(tr *trial) { tr.mount("size=80k") }, check: unprotected(syscall.ENOSPC),
	},
	{
		name: "journal full", fault: same(dynamotest.Throttled), lasts: time.Second,
		setup: func(tr *trial) { inJournal(tr); tr.opts.JournalLimit = 32 << 10 }, check: unprotected(nil),
	},
	{name: "journal directory read-only", setup: func(tr *trial) { tr.mount("ro") }, check: unprotected(syscall.EROFS)},
	{
		name: "journal directory missing",
		setup: func(tr *trial) {
			inJournal(tr)
			tr.opts.Journal = filepath.Join(tr.opts.Journal, "is", "made")
		},
		check: func(tr *trial, _ *result) {
			if got := tr.h.Stats().Unprotected; got != 0 {
				tr.Errorf("%d lines were not in the journal", got)
			}
			journalIsGone(tr, nil)
		},
	},
	{
		name: "journal directory removed", fault: same(dynamotest.Throttled), lasts: 3 * time.Second, setup: inJournal,
		tell: func(tr *trial) {
			tr.tellOne("user", "first", "before the directory is removed")
			var err error
			for range 100 { // the handler may just be making a file in it
				if err = os.RemoveAll(tr.opts.Journal); err == nil {
					return
				}
			}
			tr.Error(err)
		},
		check: func(tr *trial, _ *result) { tr.hasHeard("in memory only") },
	},
	{name: "journal truncated", others: true, damages: true, setup: damaged(truncate), check: toldOfDamage, fallback: someNameless},
	{name: "journal bit-flipped", others: true, damages: true, setup: damaged(flipBit), check: toldOfDamage},
	{name: "journal file empty", others: true, damages: true, setup: damaged(empty), check: toldOfDamage, fallback: someNameless},
	{name: "journal of an older format", others: true, damages: true, setup: damaged(versioned(0)), check: toldOfDamage, fallback: someNameless},
	{
		name: "journal of a newer format", others: true, damages: true, setup: damaged(versioned(99)),
		check: func(tr *trial, _ *result) {
			tr.hasHeard("newer version")
			tr.segments() // they are left for that version
		},
	},
}

// mount makes the journal's directory a file system of its own.
func (tr *trial) mount(options string) {
	tr.Helper()
	inJournal(tr)
	tr.opts.JournalLimit = childLimit
	dir := tr.opts.Journal
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tr.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		tr.Skipf("only who may mount a file system can test this: %v: %s", err, out)
	}
	tr.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			tr.Errorf("umount: %v: %s", err, out)
		}
	})
}

// unprotected checks that lines were in memory only, and that OnError was told why.
func unprotected(why error) func(*trial, *result) {
	return func(tr *trial, _ *result) {
		tr.Helper()
		if tr.h.Stats().Unprotected == 0 {
			tr.Error("all lines were in the journal: the fault was not met")
		}
		tr.mu.Lock()
		defer tr.mu.Unlock()
		told := 0
		for _, err := range tr.troubles {
			if strings.Contains(err.Error(), "in memory only") && (why == nil || errors.Is(err, why)) {
				told++
			}
		}
		if told != 1 {
			tr.Errorf("OnError was told %d times why, want once: %v", told, tr.troubles)
		}
	}
}

// hasHeard checks that OnError was told of something.
func (tr *trial) hasHeard(text string) {
	tr.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, err := range tr.troubles {
		if strings.Contains(err.Error(), text) {
			return
		}
	}
	tr.Errorf("OnError heard of %v, and not that %s", tr.troubles, text)
}

// damaged lets a child die whose journal then is damaged. What may be lost is what
// stands in the damaged bytes.
func damaged(damage func(tr *trial, path, data string) (damaged string)) func(*trial) {
	return func(tr *trial) {
		inOutage(waits)(tr)
		tr.proxy.Set(nil)
		paths, data := tr.segments()
		if tr.mayMiss(damage(tr, paths[0], data[0])) == 0 {
			tr.Error("no line is damaged: the fault was not met")
		}
	}
}

func toldOfDamage(tr *trial, _ *result) { tr.hasHeard("damaged") }

// someNameless lets lines be in the fallback of which only the story's name was damaged: the
// child may have died just when it had begun another segment.
func someNameless(tr *trial, _ *result) {
	tr.Helper()
	if text := tr.output.String(); text != "" && !strings.HasPrefix(text, "dynamoslog: recovered lines of a story whose name is lost\n") {
		tr.Errorf("in the fallback:\n%.2000s", text)
	}
}

// someLine returns where a line in the middle of a segment begins and ends.
func someLine(tr *trial, data string) (from, to int) {
	tr.Helper()
	from = len(data)/3 + strings.Index(data[len(data)/3:], "child ")
	return from, from + strings.Index(data[from:], "exercise") + len("exercise")
}

func truncate(tr *trial, path, data string) string {
	from, _ := someLine(tr, data)
	tr.rewrite(path, data[:from])
	return data[from:]
}

func flipBit(tr *trial, path, data string) string {
	from, to := someLine(tr, data)
	tr.rewrite(path, data[:from]+string(data[from]^1)+data[from+1:])
	return data[from:to]
}

func empty(tr *trial, path, data string) string {
	tr.rewrite(path, "")
	return data
}

// versioned makes a segment one of another version of the format: the number stands
// at 8 in the header, at the beginning and at the end of the file, the header's
// checksum at 60.
func versioned(version uint32) func(*trial, string, string) string {
	return func(tr *trial, path, data string) string {
		const header, number, checksum = 64, 8, 60
		text := []byte(data)
		for _, h := range [][]byte{text[:header], text[len(text)-header:]} {
			binary.LittleEndian.PutUint32(h[number:], version)
			binary.LittleEndian.PutUint32(h[checksum:], crc32.Checksum(h[:checksum], crc32.MakeTable(crc32.Castagnoli)))
		}
		tr.rewrite(path, string(text))
		if version == 0 {
			return data
		}
		_, all := tr.segments()
		return strings.Join(all, "") // of a newer one nothing is touched
	}
}

func (tr *trial) rewrite(path, data string) {
	tr.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		tr.Fatal(err)
	}
}

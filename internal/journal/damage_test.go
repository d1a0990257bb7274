package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// small writes a log of some records and returns its segment's path and bytes.
func small(t testing.TB) (dir, segment string, data []byte, want map[journal.Position]string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, dir, journal.Options{SegmentSize: 4 << 10, Limit: 64 << 10})
	want = make(map[journal.Position]string)
	for i := range 20 {
		text := fmt.Sprintf("record %d with something to say", i)
		at, err := l.Append(0, true, nil, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		want[at] = text
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if data, err = os.ReadFile(found[0]); err != nil {
		t.Fatal(err)
	}
	return dir, found[0], data, want
}

// intact counts the records that are there, and fails for one that was not written.
func intact(t testing.TB, dir string, want map[journal.Position]string, what string) (int, journal.Damage) {
	t.Helper()
	found, damage := adopt(t, dir)
	for at, text := range found {
		if want[at] != text {
			t.Fatalf("%s: record %d is %q, which was never written", what, at, text)
		}
	}
	return len(found), damage
}

func TestTruncated(t *testing.T) {
	dir, segment, data, want := small(t)
	before := -1
	for size := range len(data) + 1 {
		if err := os.WriteFile(segment, data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		n, damage := intact(t, dir, want, fmt.Sprint(size, " bytes"))
		if n < before {
			t.Fatalf("%d bytes: %d records, and %d of less", size, n, before)
		}
		before = n
		if n < len(want) && damage.Files+damage.Records == 0 {
			t.Fatalf("%d bytes: %d records of %d, and no damage is told", size, n, len(want))
		}
	}
	if before != len(want) {
		t.Errorf("%d records of %d in the whole file", before, len(want))
	}
}

func TestFlippedBits(t *testing.T) {
	dir, segment, data, want := small(t)
	for i := range data {
		damaged := bytes.Clone(data)
		damaged[i] ^= 1 << (i % 8)
		if err := os.WriteFile(segment, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		n, damage := intact(t, dir, want, fmt.Sprint("byte ", i))
		if n < len(want)-1 {
			t.Fatalf("byte %d: %d records of %d, damage %+v", i, n, len(want), damage)
		}
		if n < len(want) && damage.Records+damage.Files == 0 {
			t.Fatalf("byte %d: a record is lost, and no damage is told", i)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "zeros": make([]byte, 4096), "text": bytes.Repeat([]byte("not a segment\n"), 300),
	} {
		dir, segment, _, want := small(t)
		other := filepath.Join(filepath.Dir(segment), "00000000000000ff.seg")
		if err := os.WriteFile(other, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n, damage := intact(t, dir, want, name)
		if n != len(want) || damage.Files == 0 {
			t.Errorf("%s: %d records of %d, damage %+v", name, n, len(want), damage)
		}
	}
}

// A segment that was recycled holds records of its earlier life; a message may
// hold what looks like one. Neither is found.
func TestImitatedRecords(t *testing.T) {
	_, _, data, _ := small(t)
	dir := t.TempDir()
	l := open(t, dir, journal.Options{SegmentSize: 16 << 10, Limit: 64 << 10})
	at, err := l.Append(0, true, nil, string(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	segments, _ := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 64; i < 80; i++ { // its head, so that what is in it is looked at
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0xff
		if err := os.WriteFile(segments[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		intact(t, dir, map[journal.Position]string{at: string(data)}, fmt.Sprint("byte ", i))
	}
}

func FuzzAdopt(f *testing.F) {
	_, segment, data, want := small(f)
	f.Add(data)
	f.Add(data[:100])
	f.Add([]byte(nil))
	name := filepath.Join("log-20261122T164141.000000000-0123456789abcdef", filepath.Base(segment))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := journal.Adopt(dir)
		if err != nil {
			return // of a newer version
		}
		for _, r := range all {
			for at, text := range r.All() {
				if want[at] != string(text) {
					t.Errorf("record %d is %q, which was never written", at, text)
				}
			}
			if err := r.Remove(); err != nil {
				t.Error(err)
			}
		}
	})
}

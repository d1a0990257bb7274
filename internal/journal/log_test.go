package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestFirst(t *testing.T) {
	dir := t.TempDir()
	l, err := journal.Open(dir, journal.Options{SegmentSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[journal.Position]string)
	for i := range 10000 {
		m := fmt.Sprintf("line %d", i)
		pos, err := l.Append(true, []byte("head "), m, []byte(" attrs"))
		if err != nil {
			t.Fatal(err)
		}
		want[pos] = "head " + m + " attrs"
	}
	for pos, w := range want {
		got, err := l.Read(pos, nil)
		if err != nil || string(got) != w {
			t.Fatalf("%d: %q %v, want %q", pos, got, err, w)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := journal.Adopt(dir)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	n := 0
	for pos, p := range all[0].All() {
		n++
		if want[pos] != string(p) {
			t.Fatalf("%d: %q", pos, p)
		}
	}
	if n != len(want) || all[0].Damage() != (journal.Damage{}) {
		t.Fatal(n, all[0].Damage())
	}
	if err := all[0].Remove(); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	fmt.Fprintln(os.Stderr, left)
}

func BenchmarkAppend(b *testing.B) {
	l, err := journal.Open(b.TempDir(), journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	m := string(make([]byte, 60))
	h, a := make([]byte, 20), make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Append(false, h, m, a); err != nil {
			b.Fatal(err)
		}
	}
}

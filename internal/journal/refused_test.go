package journal_test

import (
	"errors"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// refused reports whether what is left in a directory is known not to be all.
func refused(t *testing.T, dir string) (any bool) {
	t.Helper()
	all, err := journal.Adopt(dir)
	for _, r := range all {
		any = any || r.Refused()
		err = errors.Join(err, r.Close())
	}
	if err != nil || len(all) != 1 {
		t.Fatalf("%d logs are left, %v", len(all), err)
	}
	return any
}

// A log tells whoever reads what is left of it that an append failed, though there was
// no room, mapped or not.
func TestRefusedAppendsAreToldLater(t *testing.T) {
	for _, unmapped := range []bool{false, true} {
		for _, full := range []bool{false, true} {
			dir := t.TempDir()
			opts := journal.OptionsWith(journal.Options{SegmentSize: 4 << 10, Limit: 16 << 10}, journal.Trouble{Unmapped: unmapped})
			l := open(t, dir, opts)
			if _, err := l.Append(0, true, []byte("kept"), "", nil); err != nil {
				t.Fatal(err)
			}
			var err error
			for err == nil && full {
				_, err = l.Append(0, true, make([]byte, 500), "", nil)
			}
			if full != errors.Is(err, journal.ErrFull) {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Append(0, true, []byte("closed"), "", nil); !errors.Is(err, journal.ErrClosed) {
				t.Fatal(err)
			}
			if got := refused(t, dir); got != full {
				t.Errorf("unmapped %v: refused %v, want %v", unmapped, got, full)
			}
			if found, damage := adopt(t, dir); len(found) == 0 || damage != (journal.Damage{}) {
				t.Errorf("%d records, damage %+v", len(found), damage)
			}
		}
	}
}

//go:build unix

package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

// To open a pipe would wait for somebody who writes to it.
func TestFilesThatArePipes(t *testing.T) {
	for _, name := range []string{"lock", "stored", "stored.new", "00000000000000ff.seg", "0000000000000007.spare"} {
		t.Run(name, func(t *testing.T) {
			dir, segment, _, _ := small(t)
			planted := filepath.Join(filepath.Dir(segment), name)
			if name == "lock" {
				if err := os.Remove(planted); err != nil {
					t.Fatal(err)
				}
			}
			if err := unix.Mkfifo(planted, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := removeAll(dir); !strings.HasSuffix(name, ".spare") && (err == nil || !strings.Contains(err.Error(), planted)) {
				t.Errorf("got %v, want an error that tells of %s", err, planted)
			}
			if _, err := os.Lstat(planted); err != nil {
				t.Errorf("it was removed: %v", err)
			}
		})
	}
}

func TestFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for _, what := range []string{"folder", "segment"} {
		dir, segment, data, _ := small(t)
		given := segment
		if what == "folder" {
			given = filepath.Dir(segment)
		}
		if err := os.Lchown(given, 12345, -1); err != nil {
			t.Fatal(err)
		}
		all, err := journal.Adopt(dir)
		if what == "folder" && (len(all) > 0 || err == nil) {
			t.Errorf("adopted %d, %v; want an error that tells of another user's folder", len(all), err)
		}
		for _, r := range all {
			for range r.All() {
				t.Errorf("a record of another user's %s was read", what)
			}
			err = r.Remove()
		}
		if err == nil || !strings.Contains(err.Error(), given) || !strings.Contains(err.Error(), "another user's") {
			t.Errorf("%s: %v, want an error that says whose it is", what, err)
		}
		if left, err := os.ReadFile(segment); err != nil || len(left) != len(data) {
			t.Errorf("the %s was touched: %v", what, err)
		}
	}
}

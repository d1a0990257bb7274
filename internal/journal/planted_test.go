package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/journal"
)

const plantedFolder = "log-20260101T000000.000000000-00000000000000ab"

// victim makes a folder elsewhere with files of all names that a log has.
func victim(t *testing.T) (dir string, untouched func()) {
	t.Helper()
	dir = t.TempDir()
	names := []string{"lock", "stored", "stored.new", "0000000000000001.seg", "0000000000000001.spare", "0000000000000002.seg", "notes.txt"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0000000000000002.seg"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func() {
		t.Helper()
		for _, name := range names {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "0000000000000002.seg" {
				t.Errorf("%s, which is elsewhere, was touched: %q, %v", name, data, err)
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != len(names) {
			t.Errorf("elsewhere are %d files, want %d: %v", len(entries), len(names), err)
		}
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("no right to make links: ", err)
		}
		t.Fatal(err)
	}
}

func removeAll(dir string) error {
	all, err := journal.Adopt(dir)
	for _, r := range all {
		for range r.All() {
			continue
		}
		err = errors.Join(err, r.Remove())
	}
	return err
}

func TestFolderThatIsALink(t *testing.T) {
	for name, plant := range map[string]func(t *testing.T, elsewhere, folder string){
		"to a folder": func(t *testing.T, elsewhere, folder string) { link(t, elsewhere, folder) },
		"to a folder of links": func(t *testing.T, elsewhere, folder string) {
			between := t.TempDir()
			for _, file := range []string{"lock", "stored", "0000000000000002.seg"} {
				link(t, filepath.Join(elsewhere, file), filepath.Join(between, file))
			}
			link(t, between, folder)
		},
		"to nothing": func(t *testing.T, elsewhere, folder string) { link(t, filepath.Join(elsewhere, "new"), folder) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, _, _, want := small(t)
			elsewhere, untouched := victim(t)
			planted := filepath.Join(dir, plantedFolder)
			plant(t, elsewhere, planted)
			all, err := journal.Adopt(dir)
			if err == nil || !strings.Contains(err.Error(), planted) {
				t.Errorf("Adopt: %v, want an error that tells of %s", err, planted)
			}
			if len(all) != 1 {
				t.Fatalf("%d remains, want one: what is no link", len(all))
			}
			found := 0
			for range all[0].All() {
				found++
			}
			if found != len(want) {
				t.Errorf("%d records, want %d", found, len(want))
			}
			if err := all[0].Remove(); err != nil {
				t.Error(err)
			}
			untouched()
			if _, err := os.Lstat(planted); err != nil {
				t.Errorf("the link was removed: %v", err)
			}
		})
	}
}

// Each file of a log that another process left may be a link to one elsewhere.
func TestFilesThatAreLinks(t *testing.T) {
	for _, name := range []string{"lock", "stored", "stored.new", "0000000000000001.seg", "0000000000000002.seg", "0000000000000007.spare"} {
		for how, plant := range map[string]func(t *testing.T, target, name string){
			"symbolic": link,
			"missing":  func(t *testing.T, target, name string) { link(t, target+".new", name) },
			"hard": func(t *testing.T, target, name string) {
				if err := os.Link(target, name); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				dir, segment, _, _ := small(t)
				elsewhere, untouched := victim(t)
				planted := filepath.Join(filepath.Dir(segment), name)
				if err := os.Remove(planted); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				plant(t, filepath.Join(elsewhere, "0000000000000001.seg"), planted)
				err := removeAll(dir)
				untouched()
				if how == "hard" {
					return // a name in our folder of a file that is regular
				}
				if _, lstatErr := os.Lstat(planted); lstatErr != nil {
					t.Errorf("the link was removed: %v", lstatErr)
				}
				if err == nil && !strings.HasSuffix(name, ".spare") {
					t.Error("nobody was told")
				}
			})
		}
	}
}

// A log that is being written whose folder or files become links.
func TestLogThatIsReplacedByLinks(t *testing.T) {
	for _, what := range []string{"folder", "lock", "segments", "spares"} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			elsewhere, untouched := victim(t)
			told := make(chan error, 1000)
			l, err := journal.Open(dir, journal.OptionsWith(journal.Options{
				SegmentSize: 8 << 10, Limit: 64 << 10, OnError: func(err error) { told <- err },
			}, journal.Trouble{Retry: time.Millisecond}))
			if err != nil {
				t.Fatal(err)
			}
			fill(t, l)
			folders, err := filepath.Glob(filepath.Join(dir, "log-*"))
			if err != nil || len(folders) != 1 {
				t.Fatal(folders, err)
			}
			replace := func(name, target string) {
				if err := os.Rename(name, filepath.Join(dir, filepath.Base(name)+".away")); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Error(err)
				}
				link(t, target, name)
			}
			switch what {
			case "folder":
				replace(folders[0], elsewhere)
			case "lock":
				replace(filepath.Join(folders[0], "lock"), filepath.Join(elsewhere, "lock"))
			case "segments":
				for _, name := range []string{"0000000000000001.seg", "0000000000000002.seg"} {
					replace(filepath.Join(folders[0], name), filepath.Join(elsewhere, name))
				}
			case "spares":
				for n := range 64 { // one of them is made next
					name := filepath.Join(folders[0], strings.Replace("00000000000000xx.spare", "xx", string("0123456789abcdef"[n/16])+string("0123456789abcdef"[n%16]), 1))
					if _, err := os.Lstat(name); err != nil {
						link(t, filepath.Join(elsewhere, "0000000000000001.spare"), name)
					}
				}
			}
			for end := time.Now().Add(30 * time.Second); len(told) == 0 && time.Now().Before(end); {
				_, _ = l.Append(0, false, nil, strings.Repeat("x", 1000), nil)
			}
			_ = l.Close() // tells, perhaps
			untouched()
			if len(told) == 0 {
				t.Error("OnError was not told")
			}
			_ = removeAll(dir)
			untouched()
		})
	}
}

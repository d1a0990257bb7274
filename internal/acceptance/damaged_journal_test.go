package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/story"
)

// Close claims no line in the journal that the next handler does not find there.
func TestCloseAfterTheJournalWasDamaged(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped can be neither cut short nor removed")
	}
	const stories, lines = 2000, 10
	for name, damage := range map[string]func(segment string) error{
		"cut in the middle": func(segment string) error { return os.Truncate(segment, 600_000) },
		"emptied":           func(segment string) error { return os.Truncate(segment, 0) },
		"folder removed":    func(segment string) error { return os.RemoveAll(filepath.Dir(segment)) },
	} {
		for how, maxBuffered := range map[string]int64{"in memory": 0, "left memory": 512 << 10} {
			t.Run(name+", "+how, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "journal")
				var fallback bytes.Buffer
				h := dynamoslog.New(downStore{}, &dynamoslog.Options{
					Journal: dir, MaxBuffered: maxBuffered, Fallback: &fallback, OnError: func(error) {},
				})
				for i := range stories {
					tell(t, h, fmt.Sprint(i), lines)
				}
				segments, err := filepath.Glob(filepath.Join(dir, "*", "0000000000000001.seg"))
				if err != nil || len(segments) != 1 {
					t.Fatal(segments, err)
				}
				if err := damage(segments[0]); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_ = h.Shutdown(ctx)
				err = h.Shutdown(t.Context()) // when it has really ended
				var unwritten *dynamoslog.UnwrittenError
				if !errors.As(err, &unwritten) || how == "in memory" && unwritten.Lines != stories*lines {
					t.Fatalf("Shutdown: %v", err)
				}
				claimed := placeCount(unwritten.Where, "in the journal", unwritten.Lines)
				inFallback := placeCount(unwritten.Where, "in Options.Fallback", unwritten.Lines)
				if got := strings.Count(fallback.String(), "line "); got != inFallback {
					t.Errorf("%d lines are in the fallback, Close said %q", got, unwritten.Where)
				}
				if how == "in memory" && claimed+inFallback != stories*lines {
					t.Errorf("%q: lines that were in memory are nowhere", unwritten.Where)
				}
				if unread := placeCount(unwritten.Where, "unreadable in the journal", unwritten.Lines); how == "left memory" && unread == 0 {
					t.Errorf("%q: no line was unreadable", unwritten.Where)
				}
				store := story.NewMemory()
				next := dynamoslog.New(store, &dynamoslog.Options{Journal: dir, OnError: func(error) {}})
				slog.New(next).Info("it begins")
				if err := next.Close(); err != nil {
					t.Fatal(err)
				}
				found := 0
				for header, err := range story.All(t.Context(), store, story.Query{}) {
					if err != nil {
						t.Fatal(err)
					}
					read, err := store.Read(t.Context(), header.Key, header.ID)
					if err != nil {
						t.Fatal(err)
					}
					for _, line := range read.Lines {
						if strings.HasPrefix(line.Message, "line ") {
							found++
						}
					}
				}
				t.Logf("%q; found %d", unwritten.Where, found)
				if found < claimed {
					t.Errorf("Close said %q, the next handler found %d", unwritten.Where, found)
				}
			})
		}
	}
}

// placeCount returns how many lines an UnwrittenError says are in a place: all of
// them where it names only that one.
func placeCount(where, place string, all int) (n int) {
	for part := range strings.SplitSeq(where, ", ") {
		if strings.HasPrefix(part, place) {
			return all
		}
		if number, rest, ok := strings.Cut(part, " "); ok && strings.HasPrefix(rest, place) {
			_, _ = fmt.Sscan(number, &n)
		}
	}
	return n
}

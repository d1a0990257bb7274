//go:build linux || darwin

package cli_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/internal/shop"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// fileOf writes stories to a file.
func fileOf(t *testing.T, stories ...story.Story) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stories {
		if s.State == "" {
			s.State = story.Sealed
		}
		s.ID, s.Updated, s.LineCount = story.NewID(s.Start), s.Start.Add(s.Duration), max(len(s.Lines), 1)
		if len(s.Lines) > 0 {
			s.Cause, s.Problem = story.CauseOf(s.Key.Kind, s.Lines)
		}
		if err := store.Put(t.Context(), []story.Part{{Key: s.Key, ID: s.ID, Header: &s.Header, Text: story.Format(s.Lines)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// wideStories are of today and of the day before, with all that makes a row long.
func wideStories(t *testing.T) (path string, now time.Time) {
	now = time.Now().UTC().Truncate(time.Microsecond)
	header := func(ago time.Duration, kind, id, title string) story.Story {
		return story.Story{Header: story.Header{Key: story.NewKey(kind, id), Start: now.Add(-ago), Title: title}}
	}
	failed := header(time.Second, "user", "9", "POST /orders")
	failed.MaxLevel, failed.Cause, failed.Duration = slog.LevelError, "支払いに失敗しました。支払いに失敗しました。支払いに失敗しました。支払いに失敗しました。", 6984*time.Millisecond
	open := header(2*time.Second, "http", "GET /a/very/long/route/{of}/{many}/{parts}/that/no/terminal/holds", "GET /a/very/long/route")
	open.State, open.MaxLevel, open.Cause = story.Open, slog.LevelWarn, "slow"
	older := header(50*time.Hour, "日本", "x", strings.Repeat("👩‍👩‍👧", 90))
	return fileOf(t, failed, open, older, header(3*time.Second, "user", "1", "")), now
}

// A row takes no more columns than the terminal has, whatever stands in it, and says when,
// how bad, what and why.
func TestRowsFitTerminal(t *testing.T) {
	path, now := wideStories(t)
	for _, args := range [][]string{{"ls"}, {"ls", "--sort", "took"}, {"tail", "--once"}, {"errors", "-l", "warn"}, {"slow", "since:-3d"}, nil, {"grep", "GET", "level:debug"}} {
		for _, width := range []uint16{46, 60, 80, 100, 120, 250} {
			text, code := onTerminalOf(t, pty.Winsize{Rows: 90, Cols: width}, nil, append([]string{"--file", path}, args...)...).end(t)
			if code != 0 && args != nil && args[0] != "grep" {
				t.Errorf("%v: exit code %d\n%s", args, code, text)
			}
			for _, row := range strings.Split(strings.ReplaceAll(colour.ReplaceAllString(text, ""), "\r", ""), "\n") {
				if strings.HasPrefix(row, "'dynamoslog ls' lists") || strings.HasPrefix(row, "Last hour") || strings.HasPrefix(row, "No line") || strings.HasPrefix(row, "Since ") || strings.HasPrefix(row, "COUNT") || strings.HasPrefix(row, "In the last") {
					continue // sentences wrap as any text does
				}
				if n := reading.Width(row); n > int(width) {
					t.Errorf("%v: a row of %d columns on a terminal of %d: %q", args, n, width, row)
				}
			}
		}
	}
	text, _ := onTerminalOf(t, pty.Winsize{Rows: 50, Cols: 100}, []string{"NO_COLOR=1"}, "ls", "--file", path).end(t)
	day := now.Add(-50 * time.Hour).Local().Format("Monday, 2006-01-02")
	for _, want := range []string{" ✗ user_9", "POST /orders — 支払いに失敗", "  6.98s  ", " ! http_GET", "(open) GET /a/", day + "\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if today := now.Local().Format(time.DateOnly); strings.Contains(text, today) && now.Add(-time.Minute).Local().Format(time.DateOnly) == today {
		t.Errorf("today is named in\n%s", text)
	}
	text, _ = onTerminalOf(t, pty.Winsize{Rows: 50, Cols: 100}, []string{"NO_COLOR=1"}, "ls", "--sort", "took", "--file", path).end(t)
	if first := strings.Split(text, "\r\n")[1]; !strings.HasPrefix(first, now.Add(-time.Second).Local().Format(time.DateTime)+" ✗ user_9") {
		t.Errorf("the longest, with its date beside older ones, is not first in\n%s", text)
	}
}

// A pager is started where the rows do not fit the terminal, and few lines may be many rows.
func TestPagerCountsRows(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	lines := func(text string) []story.Line { return []story.Line{{Message: "POST /orders", Attrs: "body=" + text}} }
	one := story.Story{Header: story.Header{Key: story.NewKey("user", "1"), Start: now.Add(-time.Minute), Title: "POST /orders"}, Lines: lines(strings.Repeat("日", 300))}
	other := one
	other.Start, other.Lines = now, lines(strings.Repeat("月", 300))
	path := fileOf(t, one, other)
	for rows, want := range map[uint16]bool{12: true, 60: false} {
		text, code := onTerminalOf(t, pty.Winsize{Rows: rows, Cols: 80}, nil, "diff", "user_1", "--file", path).end(t)
		if code != 0 || strings.HasPrefix(text, "PAGER ") != want {
			t.Errorf("%d rows, pager wanted %t: exit code %d\n%s", rows, want, code, text)
		}
	}
}

// On a terminal a story opens folded to what went wrong, with the cause first.
func TestShowOnTerminal(t *testing.T) {
	path := fixture(t)
	show := func(width uint16, args ...string) string {
		text, code := onTerminalOf(t, pty.Winsize{Rows: 90, Cols: width}, []string{"NO_COLOR=1"}, append([]string{"show", "user_42", "--file", path}, args...)...).end(t)
		if code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, text)
		}
		return strings.ReplaceAll(text, "\r", "")
	}
	folded, all := show(100), show(100, "--all")
	facts := strings.SplitN(folded, "\n", 6)
	if !strings.HasPrefix(facts[0], "user_42  ") || facts[1] != "  host=a" || facts[2] != "" || facts[3] != "ERROR audit: disk full" || !strings.HasPrefix(facts[4], "  POST /order › ") {
		t.Errorf("the facts are\n%s", folded)
	}
	if !strings.Contains(all, "| (id, user)") || !strings.Contains(folded, "path=/var/log a") {
		t.Errorf("folded:\n%s\nall:\n%s", folded, all)
	}
	bar := regexp.MustCompile(`(?m)^\+0\.000   POST /order  user=42 +1\.00s ████████████$`)
	if !bar.MatchString(folded) || strings.Contains(show(99), "█") {
		t.Errorf("from 100 columns on there are bars, not before:\n%s", folded)
	}
	run(t, 2, "show", "user_42", "--all", "--fold", "errors", "--file", path)
}

// shopWeek is the shop's week, whose payments fail in the last hour.
func shopWeek(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if err := shop.Fill(t.Context(), store, now); err != nil {
		t.Fatal(err)
	}
	calm := story.Header{Key: story.NewKey("user", "1"), Start: now.Add(-90 * time.Minute), State: story.Sealed, LineCount: 1, Title: "GET /users/{id}"}
	calm.ID, calm.Updated = story.NewID(calm.Start), calm.Start // so that the hour before the last has a story, whatever time of day it is
	if err := store.Put(t.Context(), []story.Part{{Key: calm.Key, ID: calm.ID, Header: &calm, Text: "+0.000 I GET\n"}}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// The command alone says how things are, errors what went wrong, and slow what became slow.
func TestStateOfShop(t *testing.T) {
	file := "--file=" + shopWeek(t)
	out, errs := run(t, 0, file)
	if !regexp.MustCompile(`^Last hour: \d+ stories, \d+ failed.* \(before: [1-9]\d*, \d+ failed\)  [▁▂▃▄▅▆▇█]{12}\n✗ +\d+ new  [▁▂▃▄▅▆▇█]{12}  Payment failed: `).MatchString(out) || errs != "" {
		t.Errorf("the state is\n%s%s", out, errs)
	}
	out, _ = run(t, 0, "errors", "since:-1h", file)
	id := regexp.MustCompile(`ls (problem:[a-z2-7]+)\n`).FindStringSubmatch(out)
	count := regexp.MustCompile(`(?m)^✗ +(\d+) new `).FindStringSubmatch(out)
	newest := regexp.MustCompile(` · show ([0-9a-z]{12}) · `).FindStringSubmatch(out)
	if id == nil || count == nil || newest == nil {
		t.Fatalf("errors:\n%s", out)
	}
	if list, _ := run(t, 0, "ls", id[1], "-n", "1000", file); fmt.Sprint(strings.Count(list, "✗")) != count[1] || !strings.Contains(strings.Split(list, "\n")[1], newest[1]) {
		t.Errorf("%s of %s, the newest %s, are listed as\n%s", count[1], id[1], newest[1], list)
	}
	out, _ = run(t, 0, "errors", "--json", "-n", "1", "since:-1h", file)
	var problem struct {
		Problem, Cause, Kind, Route string
		Count, Objects              int
		New                         bool
		First, Last                 time.Time
		Newest                      reading.Header
	}
	if err := json.Unmarshal([]byte(out), &problem); err != nil || "problem:"+problem.Problem != id[1] || fmt.Sprint(problem.Count) != count[1] || !problem.New ||
		story.ShortID(problem.Newest.ID) != newest[1] || !problem.Last.Equal(problem.Newest.Start) || problem.Last.Before(problem.First) || problem.Objects == 0 || problem.Route != "POST /orders" {
		t.Errorf("%v: %s", err, out)
	}
	out, _ = run(t, 0, "slow", file)
	if !regexp.MustCompile(`^COUNT .*\n +\d+ +\S+ms +[67]\.\d\ds +\d+ms ×\d+ +[0-9a-z]{12}  user POST /orders\n`).MatchString(out) {
		t.Errorf("slow:\n%s", out)
	}
	if out, errs = run(t, 0, "errors", "since:-7d", "-l", "warn", "--look", "3", file); !strings.HasPrefix(errs, "Looked at ") || !strings.Contains(errs, " stories, back to ") || strings.Contains(out, "before") || !strings.Contains(errs, "not at all of the time; --look") || strings.Contains(out, " new ") {
		t.Errorf("errors that looks at little:\n%s%s", out, errs)
	}
	out, _ = run(t, 0, "grep", "-l", "warn", "since:-1h", "-n", "1000", file)
	for row := range strings.Lines(out) {
		if !strings.Contains(row, " WARN ") && !strings.Contains(row, " ERROR ") {
			t.Errorf("grep -l warn shows %s", row)
		}
	}
	out, _ = run(t, 0, file, "--json")
	var state struct {
		Stories, Failed int
		Problems, Slow  []any
	}
	if err := json.Unmarshal([]byte(out), &state); err != nil || state.Stories == 0 || state.Failed == 0 || len(state.Problems) == 0 || len(state.Slow) == 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// The command alone helps where there is nothing to look at, and where that is old says so.
func TestStateOfNothing(t *testing.T) {
	if out, _ := run(t, 0, "--file", filepath.Join(t.TempDir(), "none.db")); !strings.Contains(out, "Available Commands:") {
		t.Errorf("got\n%s", out)
	}
	old := story.Story{Header: story.Header{Key: story.NewKey("user", "1"), Start: time.Now().UTC().Add(-72 * time.Hour).Truncate(time.Microsecond), Title: "long ago"}}
	out, _ := run(t, 0, "--file", fileOf(t, old))
	if !strings.HasPrefix(out, "Last hour: no stories, and 0 stories the hour before.\nThe newest is of "+old.Start.Local().Format(time.DateOnly)) || !strings.Contains(out, "long ago") {
		t.Errorf("got\n%s", out)
	}
	if _, errs := run(t, 2, "nonsense"); !strings.Contains(errs, "unknown command") {
		t.Errorf("got %s", errs)
	}
}

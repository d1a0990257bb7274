package cli_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// manyStories writes so many stories, a second apart up to now, of which every hundredth
// has status=500 and its number as order.
func manyStories(t *testing.T, n int) (path string, newest time.Time) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	newest = time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	var parts []story.Part
	for i := range n {
		start := newest.Add(-time.Duration(i) * time.Second)
		h := &story.Header{Key: story.NewKey([]string{"user", "job"}[i%2], fmt.Sprint(i%50)), ID: story.NewID(start), Start: start, Updated: start, State: story.Sealed, LineCount: 1, Title: "POST /orders", Attrs: map[string]string{"status": "200"}}
		if i%100 == 50 {
			h.Attrs, h.MaxLevel = map[string]string{"status": "500", "order": fmt.Sprint(i)}, slog.LevelError
		}
		parts = append(parts, story.Part{Key: h.Key, ID: h.ID, Header: h, Text: "+0.000 I Begin\n"})
	}
	if err := store.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path, newest
}

// What no index finds is looked for in the newest stories, and it is said how far; what is
// printed there goes on.
func TestSearchSaysHowFar(t *testing.T) {
	path, newest := manyStories(t, 6000)
	file := "--file=" + path
	rows := func(out string) int { return strings.Count(out, "POST /orders") }
	out, errs := run(t, 0, "ls", "status=500", file)
	back := newest.Add(-2499 * time.Second)
	if rows(out) != 25 || !strings.HasPrefix(errs, "Looked at the newest 2,500 stories, back to ") || !strings.Contains(errs, back.Local().Format("15:04:05 MST")) {
		t.Errorf("%d rows, %s", rows(out), errs)
	}
	_, until, _ := strings.Cut(errs, "; ")
	until, _, _ = strings.Cut(until, " ")
	out, errs = run(t, 0, "ls", "status=500", until, file)
	if rows(out) != 25 || !strings.HasPrefix(errs, "Looked at 2,500 stories, back to ") {
		t.Errorf("%s: %d rows, %s", until, rows(out), errs)
	}
	if out, errs = run(t, 0, "ls", "status>=500", "--look", "10000", "-n", "100", file); rows(out) != 60 || errs != "" {
		t.Errorf("all: %d rows, %s", rows(out), errs)
	}
	if out, errs = run(t, 0, "ls", "status>=500", "-n", "7", file); rows(out) != 7 || errs != "" {
		t.Errorf("a limit needs no word: %d rows, %s", rows(out), errs)
	}
	if out, errs = run(t, 0, "ls", "-n", "3000", file); rows(out) != 3000 || errs != "" {
		t.Errorf("%d rows, %s", rows(out), errs)
	}
	if out, _ = run(t, 0, "ls", "job_1", "-n", "500", file); rows(out) != 120 {
		t.Errorf("a key is found whole: %d rows", rows(out))
	}
	_, errs = run(t, 3, "ls", "order=5950", file)
	if !strings.HasPrefix(errs, "There are no such stories. Looked at the newest 2,500 stories, back to ") {
		t.Errorf("nothing found: %s", errs)
	}
	if out, _ = run(t, 0, "ls", "order=5950", "--look", "6000", file); rows(out) != 1 {
		t.Errorf("%d rows", rows(out))
	}
	_, errs = run(t, 0, "grep", "begin", "status=500", "--look", "1000", "--read", "5", file)
	if !strings.HasPrefix(errs, "5 stories read; --until ") {
		t.Errorf("grep: %s", errs)
	}
	if _, errs = run(t, 3, "grep", "nothing", "status=500", "--look", "1000", file); !strings.HasPrefix(errs, "No line was found. Looked at the newest 1,000 stories") {
		t.Errorf("grep: %s", errs)
	}
	if out, errs = run(t, 0, "export", "status=500", file); strings.Count(out, "\n") != 60 || errs != "" {
		t.Errorf("export: %d, %s", strings.Count(out, "\n"), errs)
	}
	run(t, 2, "ls", "--look", "0", file)
}

// A story is found by its id alone, whole or as a list shows it, by every command that
// takes one.
func TestStoryByIDAlone(t *testing.T) {
	path := fixture(t)
	file := "--file=" + path
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), story.Query{})
	if err != nil || store.Close() != nil {
		t.Fatal(err)
	}
	last, middle, first := page.Headers[0].ID, page.Headers[1].ID, page.Headers[2].ID
	list, _ := run(t, 0, "ls", file)
	for _, id := range []string{first, middle, last} {
		short := story.ShortID(id)
		if !strings.Contains(list, "  "+short+"\n") {
			t.Errorf("ls does not show %s:\n%s", short, list)
		}
		for _, args := range [][]string{{id}, {short}, {"user_42", id}, {"user_42", short}} {
			if out, _ := run(t, 0, append([]string{"show", file}, args...)...); !strings.Contains(out, id) {
				t.Errorf("show %v:\n%s", args, out)
			}
		}
		if out, _ := run(t, 0, "ls", file, "id:"+short); strings.Count(out, "user_42") != 1 || !strings.Contains(out, short) {
			t.Errorf("ls id:%s:\n%s", short, out)
		}
	}
	whole, _ := run(t, 0, "diff", file, "user_42", middle, first)
	if short, _ := run(t, 0, "diff", file, story.ShortID(middle), story.ShortID(first)); short != whole {
		t.Errorf("diff by short ids:\n%s\nnot\n%s", short, whole)
	}
	if !strings.HasPrefix(whole, "was  user_42  "+middle) || !strings.Contains(whole, "\nis   user_42  "+first) {
		t.Errorf("diff OLD NEW has the old one first:\n%s", whole)
	}
	for _, args := range [][]string{
		{"user_42", story.ShortID(middle), "~2"}, {"user_42", "~1", "~2"}, {"user_42", "~", "user_42", "~2"}, {middle, "~2"}, {story.ShortID(middle), "user_42", first},
	} {
		if out, _ := run(t, 0, append([]string{"diff", file}, args...)...); out != whole {
			t.Errorf("diff %v:\n%s\nnot\n%s", args, out, whole)
		}
	}
	if out, _ := run(t, 0, "show", file, "user_42", "~2"); !strings.Contains(out, first) {
		t.Errorf("show ~2:\n%s", out)
	}
	for _, args := range [][]string{{"open", "user_42", "~1"}, {"rm", "user_42", "~1", file}, {"diff", "user_1", "user_2", "user_3", file}, {"show", "~1", file}} {
		run(t, 2, args...)
	}
	run(t, 3, "show", "user_42", "~3", file)
	run(t, 3, "show", "user_43", "~1", file)
	run(t, 3, "show", "user_42", "~1000", file)
	if out, _ := run(t, 0, "open", story.ShortID(first)); out != "http://localhost:7133/story?id="+story.ShortID(first)+"\n" {
		t.Errorf("open: %s", out)
	}
	if out, _ := run(t, 0, "rm", story.ShortID(first), file); out != "Removed 1 story of user_42.\n" {
		t.Errorf("rm: %s", out)
	}
	run(t, 3, "show", story.ShortID(first), file)
	run(t, 3, "show", first, file)
	run(t, 3, "show", "user_42", story.ShortID(first), file)
	run(t, 3, "show", "user_43", story.ShortID(middle), file)
	run(t, 2, "show", "soon", file)
}

// Stories of one microsecond whose ids begin alike are named, not guessed.
func TestAmbiguousShortID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now().UTC().Truncate(time.Microsecond)
	for i, suffix := range []string{"-aaaaaa", "-aabbbb"} {
		h := &story.Header{Key: story.NewKey("user", fmt.Sprint(i)), ID: story.IDPrefix(start) + suffix, Start: start, Updated: start, State: story.Sealed, Title: "x"}
		if err := store.Put(t.Context(), []story.Part{{Key: h.Key, ID: h.ID, Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	short := story.ShortID(story.IDPrefix(start) + "-aaaaaa")
	_, errs := run(t, 1, "show", short, "--file", path)
	if !strings.Contains(errs, "name one of them whole: user_1 "+story.IDPrefix(start)+"-aabbbb, user_0 ") {
		t.Errorf("got %s", errs)
	}
	run(t, 0, "show", "user_1", short, "--file", path)
}

// What the old flags say is a search too, beside terms.
func TestFlagsAreTerms(t *testing.T) {
	path, newest := manyStories(t, 300)
	file := "--file=" + path
	from := newest.Add(-99 * time.Second).Format(time.RFC3339)
	for _, args := range [][]string{
		{"-l", "error", "--kind", "USER", "-g", "post /", "--since", from},
		{"level:error", "kind:user", "title:post /", "since:" + from},
		{"-l", "error", "kind:user", "title:post /", "--since", from},
		{`level:error kind:user title:"post /" since:` + from},
		{"user_0", "status=500", "since:" + from},
	} {
		if out, _ := run(t, 0, append([]string{"ls", file}, args...)...); strings.Count(out, "POST /orders") != 1 {
			t.Errorf("%v:\n%s", args, out)
		}
	}
	for _, args := range [][]string{{"--since", "-1h", "until:-2h"}, {"--kind", "job", "kind:user"}, {"-l", "warm"}, {"--until", "soon"}} {
		if _, errs := run(t, 2, append([]string{"ls", file}, args...)...); !strings.Contains(errs, "dynamoslog help search") {
			t.Errorf("%v: %s", args, errs)
		}
	}
}

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

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// aliases writes a file with a story of an order's own, and two of users that are about it
// too, of which the last stands for seven in its problem.
func aliases(t *testing.T) (path string, ids []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	order, problem := story.NewKey("order", "93"), story.NewKey("problem", "a2b3c4d5e6")
	begin := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	for i, key := range []story.Key{order, story.NewKey("user", "33"), story.NewKey("user", "42")} {
		start := begin.Add(time.Duration(i) * time.Minute)
		h := story.Header{Key: key, ID: story.NewID(start), Start: start, Updated: start, State: story.Sealed, LineCount: 1, Title: "of " + key.String()}
		var parts []story.Part
		if key != order {
			h.Also, h.MaxLevel = []story.Key{order, problem}, slog.LevelError
			for n, also := range h.Also {
				alias := h.Alias(also)
				alias.Count = n * 7
				parts = append(parts, story.Part{Key: also, ID: h.ID, Header: &alias})
			}
		}
		parts = append(parts, story.Part{Key: key, ID: h.ID, Header: &h, Text: "+0.000 I line of " + key.String() + "\n"})
		if err := store.Put(t.Context(), parts); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, h.ID)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path, ids
}

// A list of a key has the stories that are about it too, and says whose they are.
func TestListOfAliases(t *testing.T) {
	path, ids := aliases(t)
	out, _ := run(t, 0, "--file", path, "ls", "order_93")
	keys := regexp.MustCompile(`[✗ ] (user|order)_\d+ `).FindAllString(out, -1)
	if fmt.Sprint(keys) != "[✗ user_42  ✗ user_33    order_93 ]" {
		t.Errorf("got %v in\n%s", keys, out)
	}
	out, _ = run(t, 0, "--file", path, "ls", "problem_a2b3c4d5e6")
	if !strings.Contains(out, "  7× of user_42 ") {
		t.Errorf("the problem is listed as\n%s", out)
	}
	out, _ = run(t, 0, "--file", path, "ls", "order_93", "--json", "-n", "1")
	var header struct{ Key, Of, ID string }
	if err := json.Unmarshal([]byte(out), &header); err != nil || header.Key != "order_93" || header.Of != "user_42" || header.ID != ids[2] {
		t.Errorf("got %+v, %v", header, err)
	}
	out, _ = run(t, 0, "--file", path, "ls")
	if strings.Count(out, "of ") != 3 {
		t.Errorf("all stories are\n%s", out)
	}
}

func TestShowByAlias(t *testing.T) {
	path, ids := aliases(t)
	for _, args := range [][]string{{"order_93"}, {"order_93", ids[2]}, {"user_42", ids[2]}} {
		out, _ := run(t, 0, append([]string{"--file", path, "show"}, args...)...)
		if !strings.Contains(out, "line of user_42") {
			t.Errorf("%v: got\n%s", args, out)
		}
	}
	out, _ := run(t, 0, "--file", path, "grep", "line", "order_93")
	for _, want := range []string{"line of user_42", "line of user_33", "line of order_93"} {
		if !strings.Contains(out, want) {
			t.Errorf("grep has no %q in\n%s", want, out)
		}
	}
	// The story before one is of its own object, and not one that only mentions it.
	_, errs := run(t, 3, "--file", path, "diff", "order_93", ids[0])
	if !strings.Contains(errs, "no earlier story") {
		t.Errorf("got %s", errs)
	}
	_, errs = run(t, 3, "--file", path, "diff", "order_93", ids[2])
	if !strings.Contains(errs, "no earlier story") {
		t.Errorf("got %s", errs)
	}
}

// Removing a key leaves the stories of others, and says so.
func TestRemoveWithAliases(t *testing.T) {
	path, ids := aliases(t)
	out, _ := run(t, 0, "--file", path, "rm", "user_33")
	if out != "Removed 1 story of user_33.\n" {
		t.Errorf("got %s", out)
	}
	out, _ = run(t, 0, "--file", path, "rm", "order_93")
	if out != "Removed 1 story of order_93. No longer listed here: 1 story of other keys, which stay.\n" {
		t.Errorf("got %s", out)
	}
	out, _ = run(t, 0, "--file", path, "show", "user_42", ids[2])
	if !strings.Contains(out, "line of user_42") {
		t.Errorf("got %s", out)
	}
}

package cli_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

func run(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := cli.Run(args, &out, &errs); got != want {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, got, want, errs.String())
	}
	return out.String(), errs.String()
}

func TestDemoAndReading(t *testing.T) {
	file := "--file=" + filepath.Join(t.TempDir(), "stories.db")
	out, _ := run(t, 0, "demo", "--once", file)
	if !strings.Contains(out, " W       No exercises available for current filter\tcomponent=flexibility\n") {
		t.Errorf("the demo shows no story:\n%s", out)
	}
	out, _ = run(t, 0, "ls", file)
	if got := strings.Count(out, "user_42") + strings.Count(out, "user_7"); got != 3 {
		t.Errorf("ls lists %d stories of 3:\n%s", got, out)
	}
	out, _ = run(t, 0, "ls", "-l", "warn", "--json", file)
	var header struct{ Key, Level string }
	if err := json.Unmarshal([]byte(out), &header); err != nil || header.Key != "user_42" || header.Level != "WARN" {
		t.Errorf("got %+v, %v of %s", header, err, out)
	}
	out, _ = run(t, 0, "show", "user_42", file)
	if !strings.Contains(out, "      WARN No exercises available for current filter  component=flexibility\n") {
		t.Errorf("show:\n%s", out)
	}
	run(t, 0, "rm", "user_42", file)
	_, errs := run(t, 3, "show", "user_42", file)
	if !strings.Contains(errs, "dynamoslog ls") {
		t.Errorf("the error does not say what to do: %s", errs)
	}
	run(t, 2, "show", "no-key", file)
	run(t, 2, "show", file)
	run(t, 2, "table", "check")
}

func TestHostileStoryIsHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	key := story.NewKey("user", "\x1b[2J\n")
	start := time.Now().UTC()
	hostile := "\x1b[31mred\nsecond \u202e line"
	part := story.Part{Key: key, ID: story.NewID(start), Text: story.Format([]story.Line{{Message: hostile, Attrs: "k=\x1b[0m"}})}
	part.Header = &story.Header{Key: key, ID: part.ID, Start: start, Updated: start, State: story.Sealed, Title: hostile, Attrs: map[string]string{"a\x1b": "\x07"}}
	if err := store.Put(t.Context(), []story.Part{part}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ls"}, {"show", key.String()}, {"show", key.String(), "--stored"}, {"ls", "--json"}} {
		out, _ := run(t, 0, append(args, "--file", path)...)
		if !strings.Contains(out, "red") || strings.ContainsAny(out, "\x1b\x07") {
			t.Errorf("%v: %q", args, out)
		}
	}
}

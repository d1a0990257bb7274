package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
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
	out, _ = run(t, 0, "show", "user_42", "--fold", "errors", file)
	if !strings.Contains(out, "Filling the main phase  wanted=2  … 6 lines\n") {
		t.Errorf("calm branches are not folded:\n%s", out)
	}
	out, _ = run(t, 0, "show", "user_42", "-l", "warn", file)
	if strings.Contains(out, "jumping jacks") || strings.Count(out, "\n+0.") != 3 {
		t.Errorf("a filter keeps the warning and its callers:\n%s", out)
	}
	out, _ = run(t, 0, "diff", "user_42", file)
	if !strings.Contains(out, "2 new, 1 gone, 6 changed") || !strings.Contains(out, "without [] → [mat]") {
		t.Errorf("diff:\n%s", out)
	}
	out, _ = run(t, 0, "grep", "no EXERCISES", file)
	if strings.Count(out, "No exercises available") != 1 || strings.Contains(out, "push-ups") {
		t.Errorf("grep:\n%s", out)
	}
	out, _ = run(t, 0, "export", "--oldest-first", file)
	var whole struct {
		Key   string
		Lines []struct{ Message string }
	}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&whole); err != nil || whole.Key != "user_7" || len(whole.Lines) == 0 || strings.Count(out, "\n") != 3 {
		t.Errorf("export: %+v, %v", whole, err)
	}
	out, _ = run(t, 0, "tail", "--once", file)
	if strings.Count(out, "Starting workout generation") != 3 {
		t.Errorf("tail:\n%s", out)
	}
	out, _ = run(t, 0, "open", "user_42", "--line", "14")
	if out != "http://localhost:7133/story?key=user_42#L14\n" {
		t.Errorf("open: %s", out)
	}
	out, _ = run(t, 0, "__complete", file, "show", "user_4")
	if !strings.HasPrefix(out, "user_42\n") || strings.Contains(out, "user_7") {
		t.Errorf("completion of a key:\n%s", out)
	}
	out, errs := run(t, 0, "grep", "starting", "--read", "1", file)
	if _, next, found := strings.Cut(errs, "1 story read; --until "); !found || out == "" {
		t.Errorf("grep does not say how it goes on: %s", errs)
	} else if out, _ = run(t, 0, "grep", "starting", "--until", next[:len("2006-01-02T15:04:05.000000Z")], file); strings.Count(out, "Starting workout generation") < 2 {
		t.Errorf("grep goes on with\n%s", out)
	}
	if out, _ = run(t, 0, "rm", "user_42", file); out != "Removed 2 stories of user_42.\n" {
		t.Errorf("rm: %s", out)
	}
	_, errs = run(t, 3, "show", "user_42", file)
	if !strings.Contains(errs, "dynamoslog ls") {
		t.Errorf("the error does not say what to do: %s", errs)
	}
	run(t, 2, "show", "no-key", file)
	run(t, 2, "show", file)
	run(t, 2, "ls", "--since", "soon", file)
	run(t, 2, "show", "user_7", "--fold", "some", file)
	run(t, 3, "diff", "user_7", file)
	run(t, 2, "ls", "-n", "0", file)
	run(t, 2, "table", "check", file)
	run(t, 2, "table", "delete")
}

// What is said wins over the environment, and reading makes no file.
func TestStoreIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stories.db")
	t.Setenv("DYNAMOSLOG_TABLE", "app-logs")
	run(t, 0, "demo", "--once", "--file", file)
	if out, _ := run(t, 0, "ls", "--kind", "User", "--file", file); strings.Count(out, "user_") != 3 {
		t.Errorf("ls:\n%s", out)
	}
	run(t, 2, "ls", "--file", file, "--table", "app-logs")
	t.Setenv("DYNAMOSLOG_FILE", file)
	run(t, 2, "ls")
	typo := filepath.Join(dir, "storeis.db")
	if _, errs := run(t, 1, "ls", "--file", typo); !strings.Contains(errs, "there is no file "+typo) {
		t.Errorf("ls of a file that is not there: %s", errs)
	}
}

// What the demo makes up goes where the flags say, and never where the environment
// keeps a program's stories.
func TestDemoLeavesTheEnvironmentsStoriesAlone(t *testing.T) {
	cache := t.TempDir()
	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(variable, cache)
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	own := filepath.Join(folder, "dynamoslog", "stories.db")
	out, _ := run(t, 0, "demo", "--once")
	if strings.Contains(out, "--file") {
		t.Errorf("the demo names the file where it need not:\n%s", out)
	}
	real := filepath.Join(t.TempDir(), "real.db")
	for _, variable := range []string{"DYNAMOSLOG_FILE", "DYNAMOSLOG_TABLE"} {
		t.Setenv("DYNAMOSLOG_FILE", "")
		t.Setenv("DYNAMOSLOG_TABLE", "")
		t.Setenv(variable, real)
		if out, _ = run(t, 0, "demo", "--once"); !strings.Contains(out, "--file") || !strings.Contains(out, filepath.Base(own)) {
			t.Errorf("with %s the demo does not say where its stories are:\n%s", variable, out)
		}
		if _, err := os.Stat(real); err == nil {
			t.Errorf("the demo wrote to what %s names", variable)
		}
	}
	t.Setenv("DYNAMOSLOG_TABLE", "")
	if out, _ = run(t, 0, "ls", "--file", own); strings.Count(out, "user_") != 9 {
		t.Errorf("after three demos there are\n%s", out)
	}
	run(t, 2, "demo", "--once", "--file", real, "--table", "app-logs")
}

// A command that finds nothing says so by its exit code, also in JSON.
func TestNothingFound(t *testing.T) {
	file := "--file=" + fixture(t)
	for _, args := range [][]string{
		{"ls", "--kind", "nobody"}, {"ls", "user_43"}, {"ls", "--until", "2001-01-01"}, {"grep", "nothing-like-it"}, {"export", "user_43"}, {"cost", "--since", "-1m"}, {"show", "user_43"}, {"diff", "user_43"}, {"rm", "user_43"},
	} {
		for _, more := range [][]string{{file}, {file, "--json"}} {
			if out, errs := run(t, 3, append(args, more...)...); out != "" || errs == "" {
				t.Errorf("%v %v: got %q and %q", args, more, out, errs)
			}
		}
	}
	run(t, 0, "grep", `path=/var/log a`, file) // stored quoted
	run(t, 0, "ls", "--since", "2026-01-01T16:00Z", file)
	run(t, 0, "tail", "--once", "--kind", "nobody", file) // no news is none
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
	part.Header = &story.Header{Key: key, ID: part.ID, Start: start, Updated: start, State: story.Sealed, Title: hostile, Cause: "x" + hostile, Attrs: map[string]string{"a\x1b": "\x07"}}
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

// What the scripts of the shells ask for, and get.
func TestCompletedLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a b.db")
	out, _ := run(t, 0, "demo", "--once", "--file", file)
	if quoted := strings.ReplaceAll(file, " ", `\ `); !strings.Contains(out, " --file "+quoted+" ls\n") && !strings.Contains(out, ` --file "`+file+`" ls`) {
		t.Errorf("the demo names the file so that no shell understands it:\n%s", out)
	}
	t.Setenv("DYNAMOSLOG_FILE", file)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"fish", "A=1 sudo /usr/bin/dynamoslog show user_4"}, "user_42\n"},
		{[]string{"fish", "dynamoslog ls --kind u"}, "user\n"},
		{[]string{"zsh", "dynamoslog ls --kind=u"}, "\n--kind=user\n"},
		{[]string{"zsh", "dynamoslog --file "}, "files\n"},
		{[]string{"zsh", "dynamoslog ls --since "}, "\n"},
		{[]string{"bash", "dynamoslog ls --kind=u", "u"}, "\nuser\n"},
		{[]string{"bash", `dynamoslog show "user_4`, "user_4"}, "\nuser_42\n"},
		{[]string{"bash", "dynamoslog show us", "other"}, "\n"}, // bash would replace what is not there
		{[]string{"bash", "dynamoslo"}, "\n"},
	} {
		if out, _ := run(t, 0, append([]string{"complete", "--"}, c.args...)...); out != c.want {
			t.Errorf("%q: got %q, want %q", c.args, out, c.want)
		}
	}
	out, _ = run(t, 0, "complete", "--list", "63", "--", "bash", "dynamoslog show user_42 ", "")
	if strings.Count(out, "  (Starting workout generation)\n") != 2 {
		t.Errorf("bash lists the ids without their titles:\n%s", out)
	}
	run(t, 1, "complete", "bash", "dynamoslog show $(touch x) u", "u")
	run(t, 2, "complete", "tcsh", "dynamoslog ")
}

package cli_test

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

var update = flag.Bool("update", false, "write the golden files")

// ms is an offset.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// orders are three stories of an order, two of which went well.
func orders() [][]story.Line {
	good := func(kid string, took int) []story.Line {
		return []story.Line{
			{Message: "POST /order", Attrs: "user=42"},
			{Depth: 5, Level: slog.LevelDebug, Message: "token accepted", Attrs: "kid=" + kid},
			{Depth: 7, Message: "creating order", Up: 7},
			{Depth: 9, Level: slog.LevelDebug, Message: "INSERT INTO orders\n(id, user)", Offset: ms(took)},
			{Lane: 1, Message: "notify", Attrs: "channel=mail", Offset: ms(took)},
			{Depth: 2, Message: "201 Created", Attrs: "bytes=76", Offset: ms(took + 1)},
		}
	}
	bad := append(good("ghi", 900)[:4:4], story.Line{Depth: 8, Level: slog.LevelError, Message: "audit: disk full", Attrs: `retry=true path="/var/log a"`, Offset: ms(1000)})
	return [][]story.Line{good("abc", 3), good("def", 4), bad}
}

// fixture writes stories that are the same but for the time of day.
func fixture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	for i, lines := range orders() {
		at := begin.Add(time.Duration(i) * time.Hour)
		last := lines[len(lines)-1]
		key, id := story.NewKey("user", "42"), story.NewID(at)
		h := &story.Header{
			Key: key, ID: id, Start: at, Updated: at.Add(last.Offset), Duration: last.Offset, State: story.Sealed,
			MaxLevel: last.Level, LineCount: len(lines), Title: lines[0].Message, Attrs: map[string]string{"host": "a", "lane_1": "mail.notify"},
		}
		h.Cause, h.Problem = story.CauseOf(key.Kind, lines)
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h, Text: story.Format(lines)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

var changing = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z-[0-9a-z]{6}`),
	regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?`),
	regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`),
	regexp.MustCompile(`/[^ ]*stories\.db`),
}

// masked replaces what differs from run to run by as many letters.
func masked(text string) string {
	for i, pattern := range changing {
		text = pattern.ReplaceAllStringFunc(text, func(s string) string {
			if i == 3 {
				return "FILE"
			}
			return strings.Repeat(string("IDTF"[i]), len(s))
		})
	}
	return shortIDs.ReplaceAllStringFunc(text, func(s string) string {
		colour, id := s[:len(s)-shortID], s[len(s)-shortID:]
		micros, err := strconv.ParseInt(id[:10], 36, 64)
		if age := time.Since(time.UnixMicro(micros)); err != nil || age < 0 || age > 24*time.Hour {
			return s
		}
		return colour + strings.Repeat("I", len(id))
	})
}

const shortID = 12 // letters of one

var shortIDs = regexp.MustCompile(`(\x1b\[\d+m|\b)[0-9a-z]{12}\b`)

// golden names commands whose output is kept in testdata.
var golden = map[string]string{
	"help":               "--help",
	"show-help":          "show --help",
	"ls":                 "ls",
	"ls-error":           "ls -l error user_42",
	"ls-json":            "ls --json -n 1",
	"ls-none":            "ls --kind nobody",
	"ls-color":           "ls --color always",
	"show":               "show user_42",
	"show-errors":        "show user_42 --fold errors",
	"show-depth":         "show user_42 --fold 1",
	"show-filter":        "show user_42 -g insert",
	"show-stored":        "show user_42 --stored",
	"show-flat":          "show user_42 --flat",
	"complete-flag":      "__complete show user_42 --fl",
	"show-numbers":       "show user_42 --numbers --fold errors",
	"show-color":         "show user_42 --color always",
	"show-json":          "show user_42 --json",
	"show-missing":       "show user_43",
	"show-usage":         "show",
	"diff":               "diff user_42",
	"diff-all":           "diff user_42 --all",
	"diff-order":         "diff user_42 ~1 ~0",
	"diff-usage":         "diff user_42 ~1 ~0 --good",
	"diff-help":          "diff --help",
	"show-back":          "show user_42 ~1",
	"show-back-none":     "show user_42 ~7",
	"rm-back":            "rm user_42 ~1",
	"diff-json":          "diff user_42 --json",
	"grep":               "grep disk",
	"grep-json":          "grep --json disk",
	"grep-none":          "grep nothing-like-it",
	"export":             "export --oldest-first",
	"tail":               "tail --once -l error",
	"open":               "open user_42 --line 4",
	"color-unknown":      "ls --color purple",
	"command-none":       "lst",
	"complete-kind":      "__complete ls --kind ",
	"complete-level":     "__complete ls -l ",
	"complete-key":       "__complete show user_",
	"complete-id":        "__complete show user_42 ",
	"completion-unknown": "completion powershell",
	"completion-help":    "completion --help",
	"ls-until":           "ls --until 2001-01-01",
	"show-line":          "show user_42 --line 4",
	"show-steps":         "show user_42 --times step",
	"show-raw":           "show user_42 --raw",
	"diff-good":          "diff user_42 --good --color always",
	"tail-json":          "tail --once --json -l error",
	"time-unknown":       "ls --since soon",
	"key-unknown":        "show no-key",
	"serve-help":         "serve --help",
	"search-help":        "help search",
	"search-unknown":     "ls user_42 level:warm",
	"search-near":        "ls sicne:-1h",
	"search-flags":       "ls --kind job user_42",
	"search-none":        "ls order_failed",
	"ls-search":          "ls user_42 host=a took>500ms ORDER -- -kind:job",
	"ls-look":            "ls host=b --look 2",
	"grep-search":        "grep disk level:error host=a",
	"tail-search":        "tail --once took>500ms",
	"complete-field":     "__complete ls le",
	"complete-term":      "__complete ls level:",
	"complete-term-kind": "__complete ls kind:",
	"ls-took":            "ls --sort took --slower 4ms",
	"ls-took-json":       "ls --sort took --json -n 1",
	"ls-sort-unknown":    "ls --sort size",
	"ls-slower-unknown":  "ls --slower long",
	"errors":             "errors",
	"errors-help":        "errors --help",
	"errors-json":        "errors --json",
	"errors-none":        "errors kind:job",
	"errors-until":       "errors since:2001-01-01Z until:2001-01-02Z",
	"slow":               "slow",
	"slow-json":          "slow --json",
	"slow-none":          "slow kind:job",
	"grep-level":         "grep -l warn",
	"grep-context":       "grep disk -C 2",
	"grep-header":        "grep HOST=A -n 2",
	"grep-header-json":   "grep --json host=a -n 1",
	"grep-shown":         "grep path=/var/log",
	"grep-usage":         "grep",
	"grep-help":          "grep --help",
	"table-print-help":   "table print --help",
	"tail-lines":         "tail --once --lines -l error",
	"show-all-folded":    "show user_42 --all --fold 2",
	"complete-sort":      "__complete ls --sort ",
	"complete-errors":    "__complete errors kind:",
	"id-unknown":         "show 2026-11-22T16:41:41.407123Z-7f3k2m",
}

func TestGoldenOutput(t *testing.T) {
	path := fixture(t)
	local := time.Local // whose name lists show
	time.Local = time.UTC
	defer func() { time.Local = local }()
	for name, args := range golden {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := cli.Run(append([]string{"--file", path}, strings.Split(args, " ")...), &out, &errs)
			got := masked("$ dynamoslog " + args + "\n" + out.String())
			if errs.Len() > 0 {
				got += "--- standard error\n" + masked(errs.String())
			}
			if code != 0 {
				got += "--- exit code " + string(rune('0'+code)) + "\n"
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/internal/shellwords"
	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// hostile is text that would do something to a terminal or a page.
const hostile = "\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil/\x1b\\link\r over \u202e\u2066 bidi \u0085\u009b31m <script>alert(1)</script> \xff\x00 \u2028 end"

// ours are the escapes that colours are made of.
var ours = regexp.MustCompile("\x1b\\[\\d{1,2}m")

func hostileStore(t *testing.T) (path string, key story.Key) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	key = story.NewKey("user", hostile)
	for i := range 2 {
		start := time.Now().UTC().Truncate(time.Microsecond).Add(time.Duration(i-60) * time.Second)
		lines := []story.Line{
			{Message: hostile, Attrs: "k=" + hostile},
			{Message: hostile + "\n" + hostile, Depth: 3 + i, Attrs: "\x1b[0m"},
			{Message: strings.Repeat("\x1b[31mlong ", 1<<17), Depth: 50},
		}
		h := &story.Header{
			Key: key, ID: story.NewID(start), Start: start, Updated: start, State: hostile, Cause: hostile, Problem: hostile, LineCount: 3,
			Title: hostile, Attrs: map[string]string{"a\x1b[2J": hostile},
		}
		parts := []story.Part{{Key: key, ID: h.ID, Header: h}}
		for text := story.Format(lines); text != ""; {
			size := min(len(text), story.MaxPartText)
			parts = append(parts, story.Part{Key: key, ID: h.ID, Number: len(parts), Text: text[:size]})
			text = text[size:]
		}
		h.Parts = len(parts) - 1
		if err := store.Put(t.Context(), parts); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// No command lets anything of a story reach a terminal but text.
func TestHostileStoryInEveryCommand(t *testing.T) {
	path, key := hostileStore(t)
	for _, args := range [][]string{
		{"ls"}, {"ls", key.String()}, {"ls", "--json"}, {"show", key.String()}, {"show", key.String(), "--stored"},
		{"show", key.String(), "--raw"}, {"show", key.String(), "--numbers", "--full"}, {"show", key.String(), "--fold", "1"}, {"rm", key.String(), "none"},
		{"diff", "--good", key.String()}, {"tail", "--once", "--json"}, {"cost"}, {"cost", "--json"}, {"show", key.String(), "none\x1b[2J\n"},
		{"complete", "fish", "dynamoslog --file " + path + " show user_"}, {"complete", "bash", "dynamoslog --file " + path + " ls user_", "user_"},
		{"complete", "zsh", "dynamoslog --file " + path + " show " + shellwords.Quote(key.String(), 0) + " "}, {"show", key.String(), "--json"}, {"show", key.String(), "-g", "bidi"}, {"diff", key.String()}, {"diff", "--all", key.String()},
		{"diff", "--json", key.String()}, {"grep", "bidi"}, {"grep", "--json", "bidi"}, {"tail", "--once"}, {"export"}, {"open", key.String()},
		{"__complete", "show", "user_"}, {"show", "user_" + "\x1b[2J"}, {"\x1b[2J"}, {"ls", "--since", "\x1b[2J"},
	} {
		for _, color := range []string{"never", "always"} {
			var out, errs bytes.Buffer
			cli.Run(append([]string{"--file", path, "--color", color}, args...), &out, &errs)
			for _, text := range []string{out.String(), errs.String()} {
				if color == "always" {
					text = ours.ReplaceAllString(text, "")
				}
				bad := strings.IndexFunc(text, func(r rune) bool {
					return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar)
				})
				if bad >= 0 {
					t.Errorf("%q in %s: %q gets through", args, color, text[max(bad-20, 0):min(bad+20, len(text))])
				}
			}
			if out.Len() == 0 && errs.Len() == 0 {
				t.Errorf("%q: no output", args)
			}
		}
	}
}

// Every command bears a story that is larger and deeper than any program writes, and
// says where it leaves something out.
func TestImmenseStoryInEveryCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	key := story.NewKey("user", "1")
	var deep []byte
	for i := range 50_000 {
		deep = fmt.Appendf(deep, "+0.000 I>%d line %c\n", i, 'a'+i%26)
	}
	for i, text := range []string{"+0.000 I few\n", string(deep)} {
		start := time.Now().UTC().Truncate(time.Microsecond).Add(time.Duration(i-60) * time.Second)
		h := &story.Header{Key: key, ID: story.NewID(start), Start: start, Updated: start, State: story.Sealed, LineCount: math.MaxInt32, Parts: math.MaxInt32, Title: "x"}
		if err := store.Put(t.Context(), []story.Part{{Key: key, ID: h.ID, Header: h}, {Key: key, ID: h.ID, Number: 1, Text: text}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	const missing, deeper = "parts 2 to 2147483647 of this story are missing", "callers deeper than is shown"
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"ls"}, []string{"2147483647"}},
		{[]string{"show", "user_1", "--each"}, []string{missing, "48999 " + deeper}},
		{[]string{"show", "user_1", "--fold", "errors"}, []string{missing}},
		{[]string{"show", "user_1", "--raw"}, []string{missing, ">49999"}},
		{[]string{"show", "user_1", "--json"}, []string{missing, `"number":50001`}},
		{[]string{"show", "user_1", "--line", "50000", "--each"}, []string{"48999 " + deeper}},
		{[]string{"diff", "user_1"}, []string{deeper}},
		{[]string{"diff", "--json", "user_1"}, []string{"line a"}},
		{[]string{"grep", "line z"}, []string{"… › line f › ", " › line y › line z  "}},
		{[]string{"grep", "--json", "line z"}, []string{"line z"}},
		{[]string{"export"}, []string{missing}},
		{[]string{"tail", "--once"}, []string{"2147483647"}},
		{[]string{"cost"}, []string{"Stories in"}},
	} {
		var out, errs bytes.Buffer
		if code := cli.Run(append([]string{"--file", path}, c.args...), &out, &errs); code != 0 {
			t.Errorf("%q: exit code %d: %.500s", c.args, code, &errs)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q: no %q in %d bytes: %.300s", c.args, want, out.Len(), &out)
			}
		}
	}
}

// A writer that reads no further ends a command soon, with an error and no panic.
func TestCommandsEndWithTheirReader(t *testing.T) {
	path, key := hostileStore(t)
	for _, args := range [][]string{{"show", key.String()}, {"show", key.String(), "--raw"}, {"show", key.String(), "--json"}, {"diff", "--all", key.String()}, {"export"}, {"grep", "long"}} {
		var errs bytes.Buffer
		if code := cli.Run(append([]string{"--file", path}, args...), brokenPipe{}, &errs); code != 1 || !strings.Contains(errs.String(), "broken pipe") {
			t.Errorf("%q: exit code %d: %s", args, code, &errs)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// The link that open prints, and hands to a browser, holds nothing that a shell or the
// program behind it would act on.
func TestHostileLink(t *testing.T) {
	for _, id := range []string{hostile, "$(touch x)';\"`&|<>\\ %s #?"} {
		out, _ := run(t, 0, "open", "--", story.NewKey("-user", id).String(), id)
		if link := strings.TrimSuffix(out, "\n"); !regexp.MustCompile(`^http://localhost:7133/story\?id=[\w.%+~-]+&key=[\w.%+~-]+$`).MatchString(link) {
			t.Errorf("%q: %q", id, link)
		}
	}
}

// A script that is not ours, such as one of cobra's, gets no word that has to be quoted.
func TestHostileWordsNeedOurScripts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []story.Key{story.NewKey("user", "$(touch x)"), story.NewKey("user", "a b"), story.NewKey("user", "42"), story.NewKey("--file", "x")} {
		for _, id := range []string{"s$(touch x)", "tame", "a\tb"} {
			h := &story.Header{Key: key, ID: id, Start: time.Now().UTC(), State: story.Sealed}
			if err := store.Put(t.Context(), []story.Part{{Key: key, ID: id, Header: h}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DYNAMOSLOG_FILE", path)
	for _, c := range []struct {
		args []string
		want []string // sorted
	}{
		{[]string{"__complete", "show", ""}, []string{":36", "user_42"}},
		{[]string{"__complete", "show", "user_42", ""}, []string{":36", "tame"}},
		{[]string{"complete", "bash", "dynamoslog show ", ""}, []string{"", "user_42", `user_\$\(touch\ x\)`, `user_a\ b`}},
		{[]string{"complete", "bash", "dynamoslog show -- ", ""}, []string{"", "--file_x", "user_42", `user_\$\(touch\ x\)`, `user_a\ b`}},
		{[]string{"complete", "bash", "dynamoslog show user_42 ", ""}, []string{"", `s\$\(touch\ x\)`, "tame"}},
	} {
		out, _ := run(t, 0, c.args...)
		if got := slices.Sorted(strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n")); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}

// An id cannot add lines to an error.
func TestHostileError(t *testing.T) {
	path, key := hostileStore(t)
	for _, args := range [][]string{{"show", key.String(), "a\nb"}, {"rm", key.String(), "a\nb"}, {"diff", key.String(), "a\nb"}} {
		if _, errs := run(t, 3, append(args, "--file", path)...); strings.Count(errs, "\n") != 2 || !strings.Contains(errs, `a\x0ab`) {
			t.Errorf("%q: %q", args, errs)
		}
	}
}

package shellwords_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/shellwords"
)

func env(name string) string { return map[string]string{"HOME": "/home/u", "A_1": "a b"}[name] }

func TestSplit(t *testing.T) {
	const all = "bash zsh fish"
	for _, c := range []struct {
		shells, line string
		want         []string
		raw          string
		open         byte
	}{
		{all, ``, []string{""}, ``, 0},
		{all, `show `, []string{"show", ""}, ``, 0},
		{all, "  show\t user_4", []string{"show", "user_4"}, `user_4`, 0},
		{all, `show http_GET\ /us`, []string{"show", "http_GET /us"}, `http_GET\ /us`, 0},
		{all, `show "http_GET /us`, []string{"show", "http_GET /us"}, `"http_GET /us`, '"'},
		{all, `show 'a b'"c d"e\;f g`, []string{"show", "a bc de;f", "g"}, `g`, 0},
		{all, `"a\"\\\$b\c"`, []string{`a"\$b\c`}, `"a\"\\\$b\c"`, 0},
		{all, "a\\\nb", []string{"ab"}, "a\\\nb", 0},
		{all, `user_\`, []string{"user_"}, `user_\`, 0},
		{all, `~/a ~ b~/ \~/ '~/'`, []string{"/home/u/a", "/home/u", "b~/", "~/", "~/"}, `'~/'`, 0},
		{all, `$A_1 "$A_1/" '$A_1' \$A_1 $ a$`, []string{"a b", "a b/", "$A_1", "$A_1", "$", "a$"}, `a$`, 0},
		{"bash zsh", `${A_1}x`, []string{"a bx"}, `${A_1}x`, 0},
		{"bash zsh", `'a\'b 'c`, []string{`a\b`, "c"}, `'c`, '\''},
		{"bash zsh", "\"a\\`b\"", []string{"a`b"}, "\"a\\`b\"", 0},
		{"fish", `'a\'b\\c\d`, []string{`a'b\c\d`}, `'a\'b\\c\d`, '\''},
		{"fish", "a`b \"\\`\"", []string{"a`b", "\\`"}, "\"\\`\"", 0},
	} {
		for _, shell := range strings.Fields(c.shells) {
			got, err := shellwords.Shell(shell).Split(c.line, env)
			if err != nil || !slices.Equal(got.Words, c.want) || got.Raw != c.raw || got.Open != c.open {
				t.Errorf("%s: %q: got %+v, %v", shell, c.line, got, err)
			}
		}
	}
}

// What would have to be run is not read.
func TestSplitRunsNothing(t *testing.T) {
	for _, line := range []string{
		"$(touch x)", `"$(touch x)`, "a;b", "a|b", "a&b", "a<(b)", "a>b", "(a)", "a\nb", `${a:-$(b)}`, "${", "$1", `$'a'`, "$$", `"$?`,
	} {
		for _, shell := range []shellwords.Shell{shellwords.Bash, shellwords.Zsh, shellwords.Fish} {
			if got, err := shell.Split(line, env); !errors.Is(err, shellwords.ErrUnknowable) {
				t.Errorf("%s: %q: got %+v, %v", shell, line, got, err)
			}
		}
	}
	for shell, line := range map[shellwords.Shell]string{shellwords.Bash: "a`b`", shellwords.Zsh: "\"`b", shellwords.Fish: `\x41`} {
		if got, err := shell.Split(line, env); !errors.Is(err, shellwords.ErrUnknowable) {
			t.Errorf("%s: %q: got %+v, %v", shell, line, got, err)
		}
	}
}

// A quoted word is read as it was, from wherever a quote is open.
func FuzzQuote(f *testing.F) {
	for _, word := range []string{"", "a b", `$(touch x)`, "`a`;|&", `'"\`, "'", `"`, "a!", "!~*?[]{}#^", "-a=b:c", "\n", "é\xff", `\x1b`} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		for _, open := range []string{"", "'", `"`} {
			line := open + shellwords.Quote(word, append([]byte(open), 0)[0]) + open
			got, err := shellwords.Bash.Split(line, env)
			if err != nil || got.Open != 0 || len(got.Words) != 1 || got.Words[0] != word {
				t.Errorf("%q as %s: got %+v, %v", word, line, got, err)
			}
			line = open + shellwords.QuoteLast(word, append([]byte(open), 0)[0])
			if open != "" && !strings.HasSuffix(line[1:], open) { // as readline does
				line += open
			}
			got, err = shellwords.Bash.Split(line, env)
			if err != nil || got.Open != 0 || len(got.Words) != 1 || got.Words[0] != word {
				t.Errorf("%q as %s: got %+v, %v", word, line, got, err)
			}
		}
	})
}

// Bash itself reads words as Split does, and quoted words as they were.
func TestBashAgrees(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	words := []string{"a b", `$(touch x)`, "`a`;|&<>()", `'"\`, "!~*?[]{}#^", "-a=b:c", "\n", "é", "~", "$HOME", "", "\t"}
	var line strings.Builder
	for _, word := range words {
		for _, open := range []string{"", "'", `"`} {
			line.WriteString(" x" + open + shellwords.Quote(word, append([]byte(open), 0)[0]) + open)
		}
	}
	line.WriteString(` "a\b\"" 'c\d' \e "$A_1" ${A_1}x ~/y $ ~z`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "-c", `printf '%s\0'`+line.String())
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=/home/u", "A_1=1"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := shellwords.Bash.Split(line.String(), func(name string) string { return map[string]string{"HOME": "/home/u", "A_1": "1"}[name] })
	if want := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got.Words, want) {
		t.Errorf("got %q, %v\nbash %q", got.Words, err, want)
	}
}

// No line makes it fail but with its error, or hold more than was typed.
func FuzzSplit(f *testing.F) {
	f.Add(`dynamoslog show "a\"b" 'c' \d $A_1 ~/x`)
	f.Add("a`b`;$(c)")
	f.Fuzz(func(t *testing.T, line string) {
		for _, shell := range []shellwords.Shell{shellwords.Bash, shellwords.Zsh, shellwords.Fish} {
			got, err := shell.Split(line, func(string) string { return "" })
			switch {
			case err != nil && !errors.Is(err, shellwords.ErrUnknowable):
				t.Errorf("%s: %q: %v", shell, line, err)
			case err == nil && (len(got.Words) == 0 || len(strings.Join(got.Words, "")) > len(line) || !strings.HasSuffix(line, got.Raw)):
				t.Errorf("%s: %q: got %+v", shell, line, got)
			}
		}
	})
}

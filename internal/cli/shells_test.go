//go:build linux || darwin

package cli_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// strange are ids that shells, cobra or a terminal would take for more than text.
var strange = []string{
	"$(touch x)", "`touch x`", ";touch x", "|touch x", "&touch x", "'touch x", `"touch x`, "';touch x;'", `";touch x;"`, "'\"$(touch x)\"'",
	"a\ntouch x\n", "\x1b[2J", "a b", "a  b ", "a\u00a0", "~", "~/x", "*", "?", "[a]", "a!b", "!!", "!touch", `a\b`, `\`, "GET /users/{id}", "{a,b}",
	"#x", "^a^b", "a=b:c@d,e", "%1", "é ü", "(touch x)", "<(touch x)", ">x", "$HOME", "${HOME}", "-a", "--b", "--file=x", ":4", "_activeHelp_ x",
}

// storeOf keeps a story of each key and id, which tells its title in a line.
func storeOf(t *testing.T, parts ...story.Part) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stories.db")
	store, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		h := parts[i].Header
		h.Key, h.ID, h.Start, h.State, h.LineCount = parts[i].Key, parts[i].ID, time.Now().UTC().Truncate(time.Microsecond), story.Sealed, 1
		h.Updated = h.Start
		parts[i].Text = story.Format([]story.Line{{Message: h.Title}})
	}
	if err := store.Put(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func told(key story.Key, id, title string) story.Part {
	return story.Part{Key: key, ID: id, Header: &story.Header{Title: title}}
}

// A shell is an interactive one in a terminal, in an empty folder.
type shell struct {
	name, folder, outs string
	keyboard           io.Writer
	screen             chan string // what comes, until the shell ends
	text               strings.Builder
	lines              int
}

func startShell(t *testing.T, name, file string) *shell {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	dir := t.TempDir()
	s := &shell{name: name, folder: filepath.Join(dir, "work"), outs: filepath.Join(dir, "outs")}
	for _, folder := range []string{s.folder, s.outs, filepath.Join(dir, "bin")} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "dynamoslog")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(dir, "stories.db")); err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{"bash": {"--norc", "--noprofile", "-i"}, "zsh": {"-f", "-i"}, "fish": {"--no-config", "-i"}}[name]
	cmd := exec.Command(program, args...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), childEnv+"=command", "TERM=xterm", "HOME="+dir, "XDG_CONFIG_HOME=", "HISTFILE=", "DYNAMOSLOG_TABLE=",
		"DYNAMOSLOG_FILE="+file, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
	pt, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 500})
	if err != nil {
		t.Skip("no pseudoterminal: ", err)
	}
	s.keyboard, s.screen = pt, make(chan string, 1000)
	go s.read(pt)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = pt.Close()
	})
	start := map[string]string{
		"bash": "PS1='rea''dy> '; . /usr/share/bash-completion/bash_completion; bind 'set completion-query-items 0'; bind 'set bell-style none'; dynamoslog completion bash >../script; . ../script",
		"zsh":  "PS1='rea''dy> '; autoload -Uz compinit; compinit -u -D; LISTMAX=10000; dynamoslog completion zsh >../script; . ../script",
		"fish": "function fish_prompt; printf 'rea''dy> '; end; dynamoslog completion fish >../script; . ../script",
	}[name]
	s.run(t, start)
	return s
}

// run types a line, in which there may be tabs, and returns what it writes to
// standard output once it has ended.
func (s *shell) run(t *testing.T, line string) string {
	t.Helper()
	s.lines++
	out := filepath.Join(s.outs, strconv.Itoa(s.lines))
	s.write(t, fmt.Sprintf("%s >%s; printf 'en%%s-%d.' d\r", line, out, s.lines))
	s.until(t, fmt.Sprintf("end-%d.", s.lines), "ready> ") // before it, keys are the kernel's
	text, err := os.ReadFile(out)
	if err != nil {
		t.Errorf("%s: %q was not understood: %v\n%q", s.name, line, err, s.lately())
	}
	return string(text)
}

func (s *shell) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(s.keyboard, text); err != nil {
		t.Fatal(err)
	}
}

func (s *shell) read(terminal io.Reader) {
	defer close(s.screen)
	for buf := make([]byte, 4096); ; {
		n, err := terminal.Read(buf)
		if err != nil { // so Linux says that the shell has ended
			return
		}
		s.screen <- string(buf[:n])
	}
}

// until waits until a text has come, and another after it.
func (s *shell) until(t *testing.T, text, then string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		if _, after, ok := strings.Cut(s.text.String(), text); ok && strings.Contains(after, then) {
			return
		}
		select {
		case more, ok := <-s.screen:
			if !ok {
				t.Fatalf("%s ended before %q came:\n%q", s.name, text, s.lately())
			}
			s.text.WriteString(more)
		case <-late:
			t.Fatalf("%s does not show %q:\n%q", s.name, text, s.lately())
		}
	}
}

// lately returns the end of what came.
func (s *shell) lately() string {
	text := s.text.String()
	return text[max(0, len(text)-1000):]
}

// harmless checks that nothing that was typed or completed made a file.
func (s *shell) harmless(t *testing.T) {
	t.Helper()
	made, err := os.ReadDir(s.folder)
	if err != nil || len(made) > 0 {
		t.Errorf("%s: something was run: %v, %v\n%s", s.name, made, err, s.lately())
	}
}

var shells = []string{"bash", "zsh", "fish"}

func inShells(t *testing.T, file string, test func(*testing.T, *shell)) {
	if raceDetector {
		t.Skip("the shells start programs of their own, which take long then: it runs without the race detector")
	}
	for _, name := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startShell(t, name, file)
			test(t, s)
			s.harmless(t)
		})
	}
}

// Keys that a stranger chose, completed as anybody would.
func TestShellsRunNothingOfAKey(t *testing.T) {
	file := storeOf(t, told(story.NewKey("user", "$(touch x)1"), "a", "first"), told(story.NewKey("user", "$(touch x)2"), "b", "second"),
		told(story.NewKey("other", ";touch x"), "c", "third"), told(story.NewKey("other", "|touch x;`touch x`"), "c", "fourth"),
		told(story.NewKey("http", "$(touch x);touch x"), "d", "fifth"))
	inShells(t, file, func(t *testing.T, s *shell) {
		for _, begun := range []string{"u", "user_", `user_\$`, "'user_", `"user_`, "o", `other_\;`, "h", "h\t d", "u\t1\t d", `--file "$(touch x)" u`} {
			s.write(t, "dynamoslog show "+begun+"\t\t\t\t")
			s.run(t, "\x05\x15true") // leaves a list or a menu, and takes the line away
			s.harmless(t)
		}
		for _, n := range []string{"1", "2"} {
			want := map[string]string{"1": "first", "2": "second"}[n]
			if got := s.run(t, "dynamoslog show u\t"+n+"\t\t"); !strings.Contains(got, want) {
				t.Errorf("%s: the common part, %s and the rest show %q", s.name, n, got)
			}
		}
	})
}

// Each key and id that is offered names its story once the line is entered.
func TestShellsCompleteStrangeWords(t *testing.T) {
	var parts []story.Part
	for i, id := range strange {
		parts = append(parts, told(story.NewKey(fmt.Sprintf("k%d", i), id), "id", fmt.Sprintf("key %d.", i)))
		if !strings.ContainsAny(id, "\n\x1b") {
			parts = append(parts, told(story.NewKey("ids", ""), fmt.Sprintf("i%d-%s", i, id), fmt.Sprintf("id %d.", i)))
		}
	}
	parts = append(parts, told(story.NewKey("$(touch x)", "1"), "id", "kind."), told(story.NewKey("ids", ""), "z\x1b", "raw id"))
	inShells(t, storeOf(t, parts...), func(t *testing.T, s *shell) {
		for i, id := range strange {
			for _, quote := range []string{"", "'", `"`} {
				if got, want := s.run(t, fmt.Sprintf("dynamoslog show %sk%d_\t", quote, i)), fmt.Sprintf("key %d.\n", i); !strings.Contains(got, want) {
					t.Errorf("%s: key %q after %q shows %q\n%q", s.name, id, quote, got, s.lately())
				}
			}
			if strings.TrimSpace(id) == id && !strings.ContainsAny(id, "\n\x1b") {
				if got, want := s.run(t, fmt.Sprintf("dynamoslog show ids_ i%d-\t", i)), fmt.Sprintf("id %d.\n", i); !strings.Contains(got, want) {
					t.Errorf("%s: id %q shows %q\n%q", s.name, id, got, s.lately())
				}
			}
			s.harmless(t)
		}
		for line, want := range map[string]string{
			"dynamoslog ls --kind=--to\t":                         "kind.",
			"dynamoslog show -- --to\t":                           "kind.",
			"dynamoslog sh\tk0\t":                                 "key 0.",
			"dynamoslog --col\tnever show k0\t":                   "key 0.",
			"dynamoslog --color=nev\tshow k1_\t":                  "key 1.",
			`dynamoslog show k25_GET\ /us` + "\t":                 "key 25.",
			`dynamoslog show "k25_GET /us` + "\t":                 "key 25.",
			`dynamoslog show k25_'GET /us` + "\t":                 "key 25.",
			"dynamoslog --file ../stor\tshow k0_\t":               "key 0.", // files are offered too
			"dynamoslog --file=../stor\tshow k0_\t":               "key 0.",
			"dynamoslog --file ~/stories.db show k0\t":            "key 0.",
			`dynamoslog --file "$HOME/stories.db" show k0` + "\t": "key 0.",
		} {
			if got := s.run(t, line); !strings.Contains(got, want) {
				t.Errorf("%s: %q shows %q, want %q\n%q", s.name, line, got, want, s.lately())
			}
		}
	})
}

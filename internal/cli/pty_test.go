//go:build linux || darwin

package cli_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/dynamoslog/dynamoslog/internal/cli"
	"github.com/dynamoslog/dynamoslog/internal/reading"
)

const childEnv = "DYNAMOSLOG_TEST_COMMAND" // this process is the command, or a pager

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "command":
		_ = os.Setenv(childEnv, "pager")
		os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
	case "pager": // shows a line and is left
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("PAGER " + line)
	}
}

// A terminal runs the command in a pseudoterminal.
type terminal struct {
	cmd  *exec.Cmd
	file *os.File
	text bytes.Buffer
}

func onTerminal(t *testing.T, rows uint16, env []string, args ...string) *terminal {
	t.Helper()
	return onTerminalOf(t, pty.Winsize{Rows: rows, Cols: 100}, env, args...)
}

func onTerminalOf(t *testing.T, size pty.Winsize, env []string, args ...string) *terminal {
	t.Helper()
	return onTerminalBut(t, nil, size, env, args...)
}

// onTerminalBut sends standard output elsewhere, unless it is nil.
func onTerminalBut(t *testing.T, out io.Writer, size pty.Winsize, env []string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdout = out
	cmd.Env = append(os.Environ(), childEnv+"=command", "TERM=xterm", "NO_COLOR=", "PAGER="+os.Args[0], "LESS=")
	cmd.Env = append(cmd.Env, env...)
	file, err := pty.StartWithSize(cmd, &size)
	if err != nil {
		t.Skip("no pseudoterminal: ", err)
	}
	term := &terminal{cmd: cmd, file: file}
	t.Cleanup(func() { _ = file.Close() })
	return term
}

// until reads until the text has come.
func (term *terminal) until(t *testing.T, text string) {
	t.Helper()
	if err := term.file.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Log(err)
	}
	var buf [4096]byte
	for !strings.Contains(term.text.String(), text) {
		n, err := term.file.Read(buf[:])
		term.text.Write(buf[:n])
		if err != nil {
			t.Fatalf("%v before %q came:\n%s", err, text, term.text.String())
		}
	}
}

// end reads the rest and returns all of it with the exit code.
func (term *terminal) end(t *testing.T) (text string, code int) {
	t.Helper()
	_, err := io.Copy(&term.text, term.file)
	if err != nil && !errors.Is(err, syscall.EIO) { // so Linux says that the other end was closed
		t.Fatal(err)
	}
	if err := term.cmd.Wait(); err != nil && term.cmd.ProcessState.ExitCode() < 0 {
		t.Fatal(err)
	}
	return term.text.String(), term.cmd.ProcessState.ExitCode()
}

// clean checks that the terminal is left as it was: no colour is on, and the
// cursor stands at the beginning of a line.
func clean(t *testing.T, text string) {
	t.Helper()
	if on, off := strings.LastIndex(text, "\x1b[3"), strings.LastIndex(text, "\x1b[0m"); on > off {
		t.Errorf("a colour is left on: %q", text[on:])
	}
	if !strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\r\x1b[K") && !strings.HasSuffix(text, "^C") {
		t.Errorf("the cursor is left in a line: %q", text[max(0, len(text)-40):])
	}
}

func TestColoursOnTerminal(t *testing.T) {
	path := fixture(t)
	for name, c := range map[string]struct {
		env  []string
		args []string
		want bool
	}{
		"terminal": {nil, nil, true},
		"NO_COLOR": {[]string{"NO_COLOR=1"}, nil, false},
		"dumb":     {[]string{"TERM=dumb"}, nil, false},
		"never":    {nil, []string{"--color", "never"}, false},
		"always":   {[]string{"NO_COLOR=1"}, []string{"--color", "always"}, true},
	} {
		text, code := onTerminal(t, 50, c.env, append([]string{"show", "user_42", "--file", path}, c.args...)...).end(t)
		if code != 0 || strings.Contains(text, "\x1b[31mERROR") != c.want || !strings.Contains(text, "disk full") {
			t.Errorf("%s: exit code %d, colours wanted: %v\n%q", name, code, c.want, text)
		}
		clean(t, text)
	}
}

func TestPagerOnTerminal(t *testing.T) {
	path := fixture(t)
	text, code := onTerminal(t, 5, nil, "show", "user_42", "--file", path).end(t)
	if code != 0 || !strings.HasPrefix(text, "PAGER user_42") || strings.Contains(text, "disk full") {
		t.Errorf("a long text goes through the pager, which may be left early: exit code %d\n%s", code, text)
	}
	text, code = onTerminal(t, 50, nil, "show", "user_42", "--file", path).end(t)
	if code != 0 || strings.Contains(text, "PAGER") {
		t.Errorf("a short text needs no pager: exit code %d\n%s", code, text)
	}
}

// What a list shows is cut where the terminal ends; long lists go through the pager too.
func TestListOnTerminal(t *testing.T) {
	demo := filepath.Join(t.TempDir(), "demo.db")
	run(t, 0, "demo", "--once", "--file", demo)
	for width, want := range map[uint16]string{200: "Starting workout generation — ", 110: "Starting", 80: "Starting"} {
		text, code := onTerminalOf(t, pty.Winsize{Rows: 50, Cols: width}, nil, "ls", "--file", demo).end(t)
		rows := strings.Split(strings.TrimSpace(colour.ReplaceAllString(text, "")), "\r\n")
		if code != 0 || len(rows) != 4 {
			t.Fatalf("%d wide: exit code %d\n%s", width, code, text)
		}
		for _, row := range rows {
			if reading.Width(row) > int(width) || row != rows[0] && !strings.Contains(row, "Starting") {
				t.Errorf("%d wide: got a row of %d: %s", width, reading.Width(row), row)
			}
		}
		if !strings.Contains(text, want) {
			t.Errorf("%d wide: no %q in\n%s", width, want, text)
		}
	}
	path := fixture(t)
	for _, args := range [][]string{{"ls"}, {"grep", "order"}, {"diff", "user_42"}} {
		text, code := onTerminal(t, 3, nil, append(args, "--file", path)...).end(t)
		if code != 0 || !strings.HasPrefix(text, "PAGER ") {
			t.Errorf("%v goes through the pager: exit code %d\n%s", args, code, text)
		}
	}
}

var colour = regexp.MustCompile("\x1b\\[[0-9]+m")

// Progress is a line on the terminal that is gone at the end, where the stories
// themselves go elsewhere.
func TestExportOnTerminal(t *testing.T) {
	path := fixture(t)
	const story = `"title":"POST /order"`
	var out bytes.Buffer
	text, code := onTerminalBut(t, &out, pty.Winsize{Rows: 50, Cols: 100}, nil, "export", "--file", path).end(t)
	if code != 0 || !strings.Contains(text, "\r\x1b[K1 story, 5 lines, at ") || strings.Count(out.String(), story) != 3 {
		t.Errorf("exit code %d\n%q\n%s", code, text, &out)
	}
	clean(t, text)
	text, code = onTerminal(t, 50, nil, "export", "--file", path).end(t)
	if code != 0 || strings.Contains(text, "\x1b") || strings.Count(text, story) != 3 {
		t.Errorf("with the stories on the terminal: exit code %d\n%q", code, text)
	}
}

// A terminal that cannot do anything gets no pager.
func TestDumbTerminal(t *testing.T) {
	text, code := onTerminal(t, 3, []string{"TERM=dumb"}, "ls", "--file", fixture(t)).end(t)
	if code != 0 || !strings.Contains(text, "  KEY ") || strings.Contains(text, "\x1b") {
		t.Errorf("exit code %d\n%q", code, text)
	}
}

// Ctrl-C ends what runs until then as it should, and leaves the terminal clean.
func TestInterruptOnTerminal(t *testing.T) {
	path := fixture(t)
	for _, c := range []struct {
		args  []string
		until string
	}{
		{[]string{"tail"}, "POST /order"},
		{[]string{"serve", "--address", "localhost:0"}, "until you press Ctrl-C"},
		{[]string{"demo", "--address", "localhost:0", "--file", filepath.Join(t.TempDir(), "demo.db")}, "until you press Ctrl-C"},
	} {
		term := onTerminal(t, 50, nil, append([]string{"--file", path}, c.args...)...)
		term.until(t, c.until)
		if _, err := term.file.Write([]byte{3}); err != nil { // Ctrl-C
			t.Fatal(err)
		}
		text, code := term.end(t)
		if code != 0 {
			t.Errorf("%v: exit code %d\n%s", c.args, code, text)
		}
		clean(t, text)
	}
}

// SIGTERM, by which containers and services are stopped, ends the pages in order, also
// while somebody looks at a live view.
func TestTerminate(t *testing.T) {
	for _, args := range [][]string{
		{"serve", "--address", "localhost:0", "--file", fixture(t)},
		{"demo", "--address", "localhost:0", "--file", filepath.Join(t.TempDir(), "demo.db")},
	} {
		term := onTerminal(t, 50, nil, args...)
		term.until(t, "until you press Ctrl-C")
		at := regexp.MustCompile(`http://\S+/`).FindString(term.text.String())
		resp, err := http.Get(at + "events")
		if err != nil {
			t.Fatal(err)
		}
		if err := term.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if text, code := term.end(t); code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, text)
		}
	}
}

// A command that is interrupted before it is done says so by its exit code.
func TestInterruptedExport(t *testing.T) {
	asked := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer silent.Close()
	cmd := exec.Command(os.Args[0], "--table", "stories", "export")
	cmd.Env = append(os.Environ(), childEnv+"=command", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=eu-west-1",
		"AWS_ENDPOINT_URL="+silent.URL)
	file, err := pty.Start(cmd)
	if err != nil {
		t.Skip("no pseudoterminal: ", err)
	}
	term := &terminal{cmd: cmd, file: file}
	defer func() { _ = file.Close() }()
	<-asked
	if _, err := file.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	text, code := term.end(t)
	if code != 130 || strings.Contains(text, "dynamoslog:") {
		t.Errorf("exit code %d, want 130\n%s", code, text)
	}
	clean(t, text)
}

// Commands read a file that they may not write to, in such a folder.
func TestReadOnlyFile(t *testing.T) {
	path := fixture(t)
	dir := filepath.Dir(path)
	cmd := exec.Command(os.Args[0], "--file", path, "ls", "--json")
	if os.Geteuid() == 0 { // who may write to everything
		program, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(dir, "program")
		if err := os.WriteFile(cmd.Path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	for name, mode := range map[string]os.FileMode{path: 0o444, filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _ = os.Chmod(dir, 0o755) }()
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childEnv+"=command")
	out, err := cmd.Output()
	if err != nil || bytes.Count(out, []byte("\n")) != 3 {
		t.Errorf("got %q, %v", out, err)
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynamoslog/dynamoslog/sqlitestore"
	"github.com/dynamoslog/dynamoslog/story"
)

// childEnv makes this process the program.
const childEnv = "DYNAMOSLOG_TEST_FIRST"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The first program of the README is this one, and all its other code stands in files
// that are built.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if first, _, _ := strings.Cut(blocks[0], "```\n"); first != string(program) {
		t.Errorf("the first program of README.md is not main.go but\n%s", first)
	}
	built := builtCode(t, "..", "../../contrib")
	for _, block := range blocks[1:] {
		if code, _, _ := strings.Cut(block, "```\n"); !strings.Contains(built, "\n"+unindented(code)) {
			t.Errorf("this code of README.md stands in no example:\n%s", code)
		}
	}
}

// builtCode returns all files of Go below some folders.
func builtCode(t *testing.T, folders ...string) string {
	t.Helper()
	var code strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			code.WriteString("\n" + unindented(string(text)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return code.String()
}

func unindented(code string) string {
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimLeft(line, "\t")
	}
	return strings.Join(lines, "\n")
}

// start starts the program in a folder of its own.
func start(t *testing.T, addr string) (cmd *exec.Cmd, console *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", "ADDR="+addr)
	cmd.Dir = t.TempDir()
	console = &bytes.Buffer{}
	cmd.Stderr = console
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, console
}

// stored returns the lines of the latest story of a kind.
func stored(t *testing.T, cmd *exec.Cmd, kind string) string {
	t.Helper()
	store, err := sqlitestore.Open(filepath.Join(cmd.Dir, "stories.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	page, err := store.List(t.Context(), story.Query{Kind: kind})
	if err != nil || len(page.Headers) != 1 {
		t.Fatalf("%d stories of the kind %s: %v", len(page.Headers), kind, err)
	}
	s, err := store.Read(t.Context(), page.Headers[0].Key, page.Headers[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return s.Key.String() + " " + string(s.State) + "\n" + story.Format(s.Lines)
}

// A port that is taken is told on the console and in a story, and ends the program.
func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cmd, console := start(t, taken.Addr().String())
	_ = cmd.Wait()
	text := console.String()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(text, "Cannot serve") || !strings.Contains(text, "listen tcp "+taken.Addr().String()) {
		t.Errorf("exit code %d, on the console stands\n%s", code, text)
	}
	if got := stored(t, cmd, "app"); !strings.Contains(got, " E Cannot serve\terror=") || !strings.Contains(got, " closed\n") {
		t.Errorf("stored is\n%s", got)
	}
}

// SIGTERM ends the program in order while somebody looks at the live view.
func TestSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals to send")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	cmd, console := start(t, addr)
	body := get(t, "http://"+addr+"/users/42")
	if text, _ := io.ReadAll(body); string(text) != "Hello 42\n" {
		t.Errorf("got %q", text)
	}
	live := bufio.NewReader(get(t, "http://"+addr+"/stories/events"))
	if text, err := live.ReadString('\n'); err != nil {
		t.Fatalf("the live view says %q: %v", text, err)
	}
	signalled := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, viewed := io.Copy(io.Discard, live)
	ended := cmd.Wait()
	// It waits five seconds for a request that does not end, and then says so.
	if took := time.Since(signalled); ended != nil || viewed != nil || took > 5*time.Second {
		t.Errorf("%v after %v, and the live view with %v; on the console stands\n%s", ended, took, viewed, console)
	}
	if !strings.Contains(console.String(), `msg="Reading the profile"`) {
		t.Errorf("on the console stands\n%s", console)
	}
	if got := stored(t, cmd, "user"); !strings.Contains(got, "user_42 sealed\n") || !strings.Contains(got, "I Reading the profile\n") {
		t.Errorf("stored is\n%s", got)
	}
}

// get asks for a page, again until the program serves.
func get(t *testing.T, url string) io.Reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			t.Cleanup(func() { _ = response.Body.Close() })
			if response.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", url, response.Status)
			}
			return response.Body
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

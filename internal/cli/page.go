package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// paged calls f with a writer that goes on to a pager as soon as more is written
// than the terminal holds. An interrupt is the pager's while it runs.
func paged(cmd *cobra.Command, f func(io.Writer) error) error {
	out := cmd.OutOrStdout()
	file := terminal(out)
	if file == nil || dumb() {
		return f(reading.While(cmd.Context(), out))
	}
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return f(reading.While(cmd.Context(), out))
	}
	p := &pager{out: file, errs: cmd.ErrOrStderr(), width: width, height: height}
	if err = f(p); errors.Is(err, errLeft) {
		err = nil
	}
	return errors.Join(err, p.end())
}

// errLeft says that the reader has left the pager: nothing more is asked for.
var errLeft = errors.New("the pager was left")

// A pager holds what fits on the terminal, and else passes it on to a program.
type pager struct {
	out     *os.File
	errs    io.Writer
	width   int
	height  int
	held    bytes.Buffer
	counted int       // bytes of held, whole lines, of which rows are counted
	rows    int       // that they take on the terminal
	program *exec.Cmd // nil as long as all fits, or where there is none
	pipe    io.WriteCloser
}

func (p *pager) Write(text []byte) (int, error) {
	if p.pipe == nil {
		p.held.Write(text)
		if p.count(); p.rows < p.height {
			return len(text), nil
		}
		p.start()
		if _, err := p.held.WriteTo(p.pipe); err != nil {
			return 0, errLeft
		}
		return len(text), nil
	}
	if n, err := p.pipe.Write(text); err != nil {
		return n, errLeft
	}
	return len(text), nil
}

// count counts the rows of what is held.
func (p *pager) count() {
	for {
		line, _, whole := bytes.Cut(p.held.Bytes()[p.counted:], []byte("\n"))
		if !whole {
			return
		}
		p.counted += len(line) + 1
		width := reading.Width(colour.ReplaceAllString(string(line), ""))
		p.rows += max(1, (width+p.width-1)/max(p.width, 1))
	}
}

// colour is what a palette writes around a text.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// start begins to pass on: to the terminal itself where no program can be had.
func (p *pager) start() {
	p.pipe = p.out
	program := findPager()
	if program == nil {
		return
	}
	program.Stdout, program.Stderr = p.out, p.errs
	pipe, err := program.StdinPipe()
	if err != nil || program.Start() != nil {
		return
	}
	p.program, p.pipe = program, pipe
}

// end shows what is held, or waits until the reader leaves.
func (p *pager) end() error {
	if p.program == nil {
		_, err := p.held.WriteTo(p.out)
		return err
	}
	_ = p.pipe.Close() // it may have been left
	err := p.program.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // it has shown what it was asked to
	}
	return err
}

// findPager returns the command that PAGER names, by default less, or nil.
func findPager() *exec.Cmd {
	words := strings.Fields(os.Getenv("PAGER"))
	if len(words) == 0 {
		words = []string{"less"}
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil
	}
	pager := exec.Command(path, words[1:]...)
	pager.Env = os.Environ()
	if os.Getenv("LESS") == "" {
		pager.Env = append(pager.Env, "LESS=FRX") // ends on a short text, shows colours, leaves the text there
	}
	return pager
}

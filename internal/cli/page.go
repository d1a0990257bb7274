package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// paged writes what f writes, by way of a pager where it is longer than the
// terminal. An interrupt is the pager's while it runs.
func paged(cmd *cobra.Command, f func(io.Writer) error) error {
	out := cmd.OutOrStdout()
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return f(out)
	}
	var text bytes.Buffer
	if err := f(&text); err != nil {
		return err
	}
	_, height, err := term.GetSize(int(file.Fd()))
	if err == nil && bytes.Count(text.Bytes(), []byte("\n")) >= height {
		if pager := findPager(); pager != nil {
			pager.Stdin, pager.Stdout, pager.Stderr = bytes.NewReader(text.Bytes()), file, cmd.ErrOrStderr()
			err := pager.Run()
			if exit := (*exec.ExitError)(nil); err == nil || errors.As(err, &exit) {
				return nil // it has shown what it was asked to
			}
		}
	}
	_, err = text.WriteTo(out)
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

package cli

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/shellwords"
	"github.com/spf13/cobra"
)

// The scripts are ours, and not cobra's, because those evaluate the words of the line,
// among which may be a key from a store.
//
//go:embed completion
var completionScripts embed.FS

var completionShells = []string{string(shellwords.Bash), string(shellwords.Fish), string(shellwords.Zsh)}

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print the completion for bash, fish or zsh",
		Long:      "Prints a completion that knows the keys of your stories. For now:\n\n    source <(dynamoslog completion bash)\n    source <(dynamoslog completion zsh)\n    dynamoslog completion fish | source\n\nThe same line in ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish keeps it.",
		Args:      arguments(1, 1),
		ValidArgs: completionShells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := known(args[0]); err != nil {
				return err
			}
			script, err := completionScripts.ReadFile("completion/" + args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(script)
			return err
		},
	}
}

func known(shell string) error {
	if slices.Contains(completionShells, shell) {
		return nil
	}
	return fmt.Errorf("%w: there is a completion for %s, not for %q", errUsage, strings.Join(completionShells, ", "), shell)
}

// completeCommand is what the scripts call.
func completeCommand() *cobra.Command {
	var list string
	cmd := &cobra.Command{
		Use:    "complete SHELL LINE [WORD]",
		Short:  "Print how a line goes on, for the scripts that 'completion' prints",
		Hidden: true,
		Args:   arguments(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := known(args[0]); err != nil {
				return err
			}
			shell := shellwords.Shell(args[0])
			line, err := shell.Split(args[1], os.Getenv)
			if err != nil {
				return err
			}
			found, err := waysOn(cmd.Context(), line.Words)
			if err != nil {
				return err
			}
			if shell == shellwords.Bash {
				found.words = forBash(found.words, line.Raw, args[2:], list)
			}
			return found.print(cmd.OutOrStdout(), shell)
		},
	}
	cmd.Flags().StringVar(&list, "list", "", "COMP_TYPE of bash")
	return cmd
}

// A wayOn is a word that the line may go on with.
type wayOn struct{ word, about string }

// What a shell is to do but for inserting a word and a space.
const (
	insteadNoSpace = "nospace"
	insteadFiles   = "files" // it offers files
)

type waysOnFound struct {
	words   []wayOn
	instead string
}

// waysOn asks cobra for what the last of a line's words may become.
func waysOn(ctx context.Context, words []string) (found waysOnFound, err error) {
	words = afterName(words)
	if len(words) == 0 {
		return found, nil
	}
	last := len(words) - 1
	begun, dashes := words[last], slices.Contains(words[:last], "--")
	var out bytes.Buffer
	root := (&options{quoted: true, dashes: dashes}).root()
	root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, words...))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(ctx); err != nil {
		return found, err
	}
	text, number, _ := strings.Cut("\n"+strings.TrimSpace(out.String()), "\n:") // no word begins with a colon
	directive, err := strconv.Atoi(number)
	if err != nil {
		return found, fmt.Errorf("cobra completes with %q: %w", out.String(), err)
	}
	flag, _, valued := strings.Cut(begun, "=")
	valued = valued && !dashes && strings.HasPrefix(flag, "-")
	for _, line := range strings.Split(text, "\n")[1:] {
		word, about, _ := strings.Cut(line, "\t")
		if valued {
			word = flag + "=" + word
		}
		if strings.HasPrefix(word, begun) {
			found.words = append(found.words, wayOn{word, about})
		}
	}
	switch d := cobra.ShellCompDirective(directive); {
	case d&cobra.ShellCompDirectiveError != 0:
		found.words = nil
	case d&cobra.ShellCompDirectiveNoSpace != 0:
		found.instead = insteadNoSpace
	case d == cobra.ShellCompDirectiveDefault && len(found.words) == 0:
		found.instead = insteadFiles
	}
	return found, nil
}

// afterName returns the words after the program's name, before which there may be
// assignments, and commands such as sudo.
func afterName(words []string) []string {
	name := slices.IndexFunc(words, func(word string) bool { return path.Base(word) == "dynamoslog" })
	return words[max(name, 0)+1:]
}

// forBash writes words as bash inserts them: instead of word, which is the end of the
// raw word at the cursor, from its last quote or word break on.
func forBash(words []wayOn, raw string, word []string, list string) []wayOn {
	before, ok := strings.CutSuffix(raw, strings.Join(word, " "))
	if !ok {
		return nil
	}
	head, err := shellwords.Bash.Split(before, os.Getenv)
	if err != nil || len(head.Words) != 1 {
		return nil
	}
	out := make([]wayOn, 0, len(words))
	for _, w := range words {
		switch rest, ok := strings.CutPrefix(w.word, head.Words[0]); {
		case list == bashLists && len(words) > 1:
			if w.about != "" {
				w.word += "  (" + w.about + ")"
			}
			out = append(out, wayOn{word: w.word})
		case ok:
			out = append(out, wayOn{word: shellwords.QuoteLast(rest, head.Open)})
		}
	}
	return out
}

// bashLists is the COMP_TYPE of bash where it shows the words, and inserts nothing.
const bashLists = "63"

func (w waysOnFound) print(out io.Writer, shell shellwords.Shell) error {
	var text strings.Builder
	if shell != shellwords.Fish {
		text.WriteString(w.instead + "\n")
	}
	for _, way := range w.words {
		text.WriteString(way.word)
		if way.about != "" {
			text.WriteString("\t" + way.about)
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// Package cli is the command dynamoslog.
package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitInterrupted = 130 // 128 and the number of the signal, as shells have it
)

var errUsage = errors.New("usage")

// A noHit is the error of a command that looked and found nothing: a sentence for
// standard error.
type noHit string

func (n noHit) Error() string { return string(n) }

// options are those of every command.
type options struct {
	table, file string
	color       string
	json        bool

	quoted bool // while completing for a script of ours, which quotes words
	dashes bool // while completing, where -- was typed before
}

// root returns the command with all below it.
func (o *options) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dynamoslog",
		Short:         "Read the stories that a program told about its objects",
		Long:          "Reads the stories that a program told about its objects. Without a command it shows how things are:\nthe last hour, what fails, and what is slow.",
		RunE:          o.state,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&o.table, "table", "", "DynamoDB table with the stories (or DYNAMOSLOG_TABLE)")
	root.PersistentFlags().StringVar(&o.file, "file", "", "file with the stories (or DYNAMOSLOG_FILE); by default one in your cache folder")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "print JSON, one object a line")
	root.PersistentFlags().StringVar(&o.color, "color", colorAuto, "auto colours a terminal's output, unless NO_COLOR is set; always or never")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch o.color {
		case colorAuto, colorAlways, colorNever:
			return nil
		}
		return fmt.Errorf("%w: --color is auto, always or never, not %q", errUsage, o.color)
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	completeFiles(root, "file")
	completeWords(root, "color", colorAuto, colorAlways, colorNever)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(o.demoCommand(), o.listCommand(), o.showCommand(), o.removeCommand(), o.tableCommand(),
		o.serveCommand(), o.openCommand(), o.diffCommand(), o.errorsCommand(), o.slowCommand(), o.grepCommand(), o.tailCommand(), o.exportCommand(), o.costCommand(),
		completionCommand(), completeCommand(), searchHelp())
	return root
}

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second interrupt ends at once
	root := (&options{}).root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	}
	if none := noHit(""); errors.As(err, &none) {
		fmt.Fprintln(stderr, none)
		return exitNotFound
	}
	text := strings.TrimPrefix(strings.TrimSpace(err.Error()), "dynamoslog: ")
	fmt.Fprintln(stderr, "dynamoslog: "+reading.EscapeLines(strings.ReplaceAll(text, "\t", "    ")))
	switch {
	case errors.Is(err, errSearch):
		fmt.Fprintln(stderr, "'dynamoslog help search' tells how to search.")
		return exitUsage
	case errors.Is(err, errUsage), strings.HasPrefix(err.Error(), "unknown command"): // for which cobra has no error of its own
		fmt.Fprintln(stderr, "'dynamoslog --help' shows the commands.")
		return exitUsage
	case errors.Is(err, story.ErrNotFound):
		fmt.Fprintln(stderr, "'dynamoslog ls' shows what there is.")
		return exitNotFound
	}
	return exitError
}

// arguments is a check of how many there are.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.RangeArgs(least, most)(cmd, args); err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, cmd.UseLine(), err)
		}
		return nil
	}
}

// printStory prints a story as JSON, on a line.
func printStory(out io.Writer, s story.Story, calls reading.Calls) error {
	buffered := bufio.NewWriter(out)
	if err := reading.WriteJSON(buffered, s, calls, reading.JSONLayout{}); err != nil {
		return err
	}
	return buffered.Flush()
}

// printJSON prints a value on a line.
func printJSON(out io.Writer, v any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(reading.EscapeJSON(text.Bytes()))
	return err
}

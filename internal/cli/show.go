package cli

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// showFlags are those of show, as they were typed.
type showFlags struct {
	fold, times, text, level string
	each, stored, raw, full  bool
	numbers, flat, all       bool
	prompt                   bool
	line                     int
}

func (o *options) showCommand() *cobra.Command {
	var flags showFlags
	cmd := &cobra.Command{
		Use:   "show KEY [ID] | ID",
		Short: "Show a story: the latest of a key, or that of an id",
		Long: "Shows a story: the latest of a key, the one of an id, or that of an id alone. A list shows ids short;\nthe short form tells when the story began, so that it is found as fast as the whole one.\n\n" +
			"Of a key, '~1' is the story before the latest, '~2' the one before that. Some shells want it quoted.",
		Args:              arguments(1, 2),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parsePlace(args)
			if err != nil {
				return err
			}
			view, err := flags.view(widthOf(cmd.OutOrStdout()) > 0)
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return o.withStories(func(store story.Store) error {
				at, err := at.find(cmd.Context(), store)
				if err != nil {
					return err
				}
				s, err := store.Read(cmd.Context(), at.key, at.id(0))
				if err != nil {
					return err
				}
				if flags.prompt {
					prompt := reading.Prompt{Zone: time.Local}
					return prompt.Write(cmd.Context(), cmd.OutOrStdout(), store, s)
				}
				return o.show(cmd, store, s, view, flags)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.fold, "fold", "", "what is folded: errors (calm branches; so on a terminal), none (elsewhere), or a depth")
	f.BoolVarP(&flags.all, "all", "a", false, "fold nothing")
	f.StringVar(&flags.times, "times", "start", "time of a line since start, since the line before (step), or of day (clock)")
	f.StringVarP(&flags.text, "text", "g", "", "only lines that contain this, with their callers")
	f.StringVarP(&flags.level, "level", "l", "", "only lines of this level or above, with their callers")
	f.BoolVar(&flags.each, "each", false, "do not merge repeats")
	f.BoolVar(&flags.flat, "flat", false, "the lines of all goroutines in one list, by time; repeats are not merged")
	f.BoolVar(&flags.stored, "stored", false, "indent by call depth, as it is stored")
	f.BoolVar(&flags.raw, "raw", false, "print the text exactly as it is stored")
	f.BoolVar(&flags.full, "full", false, "do not cut long messages and values on a terminal")
	f.BoolVar(&flags.prompt, "prompt", false, "what an assistant needs to say why: facts, cause, where the time went, lines, what differs from the last good one; secrets are masked")
	f.BoolVarP(&flags.numbers, "numbers", "N", false, "print the lines' numbers")
	f.IntVar(&flags.line, "line", 0, "only what is under the line of this number, with its callers")
	return cmd
}

func (f showFlags) view(onTerminal bool) (v reading.View, err error) {
	v = reading.View{Fold: reading.Unfolded, Stored: f.stored, Each: f.each, Flat: f.flat, Filter: reading.Filter{Text: f.text}}
	if f.fold == "" && onTerminal && !f.all {
		f.fold = "errors"
	}
	switch f.fold {
	case "", "none":
	case "errors":
		v.Fold = reading.ErrorsFirst
	default:
		if v.Fold, err = strconv.Atoi(f.fold); err != nil || v.Fold < 0 {
			return v, fmt.Errorf("--fold is none, errors or a depth, not %q", f.fold)
		}
	}
	if f.all && v.Fold != reading.Unfolded {
		return v, fmt.Errorf("--all folds nothing, and --fold %s something: leave one out", f.fold)
	}
	switch f.times {
	case "start":
	case "step", "clock":
		v.Times = reading.Times(f.times)
	default:
		return v, fmt.Errorf("--times is start, step or clock, not %q", f.times)
	}
	v.Level, err = reading.ParseLevel(f.level)
	return v, err
}

func (o *options) show(cmd *cobra.Command, store story.Store, s story.Story, view reading.View, flags showFlags) error {
	t := reading.NewTree(s)
	if flags.line != 0 {
		n := t.Line(flags.line)
		if n == nil {
			return fmt.Errorf("%w: the story has %s, and no line %d", errUsage, reading.Plural(len(s.Lines), "line"), flags.line)
		}
		s = t.Branch(n)
		t = reading.NewTree(s)
	}
	if flags.raw && !o.json {
		return printRaw(reading.While(cmd.Context(), cmd.OutOrStdout()), s.Lines)
	}
	calls, err := reading.FindCalls(cmd.Context(), store, s)
	if err != nil {
		err = fmt.Errorf("the stories that it has called cannot be read: %w", err)
	}
	switch {
	case o.json && err != nil:
		return err
	case o.json:
		return printStory(reading.While(cmd.Context(), cmd.OutOrStdout()), s, calls)
	}
	t.SetCalls(calls)
	p := o.printer(cmd)
	p.Numbers = flags.numbers
	if flags.full {
		p.Most = 0
	}
	if shown := paged(cmd, func(w io.Writer) error { return p.Story(w, t, view) }); shown != nil {
		return shown
	}
	return err // the story is there all the same
}

// printRaw prints lines as they are stored, one by one.
func printRaw(out io.Writer, lines []story.Line) error {
	buffered := bufio.NewWriter(out)
	var text []byte
	for _, line := range lines {
		text = line.AppendText(text[:0])
		if _, err := buffered.Write(text); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// longText is what a terminal is shown of a message or a value.
const longText = 2000

// printer returns a printer for where a command's output goes.
func (o *options) printer(cmd *cobra.Command) reading.Printer {
	p := reading.Printer{Zone: time.Local, Width: widthOf(cmd.OutOrStdout())}
	if p.Width > 0 {
		p.Most = longText
	}
	if colours := o.palette(cmd.OutOrStdout()); colours.on {
		p.Paint = colours.style
	}
	return p
}

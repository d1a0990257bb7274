package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) tailCommand() *cobra.Command {
	var flags searchFlags
	var every time.Duration
	var once, lines bool
	cmd := &cobra.Command{
		Use:               "tail [TERM...]",
		Short:             "Show stories as they come, and open ones as they grow",
		Long:              "Shows stories as they come, and open ones as they grow: all, or those that a search selects.\nIts times are not used. " + seeSearch,
		ValidArgsFunction: o.completeSearch(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			search, err := flags.search(args)
			if err != nil {
				return err
			}
			if every <= 0 {
				return fmt.Errorf("%w: --every is a time such as 2s", errUsage)
			}
			return o.withComing(func(store story.Store) error {
				q, rest := search.Query()
				return o.tail(cmd, &reading.Tail{Store: store, Query: q, Filter: rest, Growth: 5 * every, Lines: lines}, every, once)
			})
		},
	}
	flags.add(cmd, o)
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "how often to look")
	cmd.Flags().BoolVar(&once, "once", false, "look once; for scripts")
	cmd.Flags().BoolVar(&lines, "lines", false, "show the lines of every story, not only what is new in open ones; each is read")
	return cmd
}

// tail prints news until the command is interrupted.
func (o *options) tail(cmd *cobra.Command, tail *reading.Tail, every time.Duration, once bool) error {
	look := time.NewTicker(every)
	defer look.Stop()
	w := &newsRows{rows: o.rows(cmd.OutOrStdout(), reading.While(cmd.Context(), cmd.OutOrStdout()))}
	w.keys, w.titles = 12, usualTitle
	for {
		news, err := tail.Look(cmd.Context())
		for _, n := range news {
			if err := o.printNews(w, n); err != nil && cmd.Context().Err() == nil {
				return err
			}
		}
		if tail.Behind() {
			fmt.Fprintln(cmd.ErrOrStderr(), "More stories came than are shown; terms such as level:warn select some.")
		}
		switch {
		case cmd.Context().Err() != nil:
			return nil
		case err != nil || once:
			return err
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-look.C:
		}
	}
}

// NewsRows writes stories as they come, with their new lines.
type newsRows struct {
	*rows
	begun bool
}

func (o *options) printNews(w *newsRows, n reading.News) error {
	if o.json {
		return printJSON(w.out, reading.NewsJSON(n))
	}
	w.now = time.Now()
	w.fit(n.Header)
	if !w.begun {
		w.begun = true
		if err := w.head(); err != nil {
			return err
		}
	}
	if err := w.row(n.Header); err != nil {
		return err
	}
	return w.lines(n)
}

func (w *newsRows) lines(n reading.News) error {
	if n.Left > 0 {
		if _, err := fmt.Fprintf(w.out, "    %s\n", w.colours.dim("… "+n.LeftText())); err != nil {
			return err
		}
	}
	for _, line := range story.Nest(n.Lines) {
		at := fmt.Sprintf("    %+.3f  %s", line.Offset.Seconds(), strings.Repeat("  ", min(line.Depth, 40)))
		word := reading.LevelWord(line.Level)
		text := strings.TrimSpace(word + " " + oneRow(line.Message))
		attrs := oneRow(reading.AttrsText(line.Attrs))
		if w.width > 0 {
			text = reading.CutWidth(text, max(w.width-len(at), 1))
			attrs = reading.CutWidth(attrs, w.width-len(at)-reading.Width(text)-columnGap)
		}
		if attrs != "" {
			attrs = "  " + w.colours.dim(attrs)
		}
		if _, err := fmt.Fprintln(w.out, at+w.colours.paint(codeOf(line.Level), text)+attrs); err != nil {
			return err
		}
	}
	return nil
}

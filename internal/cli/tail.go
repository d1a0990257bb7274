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
	var once bool
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
				return o.tail(cmd, &reading.Tail{Store: store, Query: q, Filter: rest, Growth: 5 * every}, every, once)
			})
		},
	}
	flags.add(cmd, o)
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "how often to look")
	cmd.Flags().BoolVar(&once, "once", false, "look once; for scripts")
	return cmd
}

// tail prints news until the command is interrupted.
func (o *options) tail(cmd *cobra.Command, tail *reading.Tail, every time.Duration, once bool) error {
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		news, err := tail.Look(cmd.Context())
		for _, n := range news {
			if err := o.printNews(cmd, n); err != nil && cmd.Context().Err() == nil {
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

func (o *options) printNews(cmd *cobra.Command, n reading.News) error {
	out, colours := reading.While(cmd.Context(), cmd.OutOrStdout()), o.palette(cmd.OutOrStdout())
	if o.json {
		return printJSON(out, reading.NewsJSON(n))
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s  %s  %s  %s\n", n.Start.Local().Format("15:04:05"), reading.About(n.Header), colours.level(n.MaxLevel),
		reading.Plural(n.LineCount, "line"), reading.StateText(n.State), reading.Headline(n.Header))
	if n.Left > 0 && err == nil {
		_, err = fmt.Fprintf(out, "    %s\n", colours.dim("… "+n.LeftText()))
	}
	for _, line := range story.Nest(n.Lines) {
		if err != nil {
			break
		}
		text := strings.Repeat("  ", min(line.Depth, 40)) + strings.TrimSpace(reading.LevelWord(line.Level)+" ") + " " + story.Escape(line.Message)
		_, err = fmt.Fprintf(out, "    %+.3f  %s  %s\n", line.Offset.Seconds(), text, colours.dim(story.Escape(line.Attrs)))
	}
	return err
}

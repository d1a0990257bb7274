package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) exportCommand() *cobra.Command {
	var flags searchFlags
	var oldest bool
	cmd := &cobra.Command{
		Use:               "export [TERM...]",
		Short:             "Print whole stories as JSON, one a line",
		Long:              "Prints whole stories as JSON, one a line: all, or those that a search selects, however many have\nto be looked at. " + seeSearch,
		ValidArgsFunction: o.completeSearch(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			search, err := flags.search(args)
			if err != nil {
				return err
			}
			w := walk{lookup: story.Lookup{Search: search, OldestFirst: oldest, Limit: 1000}}
			return o.withStories(func(store story.Store) error { return export(cmd, store, &w) })
		},
	}
	flags.add(cmd, o)
	cmd.Flags().BoolVar(&oldest, "oldest-first", false, "begin with the oldest story")
	return cmd
}

func export(cmd *cobra.Command, store story.Store, walk *walk) error {
	progress := &progress{}
	if terminal(cmd.OutOrStdout()) == nil { // else the stories themselves are seen
		progress = progressTo(cmd.ErrOrStderr())
	}
	defer progress.clear()
	n, lines := 0, 0
	type whole struct {
		story.Story
		calls reading.Calls
		err   error
	}
	read := func(s story.Story) whole {
		calls, err := reading.FindCalls(cmd.Context(), store, s)
		return whole{s, calls, err}
	}
	for s, err := range reading.ReadAhead(cmd.Context(), store, walk.lookup.All, read) {
		if err == nil {
			err = s.err
		}
		if err == nil {
			err = printStory(reading.While(cmd.Context(), cmd.OutOrStdout()), s.Story, s.calls)
		}
		if err != nil {
			return fmt.Errorf("after %s: %w", stories(n), err)
		}
		n, lines = n+1, lines+len(s.Lines)
		progress.show("%s, %s, at %s", stories(n), reading.Plural(lines, "line"), s.Start.Local().Format("2006-01-02 15:04"))
	}
	if n == 0 {
		return walk.nothing(noStories)
	}
	return nil
}

func stories(n int) string {
	if n == 1 {
		return "1 story"
	}
	return fmt.Sprintf("%d stories", n)
}

// A progress is a line on a terminal that is written again and again.
type progress struct {
	out   io.Writer // nil where it is no terminal
	shown time.Time
}

func progressTo(out io.Writer) *progress {
	if terminal(out) != nil {
		return &progress{out: out}
	}
	return &progress{}
}

const progressEvery = 100 * time.Millisecond

func (p *progress) show(format string, args ...any) {
	if p.out == nil || time.Since(p.shown) < progressEvery {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r\x1b[K"+format, args...)
}

func (p *progress) clear() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

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
	var flags queryFlags
	var oldest bool
	cmd := &cobra.Command{
		Use:               "export [KEY]",
		Short:             "Print whole stories as JSON, one a line",
		Args:              arguments(0, 1),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.query(args)
			if err != nil {
				return err
			}
			q.OldestFirst = oldest
			return o.withStories(func(store story.Store) error { return export(cmd, store, q) })
		},
	}
	flags.add(cmd, o)
	cmd.Flags().BoolVar(&oldest, "oldest-first", false, "begin with the oldest story")
	return cmd
}

func export(cmd *cobra.Command, store story.Store, q story.Query) error {
	progress := &progress{}
	if terminal(cmd.OutOrStdout()) == nil { // else the stories themselves are seen
		progress = progressTo(cmd.ErrOrStderr())
	}
	defer progress.clear()
	n, lines := 0, 0
	for h, err := range story.All(cmd.Context(), store, q) {
		var s story.Story
		if err == nil {
			s, err = store.Read(cmd.Context(), h.Key, h.ID)
		}
		if err == nil {
			err = printStory(reading.While(cmd.Context(), cmd.OutOrStdout()), s)
		}
		if err != nil {
			return fmt.Errorf("after %s: %w", stories(n), err)
		}
		n, lines = n+1, lines+len(s.Lines)
		progress.show("%s, %s, at %s", stories(n), reading.Plural(lines, "line"), h.Start.Local().Format("2006-01-02 15:04"))
	}
	if n == 0 {
		return noStories
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

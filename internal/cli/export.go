package cli

import (
	"fmt"
	"os"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
	"golang.org/x/term"
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
			return o.withStore(func(store story.Store) error { return export(cmd, store, q) })
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&oldest, "oldest-first", false, "begin with the oldest story")
	return cmd
}

func export(cmd *cobra.Command, store story.Store, q story.Query) error {
	file, ok := cmd.ErrOrStderr().(*os.File)
	progress := ok && term.IsTerminal(int(file.Fd()))
	n := 0
	for h, err := range story.All(cmd.Context(), store, q) {
		var s story.Story
		if err == nil {
			s, err = store.Read(cmd.Context(), h.Key, h.ID)
		}
		if err == nil {
			err = printJSON(cmd.OutOrStdout(), reading.StoryJSON(s))
		}
		if err != nil {
			return fmt.Errorf("after %s: %w", reading.Plural(n, "whole story"), err)
		}
		n++
		if progress {
			fmt.Fprintf(cmd.ErrOrStderr(), "\r%d stories, at %s", n, h.Start.Format("2006-01-02 15:04"))
		}
	}
	if progress {
		fmt.Fprint(cmd.ErrOrStderr(), "\r\x1b[K")
	}
	return nil
}

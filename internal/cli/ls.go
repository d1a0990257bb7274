package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) listCommand() *cobra.Command {
	var flags queryFlags
	var most int
	cmd := &cobra.Command{
		Use:               "ls [KEY]",
		Short:             "List stories, newest first: of one key, or all",
		Args:              arguments(0, 1),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := flags.query(args)
			if err != nil {
				return err
			}
			query.Limit = most
			return o.withStore(func(store story.Store) error { return o.list(cmd, store, query) })
		},
	}
	flags.add(cmd, o)
	cmd.Flags().IntVarP(&most, "limit", "n", 50, "the most stories to list")
	return cmd
}

func (o *options) list(cmd *cobra.Command, store story.Store, query story.Query) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	colours := o.palette(cmd.OutOrStdout())
	n := 0
	for h, err := range story.All(cmd.Context(), store, query) {
		if err != nil {
			return err
		}
		if n == query.Limit {
			break
		}
		n++
		if o.json {
			if err := printJSON(cmd.OutOrStdout(), reading.HeaderJSON(h)); err != nil {
				return err
			}
			continue
		}
		if n == 1 {
			fmt.Fprintln(table, "WHEN\tKEY\t"+colours.paint(plain, "LEVEL")+"\tLINES\tTOOK\tSTATE\tTITLE\tID")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", h.Start.Local().Format("2006-01-02 15:04:05"),
			h.Key, colours.level(h.MaxLevel), h.LineCount, h.Duration, h.State, story.Escape(h.Title), story.Escape(h.ID))
	}
	if n == 0 && !o.json {
		fmt.Fprintln(cmd.ErrOrStderr(), "There are no such stories.")
	}
	return table.Flush()
}

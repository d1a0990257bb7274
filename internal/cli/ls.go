package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) listCommand() *cobra.Command {
	var flags searchFlags
	var w walk
	var sort string
	cmd := &cobra.Command{
		Use:               "ls [TERM...]",
		Short:             "List stories, newest first: all, of a key, or what a search selects",
		Long:              "Lists stories, newest first: all, of a key, or what a search selects.\n" + seeSearch,
		ValidArgsFunction: o.completeSearch(0),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if w.lookup.Search, err = flags.search(args); err != nil {
				return err
			}
			if sort != sortTime && sort != sortTook {
				return fmt.Errorf("%w: --sort is time or took, not %q", errUsage, sort)
			}
			return o.withStories(func(store story.Store) error { return o.list(cmd, store, &w, sort) })
		},
	}
	flags.add(cmd, o)
	cmd.Flags().StringVar(&flags.slower, "slower", "", "only stories that took longer than this, as 500ms or 2s; took>2s")
	cmd.Flags().StringVar(&sort, "sort", sortTime, "time, the newest first, or took, the longest first of those looked at")
	completeWords(cmd, "sort", sortTime, sortTook)
	limit(cmd, &w.most, 50, "the most stories to list")
	w.lookFlag(cmd)
	return cmd
}

const noStories = "There are no such stories."

// What a list is sorted by.
const (
	sortTime = "time"
	sortTook = "took"
)

func (o *options) list(cmd *cobra.Command, store story.Store, walk *walk, sort string) error {
	most := walk.most
	if sort == sortTook { // of all that are found
		walk.most = max(walk.lookup.Look, most)
	}
	out := reading.While(cmd.Context(), cmd.OutOrStdout())
	var headers []story.Header
	n := 0
	err := walk.each(cmd.Context(), store, func(h story.Header) (bool, error) {
		n++
		if o.json && sort == sortTime { // as they come
			return true, printJSON(out, reading.HeaderJSON(h))
		}
		headers = append(headers, h)
		return true, nil
	})
	if err == nil && n == 0 {
		return walk.nothing(noStories)
	}
	if sort == sortTook {
		slices.SortStableFunc(headers, func(a, b story.Header) int { return cmp.Compare(b.Duration, a.Duration) })
		headers = headers[:min(most, len(headers))]
	}
	switch {
	case err != nil:
	case o.json:
		for i := 0; i < len(headers) && err == nil; i++ {
			err = printJSON(out, reading.HeaderJSON(headers[i]))
		}
	default:
		err = paged(cmd, func(w io.Writer) error { return o.listRows(cmd, w, headers, sort == sortTime) })
	}
	if err != nil {
		return err
	}
	if walk.found.Short {
		fmt.Fprintln(cmd.ErrOrStderr(), walk.howFar())
	}
	return nil
}

// listRows writes headers as a table.
func (o *options) listRows(cmd *cobra.Command, w io.Writer, headers []story.Header, byTime bool) error {
	rows := o.rows(cmd.OutOrStdout(), w)
	for _, h := range headers {
		rows.fit(h)
		rows.dated = rows.dated || !byTime && h.Start.In(rows.now.Location()).Format(time.DateOnly) != rows.day
	}
	if err := rows.head(); err != nil {
		return err
	}
	for _, h := range headers {
		if err := rows.row(h); err != nil {
			return err
		}
	}
	return nil
}

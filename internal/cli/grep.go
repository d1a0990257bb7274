package cli

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) grepCommand() *cobra.Command {
	var flags searchFlags
	var w walk
	var most, read int
	cmd := &cobra.Command{
		Use:               "grep TEXT [TERM...]",
		Short:             "Find lines in the stories, and show them with their callers",
		Long:              "Finds lines that contain a text in the stories, or in those that a search selects, and\nshows them with their callers.\n" + seeSearch,
		Args:              arguments(1, math.MaxInt),
		ValidArgsFunction: o.completeSearch(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if w.lookup.Search, err = flags.search(args[1:]); err != nil {
				return err
			}
			if read < 1 {
				return fmt.Errorf("%w: --read is 1 or more, not %d", errUsage, read)
			}
			w.most = read + 1
			view := reading.View{Fold: reading.Unfolded, Filter: reading.Filter{Text: args[0]}}
			return o.withStories(func(store story.Store) error {
				if o.json {
					return o.grep(cmd, reading.While(cmd.Context(), cmd.OutOrStdout()), store, &w, view, most)
				}
				return paged(cmd, func(out io.Writer) error { return o.grep(cmd, out, store, &w, view, most) })
			})
		},
	}
	flags.add(cmd, o)
	limit(cmd, &most, 20, "the most stories to show")
	cmd.Flags().IntVar(&read, "read", 200, "the most stories to read")
	w.lookFlag(cmd)
	return cmd
}

func (o *options) grep(cmd *cobra.Command, out io.Writer, store story.Store, walk *walk, view reading.View, most int) error {
	found, read := 0, 0
	err := walk.each(cmd.Context(), store, func(h story.Header) (more bool, err error) {
		if read == walk.most-1 {
			next := h.Start.Add(time.Microsecond) // this story included
			fmt.Fprintf(cmd.ErrOrStderr(), "%s read; --until %s goes on, --read reads more.\n", stories(read), next.UTC().Format("2006-01-02T15:04:05.000000Z"))
			return false, nil
		}
		read++
		s, err := store.Read(cmd.Context(), h.Key, h.ID)
		if err != nil {
			return false, err
		}
		t := reading.NewTree(s)
		if view.Apply(t) == 0 {
			return true, nil
		}
		found++
		if o.json {
			err = printHits(out, t)
		} else {
			err = o.printer(cmd).Story(out, t, view)
		}
		return found < most, err
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return walk.nothing("No line was found.")
	case walk.found.Short:
		fmt.Fprintln(cmd.ErrOrStderr(), walk.howFar())
	}
	return nil
}

// printHits prints the lines that were found, an object each.
func printHits(out io.Writer, t *reading.Tree) error {
	for i := range t.Nodes {
		if !t.Nodes[i].Match {
			continue
		}
		hit := struct {
			Key string `json:"key"`
			ID  string `json:"id"`
			reading.Line
		}{t.Story.Key.String(), t.Story.ID, t.LineJSON(&t.Nodes[i])}
		if err := printJSON(out, hit); err != nil {
			return err
		}
	}
	return nil
}

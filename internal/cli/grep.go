package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) grepCommand() *cobra.Command {
	var flags queryFlags
	var most, read int
	cmd := &cobra.Command{
		Use:               "grep TEXT [KEY]",
		Short:             "Find lines in the stories, and show them with their callers",
		Args:              arguments(1, 2),
		ValidArgsFunction: o.completePlace(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.query(args[1:])
			if err != nil {
				return err
			}
			view := reading.View{Fold: reading.Unfolded, Filter: reading.Filter{Text: args[0]}}
			return o.withStories(func(store story.Store) error {
				if o.json {
					return o.grep(cmd, reading.While(cmd.Context(), cmd.OutOrStdout()), store, q, view, most, read)
				}
				return paged(cmd, func(w io.Writer) error { return o.grep(cmd, w, store, q, view, most, read) })
			})
		},
	}
	flags.add(cmd, o)
	limit(cmd, &most, 20, "the most stories to show")
	cmd.Flags().IntVar(&read, "read", 200, "the most stories to read")
	return cmd
}

func (o *options) grep(cmd *cobra.Command, out io.Writer, store story.Store, q story.Query, view reading.View, most, read int) error {
	found, looked := 0, 0
	for h, err := range story.All(cmd.Context(), store, q) {
		if err != nil {
			return err
		}
		if looked == read {
			next := h.Start.Add(time.Microsecond) // this story included
			fmt.Fprintf(cmd.ErrOrStderr(), "%s read; --until %s goes on, --read reads more.\n", stories(read), next.UTC().Format("2006-01-02T15:04:05.000000Z"))
			break
		}
		looked++
		s, err := store.Read(cmd.Context(), h.Key, h.ID)
		if err != nil {
			return err
		}
		t := reading.NewTree(s)
		if view.Apply(t) == 0 {
			continue
		}
		found++
		if o.json {
			err = printHits(out, t)
		} else {
			err = o.printer(cmd).Story(out, t, view)
		}
		if err != nil {
			return err
		}
		if found == most {
			break
		}
	}
	if found == 0 {
		return noHit("No line was found.")
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

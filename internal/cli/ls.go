package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) listCommand() *cobra.Command {
	var flags searchFlags
	var w walk
	cmd := &cobra.Command{
		Use:               "ls [TERM...]",
		Short:             "List stories, newest first: all, of a key, or what a search selects",
		Long:              "Lists stories, newest first: all, of a key, or what a search selects.\n" + seeSearch,
		ValidArgsFunction: o.completeSearch(0),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if w.lookup.Search, err = flags.search(args); err != nil {
				return err
			}
			return o.withStories(func(store story.Store) error { return o.list(cmd, store, &w) })
		},
	}
	flags.add(cmd, o)
	limit(cmd, &w.most, 50, "the most stories to list")
	w.lookFlag(cmd)
	return cmd
}

const noStories = "There are no such stories."

func (o *options) list(cmd *cobra.Command, store story.Store, walk *walk) error {
	n := 0
	each := func(show func(story.Header) error) error {
		return walk.each(cmd.Context(), store, func(h story.Header) (bool, error) {
			n++
			return true, show(h)
		})
	}
	var err error
	if o.json {
		err = each(func(h story.Header) error { return printJSON(cmd.OutOrStdout(), reading.HeaderJSON(h)) })
	} else {
		err = paged(cmd, func(w io.Writer) error { return o.listTable(cmd, w, each) })
	}
	switch {
	case err != nil:
		return err
	case n == 0:
		return walk.nothing(noStories)
	case walk.found.Short:
		fmt.Fprintln(cmd.ErrOrStderr(), walk.howFar())
	}
	return nil
}

// listTable writes headers as a table. The title comes last, so that it can be cut
// where the terminal ends.
func (o *options) listTable(cmd *cobra.Command, w io.Writer, each func(func(story.Header) error) error) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	colours := o.palette(cmd.OutOrStdout())
	first, now := true, time.Now()
	err := each(func(h story.Header) error {
		if first {
			fmt.Fprintln(table, "WHEN ("+now.Format("MST")+")\tKEY\t"+colours.paint(plain, "LEVEL")+"\tLINES\tTOOK\tSTATE\tID\tTITLE")
			first = false
		}
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", h.Start.Local().Format(time.DateTime)+reading.OtherZone(h.Start, now),
			reading.About(h), colours.level(h.MaxLevel), h.LineCount, reading.Took(h.Duration), story.Escape(string(h.State)), story.Escape(story.ShortID(h.ID)), reading.Headline(h))
		return err
	})
	if err = errors.Join(err, table.Flush()); err != nil {
		return err
	}
	most := widthOf(cmd.OutOrStdout()) + len(colours.paint(plain, "")) // runes of a row that are seen, and those that colour
	header, _, _ := strings.Cut(text.String(), "\n")
	title := utf8.RuneCountInString(header) - len("TITLE")
	for row := range strings.Lines(text.String()) {
		if most >= title+leastTitle {
			row = cutRow(row, most)
		}
		if _, err := io.WriteString(w, row); err != nil {
			return err
		}
	}
	return nil
}

// leastTitle is what a title is cut to at most; where there is less room it wraps.
const leastTitle = 12

func cutRow(row string, most int) string {
	runes := []rune(strings.TrimSuffix(row, "\n"))
	if len(runes) <= most {
		return row
	}
	return string(runes[:most-1]) + "…\n"
}

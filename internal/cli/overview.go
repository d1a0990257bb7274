package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// usualSpan is what is looked at where a search names no time.
const usualSpan = 24 * time.Hour

// overviewBars is into how many times a span is divided, for the bars beside problems.
const overviewBars = 12

// An overviewCommand is a command that tells what headers say of the time that a search
// names, beside as much time before it.
type overviewCommand struct {
	use, short, long string
	level            string // at least, unless the search names a level
	// rows writes the overview, or returns a sentence where there is nothing to be told.
	rows func(o *options, w *overviewRows, most int) (nothing string, err error)
	// json returns what is printed as JSON, an object a line.
	json func(o *reading.Overview) []any
}

func (c overviewCommand) command(o *options) *cobra.Command {
	var flags searchFlags
	var w walk
	var most int
	cmd := &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long + seeSearch,
		ValidArgsFunction: o.completeSearch(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			search, err := flags.search(args)
			if err != nil {
				return err
			}
			if q, _ := search.Query(); q.MinLevel == nil && c.level != "" {
				flags := flags
				flags.level = c.level
				if search, err = flags.search(args); err != nil {
					return err
				}
			}
			return o.withStories(func(store story.Store) error {
				span, named := spanOf(search, time.Now())
				overview, err := reading.ReadOverview(cmd.Context(), store, search, span, w.lookup.Look)
				if err != nil {
					return err
				}
				return o.printOverview(cmd, c, overview, named, most)
			})
		},
	}
	flags.add(cmd, o)
	limit(cmd, &most, 20, "the most to show")
	w.lookFlag(cmd)
	return cmd
}

// spanOf returns the time that a search names, or else the last day, and what it is called.
func spanOf(search story.Search, now time.Time) (span reading.Span, named string) {
	q, _ := search.Query()
	span = reading.Span{From: q.Since, To: q.Until, Bars: overviewBars}
	if span.To.IsZero() {
		span.To = now
	}
	if span.From.IsZero() {
		span.From = span.To.Add(-usualSpan)
	}
	switch {
	case q.Since.IsZero() && q.Until.IsZero():
		return span, "in the last 24 hours"
	case q.Until.IsZero():
		return span, "since " + reading.When(span.From, now)
	}
	return span, "from " + reading.When(span.From, now) + " to " + reading.When(span.To, now)
}

func (o *options) printOverview(cmd *cobra.Command, c overviewCommand, overview *reading.Overview, named string, most int) error {
	nothing := ""
	err := func() (err error) {
		if o.json {
			all := c.json(overview)
			for i := 0; i < min(most, len(all)) && err == nil; i++ {
				err = printJSON(reading.While(cmd.Context(), cmd.OutOrStdout()), all[i])
			}
			if len(all) == 0 {
				nothing, err = c.rows(o, &overviewRows{rows: o.rows(cmd.OutOrStdout(), io.Discard), Overview: overview, named: named}, most)
			}
			return err
		}
		return paged(cmd, func(w io.Writer) error {
			nothing, err = c.rows(o, &overviewRows{rows: o.rows(cmd.OutOrStdout(), w), Overview: overview, named: named}, most)
			return err
		})
	}()
	if err != nil {
		return err
	}
	short := howShort(overview, time.Now())
	if nothing != "" {
		if short != "" {
			nothing += " " + short
		}
		return noHit(nothing)
	}
	if short != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), short)
	}
	return nil
}

// howShort says how far was looked where that was not all, or "".
func howShort(o *reading.Overview, now time.Time) string {
	looked := reading.Looked(story.Found{Looked: o.Looked, Back: o.Back}, false, now)
	switch {
	case o.Short:
		return "Looked at " + looked + ", not at all of the time; --look looks at more."
	case o.ShortBefore:
		return "Looked at " + looked + ", not at all of the time before; --look looks at more."
	}
	return ""
}

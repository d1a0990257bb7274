package cli

import (
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// headerJSON is a header as --json prints it.
type headerJSON struct {
	Key        string            `json:"key"`
	ID         string            `json:"id"`
	Start      time.Time         `json:"start"`
	Updated    time.Time         `json:"updated"`
	DurationMS int64             `json:"duration_ms"`
	State      string            `json:"state"`
	Level      string            `json:"level"`
	Lines      int               `json:"lines"`
	Title      string            `json:"title"`
	Attrs      map[string]string `json:"attrs,omitempty"`
}

func newHeaderJSON(h story.Header) headerJSON {
	return headerJSON{
		Key: h.Key.String(), ID: h.ID, Start: h.Start, Updated: h.Updated, DurationMS: h.Duration.Milliseconds(),
		State: string(h.State), Level: h.MaxLevel.String(), Lines: h.LineCount, Title: h.Title, Attrs: h.Attrs,
	}
}

func (o *options) listCommand() *cobra.Command {
	var query story.Query
	var level, since string
	cmd := &cobra.Command{
		Use:   "ls [KEY]",
		Short: "List stories, newest first: of one key, or all",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				if query.Key, _, err = place(args); err != nil {
					return err
				}
			}
			if level != "" {
				var least slog.Level
				if err := least.UnmarshalText([]byte(level)); err != nil {
					return fmt.Errorf("%w: -l wants debug, info, warn or error: %w", errUsage, err)
				}
				query.MinLevel = least
			}
			if query.Since, err = parseTime(since, time.Now()); err != nil {
				return err
			}
			return o.withStore(func(store story.Store) error { return o.list(cmd, store, query) })
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&query.Limit, "limit", "n", 50, "the most stories to list")
	flags.StringVar(&query.Kind, "kind", "", "only keys of this kind")
	flags.StringVarP(&level, "level", "l", "", "only stories that reached this level: debug, info, warn, error")
	flags.StringVarP(&query.Text, "grep", "g", "", "only stories whose title contains this")
	flags.StringVar(&since, "since", "", "only stories from this time on: -3h, or 2026-11-22T16:00:00Z")
	return cmd
}

// parseTime reads a time, or a duration before now.
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d.Abs()), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%w: a time is -3h or 2026-11-22T16:00:00Z, not %q", errUsage, s)
	}
	return t, nil
}

func (o *options) list(cmd *cobra.Command, store story.Store, query story.Query) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	colours := paletteFor(cmd.OutOrStdout())
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
			if err := printJSON(cmd.OutOrStdout(), newHeaderJSON(h)); err != nil {
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

package cli

import (
	"fmt"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

// A queryFlags holds the flags that select stories, as they were typed.
type queryFlags struct{ kind, level, title, since, until string }

func (f *queryFlags) add(cmd *cobra.Command, o *options) {
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "kind", "", "only keys of this kind")
	flags.StringVarP(&f.level, "level", "l", "", "only stories that reached this level: debug, info, warn, error")
	flags.StringVarP(&f.title, "title", "g", "", "only stories whose title contains this")
	flags.StringVar(&f.since, "since", "", "only stories from this time on: -3h, -2d, 16:00 (the last), 2026-11-22, 2026-11-22T16:00 or with Z, for UTC; of a time that comes twice the first")
	flags.StringVar(&f.until, "until", "", "only stories before this time")
	completeWords(cmd, "level", "debug", "info", "warn", "error")
	o.completeKinds(cmd)
}

// query reads the flags, and the key among the arguments if there is one.
func (f *queryFlags) query(args []string) (q story.Query, err error) {
	if len(args) > 0 {
		if q.Key, _, err = place(args); err != nil {
			return q, err
		}
	}
	q.Text = f.title
	if f.kind != "" {
		q.Kind = story.NewKey(f.kind, "").Kind // as keys have it
	}
	level, err := reading.ParseLevel(f.level)
	if err != nil {
		return q, fmt.Errorf("%w: %w", errUsage, err)
	}
	if level != nil {
		q.MinLevel = *level
	}
	now := time.Now()
	if q.Since, err = reading.ParseTime(f.since, now); err == nil {
		q.Until, err = reading.ParseTime(f.until, now)
	}
	if err != nil {
		return q, fmt.Errorf("%w: %w", errUsage, err)
	}
	return q, nil
}

// limit adds a flag for how many stories are shown.
func limit(cmd *cobra.Command, most *int, usual int, about string) {
	cmd.Flags().IntVarP(most, "limit", "n", usual, about)
	check := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *most < 1 {
			return fmt.Errorf("%w: -n is 1 or more, not %d", errUsage, *most)
		}
		return check(cmd, args)
	}
}

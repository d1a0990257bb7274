package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) diffCommand() *cobra.Command {
	var good, all bool
	cmd := &cobra.Command{
		Use:               "diff KEY [ID [OTHER]] | ID [OTHER]",
		Short:             "Say what differs in a story from the one before it, or from another one",
		Args:              arguments(1, 3),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parsePlace(args)
			if err != nil {
				return err
			}
			return o.withStories(func(store story.Store) error {
				at, err := at.find(cmd.Context(), store)
				if err != nil {
					return err
				}
				p := reading.Pair{Key: at.key, Is: at.id(0), Was: at.id(1), Good: good}
				d, err := reading.Compare(cmd.Context(), store, p)
				switch {
				case errors.Is(err, reading.ErrSameStory):
					return fmt.Errorf("%w: %w", errUsage, err)
				case errors.Is(err, reading.ErrNoOther):
					return fmt.Errorf("%w: %w", story.ErrNotFound, err)
				case err != nil:
					return err
				case o.json:
					return printJSON(cmd.OutOrStdout(), reading.DiffJSON(d, all))
				}
				return paged(cmd, func(w io.Writer) error { return o.printer(cmd).Diff(w, d, all) })
			})
		},
	}
	cmd.Flags().BoolVar(&good, "good", false, "compare with the last story before it that has no error")
	cmd.Flags().BoolVar(&all, "all", false, "show the equal lines too")
	return cmd
}

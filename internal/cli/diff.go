package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

const diffHelp = `Says what differs between two stories, the old one first, as diff and git have it:

  dynamoslog diff user_42                      the latest, with the last one before it that is like it
  dynamoslog diff user_42 --good               the latest, with the last one like it that has no error, of anyone
  dynamoslog diff hoj9f3k2m7aa                 the story of an id of a list, with the last one before it
  dynamoslog diff user_42 OLD NEW              two stories of a key
  dynamoslog diff user_42 '~1' '~0'            the one before the latest, and the latest
  dynamoslog diff OLD NEW                      two stories by their ids, whosever they are
  dynamoslog diff user_42 OLD user_43 NEW      two stories of two keys; without an id the latest

Alike are stories of one kind and route, or, where there are no routes, with the same title but for its
numbers. The same change is told once, with the number of its lines: errors first, then what is new or gone,
then what took longer, then the rest.`

func (o *options) diffCommand() *cobra.Command {
	var good, all bool
	cmd := &cobra.Command{
		Use:               "diff KEY [[OLD] NEW] | [OLD] NEW",
		Short:             "Say what differs in a story from the one like it before, or from another one",
		Long:              diffHelp,
		Args:              arguments(1, 4),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			places, err := parsePlaces(args)
			if err == nil && good && len(places) > 1 {
				err = fmt.Errorf("%w: --good looks for the story to compare with: name one story, not two", errUsage)
			}
			if err != nil {
				return err
			}
			return o.withStories(func(store story.Store) error {
				p, err := pair(cmd.Context(), store, places)
				if err != nil {
					return err
				}
				p.Good = good
				d, err := reading.Compare(cmd.Context(), store, p)
				none := (*reading.NoOtherError)(nil)
				switch {
				case errors.Is(err, reading.ErrSameStory):
					return fmt.Errorf("%w: %w", errUsage, err)
				case errors.As(err, &none):
					return fmt.Errorf("%w: %s", story.ErrNotFound, none.Text(time.Now()))
				case err != nil:
					return err
				case o.json:
					return printJSON(cmd.OutOrStdout(), reading.DiffJSON(d, all))
				}
				return paged(cmd, func(w io.Writer) error { return o.printer(cmd).Diff(w, d, all) })
			})
		},
	}
	cmd.Flags().BoolVar(&good, "good", false, "compare with the last story before it that is like it and has no error, of this key or else of anyone")
	cmd.Flags().BoolVar(&all, "all", false, "show the equal lines too, and those whose differences are told above")
	return cmd
}

// pair asks a store for the stories that were named: one, or the old and the new one.
func pair(ctx context.Context, store story.Store, places []place) (p reading.Pair, err error) {
	for i, at := range places {
		if i > 0 && at.key.IsZero() && !story.IsID(at.ids[0]) {
			at.key = p.Key
		}
		if at, err = at.find(ctx, store); err != nil {
			return p, err
		}
		if i > 0 {
			p.WasKey, p.Was = p.Key, p.Is
		}
		p.Key, p.Is = at.key, at.id(0)
	}
	if len(places) == 2 && p.Was == "" {
		p.Was, err = reading.Latest(ctx, store, p.WasKey)
	}
	return p, err
}

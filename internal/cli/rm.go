package cli

import (
	"context"
	"fmt"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm KEY [ID] | ID",
		Short:             "Remove a story, or all of a key",
		Args:              arguments(1, 2),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parsePlace(args)
			if err != nil {
				return err
			}
			if err := at.checkWhole(); err != nil {
				return err
			}
			return o.withStories(func(store story.Store) error {
				at, err := at.find(cmd.Context(), store)
				if err != nil {
					return err
				}
				return o.remove(cmd, store, at.key, at.id(0))
			})
		},
	}
}

func (o *options) remove(cmd *cobra.Command, store story.Store, key story.Key, id string) error {
	n, aliases, err := count(cmd.Context(), store, key, id)
	if err == nil {
		err = store.Delete(cmd.Context(), key, id)
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), map[string]int{"removed": n, "no_longer_listed": aliases})
	}
	text := fmt.Sprintf("Removed %s of %s.", stories(n), key)
	if aliases > 0 {
		text += fmt.Sprintf(" No longer listed here: %s of other keys, which stay.", stories(aliases))
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

// count returns how many stories and aliases there are of a key, or of one id, which it
// reads no further for than it has to.
func count(ctx context.Context, store story.Store, key story.Key, id string) (n, aliases int, err error) {
	for h, err := range story.All(ctx, store, story.Query{Key: key}) {
		if err != nil {
			return 0, 0, err
		}
		if id != "" && h.ID != id {
			continue
		}
		if h.IsAlias() {
			aliases++
		} else {
			n++
		}
		if id != "" {
			break
		}
	}
	return n, aliases, nil
}

package cli

import (
	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm KEY [ID]",
		Short:             "Remove a story, or all of a key",
		Args:              arguments(1, 2),
		ValidArgsFunction: o.completePlace(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, id, err := place(args)
			if err != nil {
				return err
			}
			return o.withStore(func(store story.Store) error { return store.Delete(cmd.Context(), key, id) })
		},
	}
}

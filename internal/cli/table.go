package cli

import (
	"fmt"

	"github.com/dynamoslog/dynamoslog"
	"github.com/spf13/cobra"
)

func (o *options) tableCommand() *cobra.Command {
	table := &dynamoslog.Table{}
	named := func(cmd *cobra.Command, args []string) error {
		s, err := o.source()
		if err != nil {
			return err
		}
		if s.table == "" {
			return fmt.Errorf("%w: name the table with --table or DYNAMOSLOG_TABLE", errUsage)
		}
		table.Name = s.table
		return arguments(0, 0)(cmd, args)
	}
	create := &cobra.Command{
		Use:   "create",
		Short: "Make the table, its index and its expiry, within the free tier",
		Args:  named,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := table.Create(cmd.Context()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The table %s is ready.\n", table.Name)
			return err
		},
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the table",
		Args:  named,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := table.Check(cmd.Context()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The table %s is as it should be.\n", table.Name)
			return err
		},
	}
	for _, cmd := range []*cobra.Command{create, check} {
		cmd.Flags().BoolVar(&table.OnDemand, "on-demand", false, "bill by request instead of provisioned units")
	}
	parent := &cobra.Command{
		Use:   "table",
		Short: "Make or check the DynamoDB table",
		Args:  arguments(0, 0), // others than the commands below
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(create, check)
	return parent
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/cobra"

	"github.com/dynamoslog/dynamoslog"
	"github.com/dynamoslog/dynamoslog/internal/dynamo"
	"github.com/dynamoslog/dynamoslog/internal/tablecode"
)

func (o *options) tableCommand() *cobra.Command {
	parent := &cobra.Command{
		Use:   "table",
		Short: "Make, check or print the DynamoDB table",
		Args:  arguments(0, 0), // others than the commands below
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	parent.AddCommand(
		o.tableCall("create", "Make the table, its index and its expiry, within the free tier", (*dynamoslog.Table).Create, "is ready"),
		o.tableCall("check", "Say what is wrong with the table", (*dynamoslog.Table).Check, "is as it should be"),
		o.tablePrintCommand(),
	)
	return parent
}

// tableName returns the table that is named.
func (o *options) tableName() (string, error) {
	s, err := o.source()
	if err == nil && s.table == "" {
		err = fmt.Errorf("%w: name the table with --table or DYNAMOSLOG_TABLE", errUsage)
	}
	return s.table, err
}

// tableCall returns a command that calls a method of the table, and says how the table
// is then.
func (o *options) tableCall(use, short string, call func(*dynamoslog.Table, context.Context) error, then string) *cobra.Command {
	table := &dynamoslog.Table{}
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if table.Name, err = o.tableName(); err != nil {
				return err
			}
			if table.Client, err = dynamo.LoadClient(cmd.Context()); err != nil {
				return err
			}
			if err := call(table, cmd.Context()); err != nil {
				return inFlags{err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The table %s in %s %s.\n", table.Name, region(table.Client), then)
			return err
		},
	}
	cmd.Flags().BoolVar(&table.OnDemand, "on-demand", false, "bill by request instead of provisioned units")
	return cmd
}

func region(client *dynamodb.Client) string { return client.Options().Region }

func (o *options) tablePrintCommand() *cobra.Command {
	var opts tablecode.Options
	cmd := &cobra.Command{
		Use:   "print --format FORMAT",
		Short: "Print the table as code, or the policy of who uses it",
		Long: "Prints the table that 'table create' makes, for Terraform, CloudFormation or the CDK (in TypeScript), with\n" +
			"--role also a policy for who uses it; or, with --format iam, that policy alone, the writer's by default:\n" +
			"  writer  a program that logs\n" +
			"  reader  the viewer, and each command that only reads\n" +
			"  admin   'table create', 'table check' and 'rm'\n" +
			"The policy alone is for the region that the AWS configuration names, of any account unless --account says\n" +
			"which. Nothing is called.\n",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Table, err = o.tableName(); err != nil {
				return err
			}
			if err := opts.Check(); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			if opts.Format == tablecode.IAM {
				client, err := dynamo.LoadClient(cmd.Context())
				if err != nil {
					return err
				}
				opts.Region = region(client)
			}
			return tablecode.Print(cmd.OutOrStdout(), opts)
		},
	}
	cmd.Flags().StringVar((*string)(&opts.Format), "format", "", "terraform, cloudformation, cdk or iam")
	cmd.Flags().StringVar((*string)(&opts.Role), "role", "", "print the policy of a writer, reader or admin")
	cmd.Flags().StringVar(&opts.Account, "account", "", "account of the table in the policy alone, 12 digits; any by default")
	cmd.Flags().BoolVar(&opts.OnDemand, "on-demand", false, "bill by request instead of provisioned units")
	completeWords(cmd, "format", words(tablecode.Formats)...)
	completeWords(cmd, "role", words(tablecode.Roles)...)
	return cmd
}

func words[S ~string](all []S) []cobra.Completion {
	completions := make([]cobra.Completion, len(all))
	for i, s := range all {
		completions[i] = cobra.Completion(s)
	}
	return completions
}

// inFlags is an error of a table in the words of the command: the library's speak of Go.
type inFlags struct{ error }

func (e inFlags) Unwrap() error { return e.error }

func (e inFlags) Error() string { return goToFlags.Replace(e.error.Error()) }

var goToFlags = strings.NewReplacer(
	", or Table.Client", "",
	"see Table", "see 'dynamoslog table print --format iam'",
	"set Table.OnDemand", "say --on-demand",
	"Table.OnDemand is set", "--on-demand is said",
	"do not set Table.OnDemand", "leave --on-demand out",
	"Table.Create", "'dynamoslog table create'",
	"Table.Check", "'dynamoslog table check'",
	"Table.Name", "--table",
)

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

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

package cli

import (
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"strconv"

	"github.com/spf13/cobra"
)

func (o *options) openCommand() *cobra.Command {
	var address string
	var line int
	var browser bool
	cmd := &cobra.Command{
		Use:               "open KEY [ID] | ID",
		Short:             "Print the link to a story in the viewer, or open it",
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
			base, err := url.Parse(address)
			if err != nil || base.Scheme != "http" && base.Scheme != "https" {
				return fmt.Errorf("%w: --viewer is an address such as http://%s/, not %q", errUsage, defaultAddress, address)
			}
			to := base.JoinPath("story")
			values := make(url.Values) // the viewer finds a story by its id alone
			if !at.key.IsZero() {
				values.Set("key", at.key.String())
			}
			if id := at.id(0); id != "" {
				values.Set("id", id)
			}
			to.RawQuery = values.Encode()
			if line > 0 {
				to.Fragment = "L" + strconv.Itoa(line)
			}
			if browser {
				return openBrowser(to.String())
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), to)
			return err
		},
	}
	cmd.Flags().StringVar(&address, "viewer", "http://"+defaultAddress+"/", "address of the viewer")
	cmd.Flags().IntVar(&line, "line", 0, "number of a line to go to")
	cmd.Flags().BoolVar(&browser, "browser", false, "open it in a browser")
	return cmd
}

func openBrowser(link string) error {
	program := []string{"xdg-open", link}
	switch runtime.GOOS {
	case "darwin":
		program = []string{"open", link}
	case "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler", link}
	}
	if err := exec.Command(program[0], program[1:]...).Run(); err != nil {
		return fmt.Errorf("no browser could be opened, open %s yourself: %w", link, err)
	}
	return nil
}

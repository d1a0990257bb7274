package cli

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/dynamoslog/dynamoslog/story"
	"github.com/spf13/cobra"
)

func (o *options) showCommand() *cobra.Command {
	var stored bool
	cmd := &cobra.Command{
		Use:   "show KEY [ID]",
		Short: "Show a story; the latest of the key by default",
		Args:  arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, id, err := place(args)
			if err != nil {
				return err
			}
			return o.withStore(func(store story.Store) error {
				s, err := store.Read(cmd.Context(), key, id)
				if err != nil {
					return err
				}
				switch {
				case o.json:
					return printJSON(cmd.OutOrStdout(), struct {
						headerJSON
						Lines []story.Line `json:"story"`
					}{newHeaderJSON(s.Header), s.Lines})
				case stored:
					_, err = fmt.Fprint(cmd.OutOrStdout(), story.Format(s.Lines))
				default:
					_, err = fmt.Fprint(cmd.OutOrStdout(), render(s, paletteFor(cmd.OutOrStdout())))
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&stored, "stored", false, "print the text as it is stored, indented by call depth")
	return cmd
}

// render writes a story for people: each line under the nearest caller that logged.
func render(s story.Story, p palette) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s  %s  %s  %d lines  %s  %s\n", s.Key, s.Start.Local().Format("2006-01-02 15:04:05"),
		s.Duration, s.LineCount, s.State, story.Escape(s.ID))
	for _, name := range slices.Sorted(maps.Keys(s.Attrs)) {
		fmt.Fprintf(&out, "  %s: %s\n", story.Escape(name), story.Escape(s.Attrs[name]))
	}
	out.WriteByte('\n')
	for _, line := range story.Nest(s.Lines) {
		renderLine(&out, line, p)
	}
	return out.String()
}

func renderLine(out *strings.Builder, line story.Line, p palette) {
	sign := "+"
	if line.Offset < 0 {
		sign = "-"
	}
	head := fmt.Sprintf("%s%.3f   ", sign, line.Offset.Abs().Seconds())
	if line.Lane > 0 {
		head += fmt.Sprintf("&%d ", line.Lane)
	}
	head += strings.Repeat("  ", line.Depth)
	out.WriteString(head)
	if line.Level >= slog.LevelWarn {
		out.WriteString(p.level(line.Level) + " ")
	}
	first, further, _ := strings.Cut(line.Message, "\n")
	out.WriteString(story.Escape(first))
	if line.Attrs != "" {
		out.WriteString("  " + p.dim(story.Escape(line.Attrs)))
	}
	out.WriteByte('\n')
	if further == "" {
		return
	}
	for next := range strings.SplitSeq(further, "\n") {
		out.WriteString(strings.Repeat(" ", len(head)) + "| " + story.Escape(next) + "\n")
	}
}

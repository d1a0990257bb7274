package cli

import (
	"fmt"
	"strings"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/spf13/cobra"
)

func (o *options) errorsCommand() *cobra.Command {
	return overviewCommand{
		use:   "errors [TERM...]",
		short: "Show what goes wrong: each problem once, how often, to whom, since when",
		long: "Shows what goes wrong: stories with an error, or with -l warn a warning too, each problem once:\n" +
			"how often, whether it is new, in how many objects, when first and last, and the newest story.\n" +
			"A problem is new where as much time before has none of it. Without a time it is the last 24 hours.\n",
		level: "error",
		rows:  problemRows,
		json:  problemsJSON,
	}.command(o)
}

func problemRows(o *options, w *overviewRows, most int) (nothing string, err error) {
	if len(w.Problems) == 0 {
		return "Nothing went wrong " + w.named + ".", nil
	}
	head := fmt.Sprintf("%s: %s, %s", strings.ToUpper(w.named[:1])+w.named[1:], reading.Plural(len(w.Problems), "problem"), stories(w.Stories))
	if !w.Short {
		head += fmt.Sprintf(" (%d in as much time before)", w.Was.Stories)
	}
	if err := w.print(w.colours.dim(head)); err != nil {
		return "", err
	}
	for _, p := range w.Problems[:min(most, len(w.Problems))] {
		if err := w.problem(p); err != nil {
			return "", err
		}
	}
	return "", nil
}

func problemsJSON(o *reading.Overview) (all []any) {
	for _, p := range o.Problems {
		all = append(all, reading.ProblemJSON(p))
	}
	return all
}

func (o *options) slowCommand() *cobra.Command {
	return overviewCommand{
		use:   "slow [TERM...]",
		short: "Show what is slow, by kind and route, against the time before",
		long: "Shows how long stories take that have ended, by kind and route, or else title: median and 95th\n" +
			"percentile, that of as much time before, and the slowest story. First comes what became slower.\n" +
			"Without a time it is the last 24 hours.\n",
		rows: slowRows,
		json: slowJSON,
	}.command(o)
}

func slowRows(o *options, w *overviewRows, most int) (nothing string, err error) {
	if len(w.Slow) == 0 {
		return "No story has ended " + w.named + ".", nil
	}
	if err := w.slowHead(); err != nil {
		return "", err
	}
	for _, s := range w.Slow[:min(most, len(w.Slow))] {
		if err := w.slow(s); err != nil {
			return "", err
		}
	}
	return "", nil
}

func slowJSON(o *reading.Overview) (all []any) {
	for _, s := range o.Slow {
		all = append(all, reading.SlowJSON(s))
	}
	return all
}
